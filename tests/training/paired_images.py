"""Images with reports of a few sentences: a bright square in one lung, which the report names with its side."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from pellucid.case import Boxes, Case, Mask, Phrase
from pellucid.files import digest
from pellucid.picture import Picture
from pellucid.predictors.image_text import CORRECTED, Comparing, ImageText
from pellucid.training.objectives import objective
from pellucid.training.objectives.base import Objective
from pellucid.training.run import true_labels
from pellucid.training.step import Step

if TYPE_CHECKING:
    from pellucid.datasets.base import SplitName

SIZE = 32
LABELS = ("opacity", "nodule")
COLUMNS = {"right": 4, "left": 18}  # the patient's right is on the left of the picture


def lung(side: str) -> Mask:
    mask = np.zeros((SIZE, SIZE), dtype=bool)
    mask[4:28, COLUMNS[side] : COLUMNS[side] + 10] = True
    return Mask(mask, f"{side} lung")


def square(side: str, top: int = 8) -> np.ndarray:
    mask = np.zeros((SIZE, SIZE), dtype=bool)
    mask[top : top + 8, COLUMNS[side] + 1 : COLUMNS[side] + 9] = True
    return mask


def seen(side: str, finding: str = "opacity", top: int = 8) -> Phrase:
    """A finding with its place, as a mask with its box."""
    mask = square(side, top)
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = np.array([[columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]], dtype=np.float64)
    text = f"{side.capitalize()} {finding}."
    return Phrase(text, Boxes(box), finding, mask=mask, regions=(f"{side} lung",), conditions=((finding, True),))


def zoned(side: str = "left", level: str = "upper", finding: str = "opacity") -> Phrase:
    """A finding whose sentence names its height in the lung, too."""
    text, regions = f"{side.capitalize()} {level} zone {finding}.", (f"{side} lung", f"{side} {level} zone")
    return replace(seen(side, finding, 8 if level == "upper" else 18), text=text, regions=regions)


def absent(finding: str = "nodule", side: str | None = None) -> Phrase:
    """A finding that is not there, with the lungs where it would be."""
    text = f"No {finding}." if side is None else f"No {side} {finding}."
    boxes = Boxes(np.array([[4.0, 4.0, 28.0, 28.0]]))
    return Phrase(text, boxes, regions=("lungs",) if side is None else (f"{side} lung",), conditions=((finding, False),))


def clear(side: str) -> Phrase:
    mask = lung(side).mask
    boxes = Boxes(np.zeros((0, 4)))
    return Phrase(f"The {side} lung is clear.", boxes, mask=mask, regions=(f"{side} lung",), conditions=(("normal", True),))


def image(name: str, *sentences: Phrase, anatomy: bool = True) -> Case:
    """Noise with what the sentences say."""
    pixels = np.random.default_rng([*name.encode()]).normal(0.35, 0.05, (SIZE, SIZE))
    shown = [phrase for phrase in sentences if phrase.label is not None and phrase.mask is not None]
    for phrase in shown:
        pixels[phrase.mask] += 0.4
    picture = Picture(np.clip(pixels, 0, 1).astype(np.float32)[..., None])
    labels = frozenset(phrase.label for phrase in shown if phrase.label)
    parts = (lung("right"), lung("left")) if anatomy else ()
    return Case(name, f"patient-{name}", {"image": picture}, labels, anatomy=parts, sentences=sentences)


def some() -> tuple[Case, ...]:
    """Each with one sentence, so that nothing is left to a draw."""
    return (
        image("a", seen("left")),
        image("b", seen("right")),
        image("c", absent("opacity")),
        image("d", seen("left", "nodule", 18)),
    )


@cache
def _made(rule: Comparing) -> ImageText:
    texts = [phrase.text for case in Reports(40).cases for phrase in case.sentences] + ["The right lung is clear."]
    return ImageText.made("tiny", LABELS, size=(SIZE, SIZE), channels=1, texts=texts, rule=rule, width=16)


def model(rule: Comparing = CORRECTED, *, double: bool = True) -> ImageText:
    """A new model with random weights; in evaluation mode."""
    network = copy.deepcopy(_made(rule).module)
    made = ImageText(network.eval(), LABELS, size=(SIZE, SIZE))
    return made.to(dtype=torch.float64) if double else made


def step(network: ImageText, *cases: Case, text: str = "contrastive", among: Sequence[Case] = ()) -> Step:
    """A step on the cases; `among` are those of training, if there are others."""
    truth = torch.from_numpy(true_labels(cases, network.labels)).float()
    helpers = objective(text).helpers(network, among or cases)
    return Step(network, network.encode(cases), truth, helpers=helpers)


def part(text: str) -> Objective:
    """The last term."""
    return objective(text).parts[-1][1]


def cost(network: ImageText, *cases: Case, text: str, among: Sequence[Case] = ()) -> torch.Tensor:
    return part(text)(step(network, *cases, text=text, among=among))


@dataclass(eq=False)
class Reports:
    """`n` images with an opacity on one side, by turns, and a sentence of what is absent; the first fifth are validation."""

    n: int = 30
    seed: int = 0
    name: str = "reports"
    labels: tuple[str, ...] = LABELS
    about: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        random = np.random.default_rng(self.seed)
        self.cases = []
        for i in range(self.n):
            side, other = ("left", "right") if i % 2 else ("right", "left")
            finding = LABELS[int(random.integers(2))]
            more = absent(LABELS[1 - LABELS.index(finding)]) if i % 3 else clear(other)
            self.cases.append(image(f"r{i}", seen(side, finding, int(random.integers(5, 20))), more))
        said = [phrase.text for case in self.cases for phrase in case.sentences]
        self.fingerprint = digest(*said, *(case.picture.pixels.tobytes().hex() for case in self.cases))

    def __len__(self) -> int:
        return self.n

    def __iter__(self) -> Iterator[Case]:
        return iter(self.cases)

    def split(self, name: SplitName) -> Sequence[Case]:
        border = self.n // 5
        return {"train": self.cases[border:], "validation": self.cases[:border], "test": self.cases[:0]}[name]
