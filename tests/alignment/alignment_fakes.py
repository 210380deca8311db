"""Pictures with one bright square, reports that say where it is, and methods that listen, do not, or say the opposite."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pellucid.attribution import Attribution
from pellucid.case import Boxes, Case, Mask, Phrase
from pellucid.explainers.base import Facts, attribute
from pellucid.files import digest
from pellucid.picture import Picture
from pellucid.predictor import Batch, Predictor
from pellucid.predictors.image_text import ImageText
from pellucid.rewording import sides
from pellucid.target import Target

SIZE = 32
SQUARES = {"left": (20, 12, 28, 20), "right": (4, 12, 12, 20)}  # a patient's left is on the right of the picture
METHODS = ("fake_listening", "fake_deaf", "fake_contrary", "uniform", "sentence_prior")


def lung(side: str) -> Mask:
    mask = np.zeros((SIZE, SIZE), dtype=bool)
    mask[4:28, 17:30] = side == "left"
    mask[4:28, 2:15] |= side == "right"
    return Mask(mask, f"{side} lung")


def said(side: str, finding: str = "opacity") -> Phrase:
    """What a report says of a square on that side."""
    boxes = Boxes(np.array([SQUARES[side]], dtype=np.float64))
    there = ((finding, True),)
    return Phrase(f"There is a small {side} {finding}.", boxes, finding, regions=(f"{side} lung",), conditions=there)


def absent(finding: str = "pneumothorax") -> Phrase:
    """A sentence that says only what is not there, and names a place all the same."""
    boxes = Boxes(np.array([[0, 0, SIZE, SIZE]], dtype=np.float64))
    return Phrase(f"No {finding}.", boxes, regions=("lungs",), conditions=((finding, False),))


def case(name: str, side: str = "left", sentences: Sequence[Phrase] | None = None, patient: str | None = None) -> Case:
    """A dark picture with a bright square on the patient's side, its report, and the lungs."""
    pixels = np.random.default_rng([7, *name.encode()]).integers(0, 60, (SIZE, SIZE, 1), dtype=np.uint8)
    x0, y0, x1, y1 = SQUARES[side]
    pixels[y0:y1, x0:x1] += 180
    report = (said(side), absent()) if sentences is None else tuple(sentences)
    anatomy = (lung("right"), lung("left"))
    labels = frozenset({"opacity"})
    return Case(name, patient or f"p-{name}", {"image": Picture(pixels)}, labels, anatomy=anatomy, sentences=report)


@dataclass(eq=False)
class Reports:
    """A data set in memory."""

    test: Sequence[Case]
    train: Sequence[Case] = ()
    name: str = "squares"
    labels: tuple[str, ...] = ("opacity",)
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        return digest(*(c.id for c in self), *(s.text for c in self for s in c.sentences))

    def __len__(self) -> int:
        return len(self.test) + len(self.train)

    def __iter__(self) -> Iterator[Case]:
        yield from (*self.train, *self.test)

    def split(self, name: str) -> Sequence[Case]:
        return {"train": self.train, "validation": (), "test": self.test}[name]


def reports(n: int = 8, **options: Any) -> Reports:
    """Cases whose square is on the left and on the right by turns, and as many to learn from."""
    both = ("left", "right")
    test = [case(f"c{i}", both[i % 2]) for i in range(n)]
    return Reports(test, [case(f"t{i}", both[i % 2]) for i in range(n)], **options)


def model(seed: int = 0) -> ImageText:
    """An image-text model that has learnt nothing."""
    texts = [phrase.text for one in reports() for phrase in one.sentences]
    return ImageText.made("tiny", ["opacity"], size=(SIZE, SIZE), channels=1, texts=texts, width=16, seed=seed)


class _Fake(Facts):
    needs = ("sentence_alignment",)
    modalities = ("image",)

    def side(self, text: str, picture: np.ndarray) -> str:
        raise AssertionError

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        results = []
        for i in range(len(batch)):
            picture = batch.data[i, 0].double().numpy()
            maps = np.full((len(targets), SIZE, SIZE), 0.01)
            for k, target in enumerate(targets):
                x0, y0, x1, y1 = SQUARES[self.side(target.name, picture)]
                maps[k, y0:y1, x0:x1] = 1.0
            results.append(attribute(self, predictor, batch, i, targets, maps.reshape(len(targets), -1)))  # type: ignore[arg-type]
        return results


def _bright(picture: np.ndarray) -> str:
    return "left" if picture[:, SIZE // 2 :].mean() > picture[:, : SIZE // 2].mean() else "right"


@dataclass(frozen=True)
class Listening(_Fake):
    """Looks at the side that the sentence names, and at the bright one if it names none."""

    name = "fake_listening"

    def side(self, text: str, picture: np.ndarray) -> str:
        named = sides(text)
        return next(iter(named)) if len(named) == 1 else _bright(picture)


@dataclass(frozen=True)
class Deaf(_Fake):
    """Looks at the bright square, whatever is said."""

    name = "fake_deaf"

    def side(self, text: str, picture: np.ndarray) -> str:
        return _bright(picture)


@dataclass(frozen=True)
class Contrary(_Fake):
    """Looks at the side that the sentence does not name."""

    name = "fake_contrary"

    def side(self, text: str, picture: np.ndarray) -> str:
        return {"left": "right", "right": "left"}[Listening().side(text, picture)]


@dataclass(frozen=True)
class Silent(_Fake):
    """Speaks against every pixel."""

    signed = True
    name = "fake_silent"

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        values = -np.random.default_rng(0).random((len(targets), SIZE * SIZE))
        return [attribute(self, predictor, batch, i, targets, values) for i in range(len(batch))]  # type: ignore[arg-type]


EXPLAINERS = {"fake_listening": Listening, "fake_deaf": Deaf, "fake_contrary": Contrary, "fake_silent": Silent}
