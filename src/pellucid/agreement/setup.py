"""What a comparison will do, decided before it sees a single explanation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from pellucid.agreement.disagreement import TOP
from pellucid.datasets.base import SplitName
from pellucid.errors import PellucidError

_LEAST = {
    "cases": 1, "max_targets": 1, "across": 1, "vocabulary": 1, "folds": 2, "permutations": 0, "draws": 1, "seed": 0,
}  # fmt: skip


@dataclass(frozen=True)
class Setup:
    """Everything that decides the figures, besides models, methods and data.

    Attributes:
        split: which cases are explained.
        cases: at most so many, drawn at random; None for all.
        max_targets: at most so many labels a case, drawn at random; None for all that it has.
        across: patches along each side of an image, or stretches along each lead of a signal. Scores are summed into them.
        vocabulary: of texts, the two-sample test sees so many words, those of most patients. All else sees every word.
        top: how many units are the first ones: a share of them below 1, else a number of units.
        signed: the two-sample test sees the signs of scores, too.
        folds, strength, permutations: of the two-sample test; see :func:`pellucid.agreement.two_sample.two_sample`.
        draws: of the bootstrap.
        seed: of all draws.

    Raises:
        PellucidError: a field holds what it cannot hold.
    """

    split: SplitName = "test"
    cases: int | None = None
    max_targets: int | None = None
    across: int = 14
    vocabulary: int = 300
    top: float = TOP
    signed: bool = False
    folds: int = 5
    strength: float = 1.0
    permutations: int = 200
    draws: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.split not in get_args(SplitName):
            raise PellucidError(f"There is no split {self.split!r}; choose one of {', '.join(get_args(SplitName))}.")
        least = {
            "cases": 1,
            "max_targets": 1,
            "across": 1,
            "vocabulary": 1,
            "folds": 2,
            "permutations": 0,
            "draws": 1,
            "seed": 0,
        }
        for name, smallest in least.items():
            value = getattr(self, name)
            if value is not None and value < smallest:
                raise PellucidError(f"The comparison's {name} is {value}; it must be at least {smallest}.")
        for name in ("top", "strength"):
            if not getattr(self, name) > 0:
                raise PellucidError(f"The comparison's {name} is {getattr(self, name)}; it must be above 0.")

    @property
    def first(self) -> float:
        """`top` as :func:`pellucid.agreement.disagreement.disagreement` reads it."""
        return self.top if self.top < 1 else int(self.top)
