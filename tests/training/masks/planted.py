"""Images with planted objects, each of which decides one label: a bright square, a dark square, a ring.

Small enough to learn in seconds, and what a mask should mark is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.case import Case, Mask
from pellucid.files import digest
from pellucid.picture import Picture

if TYPE_CHECKING:
    from pellucid.datasets.base import SplitName

KINDS = ("bright", "dark", "ring")
SIDE = 12


def draw(pixels: np.ndarray, kind: str, top: int, left: int) -> np.ndarray:
    """Plant an object in place; its mask."""
    mask = np.zeros(pixels.shape, dtype=bool)
    mask[top : top + SIDE, left : left + SIDE] = True
    if kind == "ring":
        mask[top + 3 : top + SIDE - 3, left + 3 : left + SIDE - 3] = False
    pixels[mask] = 0.15 if kind == "dark" else 0.85
    mask[top : top + SIDE, left : left + SIDE] = True
    return mask


def planted(name: str, kinds: Sequence[str], size: int, random: np.random.Generator) -> Case:
    """An image with objects of those kinds in different quarters."""
    pixels = np.clip(0.5 + random.normal(0, 0.06, (size, size)), 0, 1)
    quarters = random.permutation(4)[: len(kinds)]
    evidence = []
    for kind, quarter in zip(kinds, quarters, strict=True):
        room = size // 2 - SIDE - 1
        top, left = (int(random.integers(1, room + 1)) + half * (size // 2) for half in divmod(int(quarter), 2))
        evidence.append(Mask(draw(pixels, kind, top, left), kind))
    return Case(name, f"patient-{name}", {"image": Picture.of(pixels.astype(np.float32))}, frozenset(kinds), tuple(evidence))


@dataclass(eq=False)
class Planted:
    """`n` images with up to three objects, none of a kind twice; the first fifth are validation, the rest for training."""

    n: int = 200
    size: int = 48
    seed: int = 0
    name: str = "planted"
    labels: tuple[str, ...] = KINDS
    about: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        random = np.random.default_rng(self.seed)
        shown = [tuple(kind for kind in KINDS if random.random() < 0.45) for _ in range(self.n)]
        self.cases = [planted(f"p{self.seed}-{i}", kinds, self.size, random) for i, kinds in enumerate(shown)]
        self.fingerprint = digest(*(case.picture.pixels.tobytes() for case in self.cases))

    def __len__(self) -> int:
        return self.n

    def __iter__(self) -> Iterator[Case]:
        return iter(self.cases)

    def split(self, name: SplitName) -> Sequence[Case]:
        border = self.n // 5
        return {"train": self.cases[border:], "validation": self.cases[:border], "test": self.cases[:0]}[name]
