"""Random draws of one patient: a thin, fast face on a NumPy generator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")

_BLOCK = 256  # uniform numbers drawn at once: one call a number would cost more than all the rest


class Dice:
    """Draws that depend on nothing but `entropy` (non-negative integers) and on the draws before them."""

    def __init__(self, *entropy: int) -> None:
        self._generator = np.random.default_rng(list(entropy))
        self._ready: list[float] = []

    def uniform(self) -> float:
        """A number in [0, 1)."""
        if not self._ready:
            self._ready = self._generator.random(_BLOCK).tolist()
        return self._ready.pop()

    def chance(self, probability: float) -> bool:
        """True with that probability; never for 0, always for 1."""
        return self.uniform() < probability

    def between(self, low: int, high: int) -> int:
        """An integer from `low` to `high`, both possible."""
        return low + int(self.uniform() * (high - low + 1))

    def near(self, middle: float, reach: float) -> float:
        """A number at most `reach` away from `middle`."""
        return middle + reach * (2 * self.uniform() - 1)

    def pick(self, options: Sequence[T]) -> T:
        """One of the options, all equally likely. The options are not empty."""
        return options[int(self.uniform() * len(options))]

    def weighted(self, options: Sequence[T], weights: Sequence[float]) -> T:
        """One of the options, likely in proportion to its weight. The options are not empty."""
        level = self.uniform() * sum(weights)
        for option, weight in zip(options, weights, strict=True):
            level -= weight
            if level < 0:
                return option
        return options[-1]  # rounding may leave a level of 0 after the last

    def shuffled(self, options: Sequence[T]) -> list[T]:
        """The options in random order, as a new list."""
        result = list(options)
        for i in range(len(result) - 1, 0, -1):
            j = int(self.uniform() * (i + 1))
            result[i], result[j] = result[j], result[i]
        return result
