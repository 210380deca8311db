"""Do scores add up to what the model does? How far the output falls without random sets of units, against their scores.

s is the sum of the scores of a set of units, d how far the output falls without them. All metrics here are views of the same
perturbed inputs (:mod:`pellucid.metrics.subsets`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from pellucid.metrics.base import GRIDS, Modalities, Need, Reading, Undefined
from pellucid.metrics.checked import scores_of
from pellucid.metrics.facts import Facts
from pellucid.registry import metrics

YEH = "Yeh et al. 2019, On the (in)fidelity and sensitivity of explanations"


class _Additive(Facts):
    needs: ClassVar[tuple[Need, ...]] = ("subsets",)
    family: ClassVar[str] = "faithfulness"
    modalities: ClassVar[Modalities] = GRIDS


@metrics.register("infidelity")
@dataclass(frozen=True)
class Infidelity(_Additive):
    """Mean squared difference of d and beta s, with the beta of at least 0 that makes it smallest.

    Without beta the figure would depend on the scale of the scores, which differs between methods for no good reason. Beta is
    not negative: a map that points the wrong way is as bad as one of zeros, whose infidelity is the mean of d squared. At most
    1 on probabilities.

    Raises:
        Undefined: no random sets were removed; fewer than two units can be removed; a score is not finite.
    """

    name = "infidelity"
    higher_is_better: ClassVar[bool | None] = False
    range: ClassVar[tuple[float, float]] = (0.0, np.inf)
    cites = f"{YEH}; with the scale of its released code, which may not be negative here"

    def __call__(self, reading: Reading) -> float:
        sums, falls = additive(reading)
        return float(np.mean((falls - beta(sums, falls) * sums) ** 2))


@metrics.register("infidelity_scale")
@dataclass(frozen=True)
class InfidelityScale(_Additive):
    """The beta of infidelity, for scores whose sizes sum to 1: how far the output falls per unit share of the scores.

    0 where the map points the wrong way. It says in which unit a method speaks, so neither direction is better.

    Raises:
        Undefined: the scores of every set sum to 0; or as for infidelity.
    """

    name = "infidelity_scale"
    higher_is_better: ClassVar[bool | None] = None
    range: ClassVar[tuple[float, float]] = (0.0, np.inf)
    cites = YEH

    def __call__(self, reading: Reading) -> float:
        sums, falls = additive(reading)
        if not sums.any():
            raise Undefined("the scores of every set sum to 0")
        return beta(sums, falls)


@metrics.register("sensitivity_n")
@dataclass(frozen=True)
class SensitivityN(_Additive):
    """Pearson correlation of s and d over sets of one size, averaged over sizes; 1 for scores that add up to the output.

    Raises:
        Undefined: s or d is the same for all sets of every size; or as for infidelity.
    """

    name = "sensitivity_n"
    range: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    cites = "Ancona et al. 2018, Towards better understanding of gradient-based attribution methods"

    def __call__(self, reading: Reading) -> float:
        sums, falls = additive(reading)
        assert reading.subsets is not None
        sizes = reading.subsets.gone.sum(axis=1)
        parts = [sizes == size for size in np.unique(sizes)]
        found = [r for part in parts if not np.isnan(r := pearson(sums[part], falls[part]))]
        if not found:
            raise Undefined("sets of one size do not differ")
        return float(np.mean(found))


@metrics.register("faithfulness_correlation")
@dataclass(frozen=True)
class FaithfulnessCorrelation(_Additive):
    """Pearson correlation of s and d over sets of all sizes together.

    Larger sets fall further whatever the scores say, so even an even map of positive scores is above 0 here; compare it with
    `sensitivity_n`, which holds the size.

    Raises:
        Undefined: s or d is the same for all sets; or as for infidelity.
    """

    name = "faithfulness_correlation"
    range: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    cites = "Bhatt et al. 2020, Evaluating and aggregating feature-based model explanations; over several sizes"

    def __call__(self, reading: Reading) -> float:
        value = pearson(*additive(reading))
        if np.isnan(value):
            raise Undefined("the sets do not differ")
        return value


def additive(reading: Reading) -> tuple[Float[np.ndarray, " S"], Float[np.ndarray, " S"]]:
    """s and d of every set, for scores whose sizes sum to 1 (or are all 0).

    Raises:
        Undefined: no random sets were removed; fewer than two units can be removed; a score is not finite.
    """
    if reading.subsets is None:
        raise Undefined("no random sets were removed")
    if not len(reading.subsets.gone):
        raise Undefined("fewer than two units can be removed")
    scores = scores_of(reading)
    largest = np.abs(scores).max()
    scaled = scores / largest if largest else scores  # first to a scale where the sum neither underflows nor overflows
    share = scaled / np.abs(scaled).sum() if largest else scaled
    return np.asarray(reading.subsets.gone @ share), np.asarray(reading.subsets.fall, dtype=np.float64)


def beta(sums: Float[np.ndarray, " S"], falls: Float[np.ndarray, " S"]) -> float:
    """The factor of at least 0 that brings the sums nearest to the falls; 0 where all sums are 0."""
    power = float(sums @ sums)
    return max(float(sums @ falls) / power, 0.0) if power else 0.0


def pearson(a: Float[np.ndarray, " S"], b: Float[np.ndarray, " S"]) -> float:
    """Correlation; NaN where one of the two does not vary (more than rounding makes it)."""
    spread = [x.std() > 1e-12 * np.abs(x).max(initial=0.0) for x in (a, b)]
    if not all(spread):
        return float("nan")
    return float(np.clip(np.mean((a - a.mean()) * (b - b.mean())) / (a.std() * b.std()), -1.0, 1.0))
