"""Where sentences about the same regions lie in other pictures: what a map wins by knowing anatomy alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Float

from pellucid.alignment.sentences import truth_of
from pellucid.case import Case
from pellucid.errors import DataError
from pellucid.units import PixelUnits

Regions = frozenset[str]


@dataclass(frozen=True, eq=False)
class SentencePrior:
    """The mean place of training sentences, by the regions that they name.

    Attributes:
        places: for each set of regions the share of its sentences that cover each pixel.
        usual: the same of all sentences, for regions that no training sentence has.
        sentences: how many it was made from.
    """

    places: Mapping[Regions, Float[np.ndarray, " U"]]
    usual: Float[np.ndarray, " U"]
    sentences: int

    @classmethod
    def of(cls, cases: Iterable[Case], units: PixelUnits) -> Self:
        """From the groundable sentences of training cases, at the resolution of the model.

        Raises:
            DataError: there is no such sentence.
        """
        sums: dict[Regions, Float[np.ndarray, " U"]] = {}
        counts: dict[Regions, int] = {}
        for case in cases:
            grounded = [phrase for phrase in case.sentences if phrase.groundable]
            size = case.picture.size if grounded else ()
            for phrase in grounded:
                truth = truth_of(phrase, size, units)
                if truth is not None:
                    about = frozenset(phrase.regions)
                    sums[about] = sums.get(about, np.zeros(len(units))) + truth
                    counts[about] = counts.get(about, 0) + 1
        if not sums:
            raise DataError("no training sentence has a place")
        usual = np.sum(list(sums.values()), axis=0) / sum(counts.values())
        return cls({about: sums[about] / counts[about] for about in sums}, usual, sum(counts.values()))

    def __call__(self, regions: Sequence[Iterable[str]]) -> Float[np.ndarray, "K U"]:
        """A map for each sentence, from its regions alone."""
        return np.stack([self.places.get(frozenset(about), self.usual) for about in regions])
