"""How much an explanation asks its reader to take in, whatever it says. Needs no evidence.

None of these is a quality by itself: the shortest explanation may be the wrong one. Read them beside faithfulness.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from pellucid.metrics.base import Modalities, Need, Reading, Undefined, shares
from pellucid.metrics.checked import magnitudes_of, scores_of, text_of
from pellucid.metrics.facts import Facts
from pellucid.metrics.threshold import shown
from pellucid.metrics.tokens import EDIN
from pellucid.metrics.top import first_places
from pellucid.registry import metrics


class _Complexity(Facts):
    higher_is_better: ClassVar[bool | None] = False
    needs: ClassVar[tuple[Need, ...]] = ()
    family = "complexity"


@metrics.register("empty")
@dataclass(frozen=True)
class Empty(_Complexity):
    """1 if no unit is shown at the tuned threshold, else 0; its mean is the rate of empty explanations.

    Raises:
        Undefined: no threshold was tuned; no units; a score is not finite.
    """

    name = "empty"
    needs: ClassVar[tuple[Need, ...]] = ("threshold",)
    cites = EDIN

    def __call__(self, reading: Reading) -> float:
        return float(not shown(reading).any())


@metrics.register("punctuation_share")
@dataclass(frozen=True)
class PunctuationShare(_Complexity):
    """Share of the positive score that lies on units without any letter or digit.

    Raises:
        Undefined: no score is positive; no units; a score is not finite.
    """

    name = "punctuation_share"
    modalities: ClassVar[Modalities] = ("text",)
    cites = EDIN

    def __call__(self, reading: Reading) -> float:
        share = shares(scores_of(reading))
        if not share.any():
            raise Undefined("no score is positive")
        return float(min(share[text_of(reading).is_punctuation].sum(), 1.0))


@metrics.register("punctuation_at_5", k=5)
@dataclass(frozen=True)
class PunctuationAtK(_Complexity):
    """Share of units without any letter or digit among the first k units, or among all that have a positive score if fewer do.

    Where equal scores straddle the k-th place, the exact expectation over random draws among them.

    Raises:
        Undefined: no score is positive; no units; a score is not finite.
    """

    k: int = 5
    modalities: ClassVar[Modalities] = ("text",)
    cites = EDIN

    @property
    def name(self) -> str:
        return f"punctuation_at_{self.k}"

    def __call__(self, reading: Reading) -> float:
        scores = scores_of(reading)
        places = min(self.k, int((scores > 0.0).sum()))
        if not places:
            raise Undefined("no score is positive")
        return first_places(scores, text_of(reading).is_punctuation, places).expected / places


@metrics.register("entropy")
@dataclass(frozen=True)
class Entropy(_Complexity):
    """Shannon entropy of the sizes |score| as shares, divided by log U: 0 for a single unit, 1 for a uniform map.

    Raises:
        Undefined: all scores are zero; only one unit (0 / 0); no units; a score is not finite.
    """

    name = "entropy"
    cites = "Bhatt et al. 2020, Evaluating and aggregating feature-based model explanations; normalised"

    def __call__(self, reading: Reading) -> float:
        share = magnitudes_of(reading)
        if len(share) == 1:
            raise Undefined("a single unit has no entropy to normalise")
        share = share[share > 0.0]
        return float(np.clip(-(share * np.log(share)).sum() / np.log(len(reading.scores)), 0.0, 1.0))


@metrics.register("gini")
@dataclass(frozen=True)
class Gini(_Complexity):
    """Gini index of the sizes |score|: 0 for a uniform map, (U - 1) / U where one unit holds everything.

    Raises:
        Undefined: all scores are zero; no units; a score is not finite.
    """

    name = "gini"
    higher_is_better: ClassVar[bool | None] = True
    cites = "Chalasani et al. 2020, Concise explanations of neural networks using adversarial training"

    def __call__(self, reading: Reading) -> float:
        share = np.sort(magnitudes_of(reading))
        n = len(share)
        return float(max((2 * np.arange(1, n + 1) - n - 1) @ share / n, 0.0))


@metrics.register("k90")
@dataclass(frozen=True)
class K90(_Complexity):
    """Smallest number of units that together hold 90 % of the sizes |score|.

    Raises:
        Undefined: all scores are zero; no units; a score is not finite.
    """

    name = "k90"
    range = (1.0, float("inf"))
    modalities: ClassVar[Modalities] = ("text", "table")
    cites = "Own definition; replaces counts of scores above a fixed epsilon, which depend on the scale of a method"

    def __call__(self, reading: Reading) -> float:
        return float(_holding(magnitudes_of(reading), 0.9))


@metrics.register("k90_share")
@dataclass(frozen=True)
class K90Share(_Complexity):
    """Smallest share of the units that together hold 90 % of the positive score; 0.9 (rounded up) for a constant positive map.

    Raises:
        Undefined: no score is positive; no units; a score is not finite.
    """

    name = "k90_share"
    modalities: ClassVar[Modalities] = ("image", "signal")
    cites = "Own definition; replaces counts of scores above a fixed epsilon, which depend on the scale of a method"

    def __call__(self, reading: Reading) -> float:
        share = shares(scores_of(reading))
        if not share.any():
            raise Undefined("no score is positive")
        return _holding(share, 0.9) / len(share)


def _holding(share: Float[np.ndarray, " U"], part: float) -> int:
    """Smallest number of units that together hold `part` of everything."""
    held = np.cumsum(-np.sort(-share))
    # The tolerance keeps nine of ten equal units at 90 %, whichever way their sum was rounded.
    return int(np.searchsorted(held, part * (1.0 - 1e-12))) + 1
