"""Metrics of faithfulness: how the model's output follows an explanation when units are removed or kept.

Notation: p is the output on the whole input, removed_j the output without the top n_j units, kept_j the output with nothing but
the top n_j units, for the steps 0 = n_0 < n_1 < ... < n_T = U of one sweep; t_j = n_j / U. All averages are in float64 and the
ranges named are those of the probability scale; on logits every metric but the normalised ones is unbounded.

An input of fewer than two units has only one order, so no explanation of it is more faithful than another: every metric here
raises :class:`~pellucid.metrics.base.Undefined` there, rather than return a number that says nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float

from pellucid.metrics.base import EVERY, Curves, Modalities, Need, Orders, Reading, Undefined
from pellucid.registry import metrics

DE_YOUNG = "DeYoung et al. 2020, ERASER (ACL)"
EDIN_2024 = "Edin et al. 2024 (EMNLP), arXiv 2406.08958"
EDIN_2025 = "Edin et al. 2025, Normalized AOPC (ACL), arXiv 2408.08137"
PETSIUK = "Petsiuk et al. 2018, RISE (BMVC)"
SAMEK = "Samek et al. 2017, Evaluating the visualization of what a deep neural network has learned (IEEE TNNLS)"
BLUECHER = "Bluecher et al. 2024, Decoupling pixel flipping and occlusion strategy (TMLR)"

RESOLUTION = 1e-7
"""Bounds of AOPC nearer than this are the same number: a model that computes in single precision tells no more apart."""


class _Faithfulness:
    """Facts that all of these metrics share; a metric overrides what differs."""

    family: ClassVar[str] = "faithfulness"
    modalities: ClassVar[Modalities] = EVERY
    needs: ClassVar[tuple[Need, ...]] = ("curves",)
    higher_is_better: ClassVar[bool | None] = True
    range: ClassVar[tuple[float, float]] = (-1.0, 1.0)


@metrics.register("comprehensiveness")
@dataclass(frozen=True)
class Comprehensiveness(_Faithfulness):
    """Mean fall of the output as the top units are removed, over the steps between nothing and everything.

    mean of p - removed_j over 0 < j < T. The first step (nothing removed, fall 0) and the last (everything removed, the same
    for every explanation) are left out.
    """

    name: ClassVar[str] = "comprehensiveness"
    cites: ClassVar[str] = DE_YOUNG

    def __call__(self, reading: Reading) -> float:
        curves = _curves(reading)
        return float(np.mean(curves.removed[0] - curves.removed[_between(curves)]))


@metrics.register("sufficiency")
@dataclass(frozen=True)
class Sufficiency(_Faithfulness):
    """Mean fall of the output when only the top units are kept, over the steps between nothing and everything.

    mean of p - kept_j over 0 < j < T; negative where the top units alone say more than the whole input.
    """

    name: ClassVar[str] = "sufficiency"
    higher_is_better: ClassVar[bool | None] = False
    cites: ClassVar[str] = DE_YOUNG

    def __call__(self, reading: Reading) -> float:
        curves = _curves(reading)
        return float(np.mean(curves.removed[0] - curves.kept[_between(curves)]))


@metrics.register("comprehensiveness_relative")
@dataclass(frozen=True)
class ComprehensivenessRelative(_Faithfulness):
    """Comprehensiveness as a share of the output on the whole input; probabilities only.

    mean of (p - removed_j) / p over 0 < j < T.
    """

    name: ClassVar[str] = "comprehensiveness_relative"
    range: ClassVar[tuple[float, float]] = (-math.inf, 1.0)
    cites: ClassVar[str] = EDIN_2024

    def __call__(self, reading: Reading) -> float:
        whole = _whole_probability(_curves(reading))
        return Comprehensiveness()(reading) / whole


@metrics.register("sufficiency_relative")
@dataclass(frozen=True)
class SufficiencyRelative(_Faithfulness):
    """Sufficiency as a share of the output on the whole input; probabilities only.

    mean of (p - kept_j) / p over 0 < j < T. Negative falls count as they are; the published figures set them to 0 first.
    """

    name: ClassVar[str] = "sufficiency_relative"
    higher_is_better: ClassVar[bool | None] = False
    range: ClassVar[tuple[float, float]] = (-math.inf, 1.0)
    cites: ClassVar[str] = EDIN_2024

    def __call__(self, reading: Reading) -> float:
        whole = _whole_probability(_curves(reading))
        return Sufficiency()(reading) / whole


@metrics.register("deletion_auc")
@dataclass(frozen=True)
class DeletionAuc(_Faithfulness):
    """Area under the output as the top units are removed, over the fraction removed.

    Trapezoids of removed_j over t_j from 0 to 1, both ends included.
    """

    name: ClassVar[str] = "deletion_auc"
    higher_is_better: ClassVar[bool | None] = False
    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    cites: ClassVar[str] = PETSIUK

    def __call__(self, reading: Reading) -> float:
        curves = _curves(reading)
        return _area(curves, curves.removed)


@metrics.register("insertion_auc")
@dataclass(frozen=True)
class InsertionAuc(_Faithfulness):
    """Area under the output as the top units are put back, over the fraction kept.

    Trapezoids of kept_j over t_j from 0 to 1, both ends included.
    """

    name: ClassVar[str] = "insertion_auc"
    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    cites: ClassVar[str] = PETSIUK

    def __call__(self, reading: Reading) -> float:
        curves = _curves(reading)
        return _area(curves, curves.kept)


@metrics.register("srg")
@dataclass(frozen=True)
class SymmetricRelevanceGain(_Faithfulness):
    """Area between removing the least relevant units first and removing the most relevant first.

    Keeping the top n units is removing the U - n least relevant ones, so this is the insertion area minus the deletion area.
    It depends on the filler far less than either. A random order gives 0 on average, up to the error of the step grid.
    """

    name: ClassVar[str] = "srg"
    cites: ClassVar[str] = BLUECHER

    def __call__(self, reading: Reading) -> float:
        curves = _curves(reading)
        return _area(curves, curves.kept) - _area(curves, curves.removed)


@metrics.register("aopc")
@dataclass(frozen=True)
class Aopc(_Faithfulness):
    """Area over the perturbation curve: mean fall of the output over all steps that remove something.

    mean of p - removed_j over 0 < j <= T, the step that removes everything included (comprehensiveness leaves it out).
    """

    name: ClassVar[str] = "aopc"
    cites: ClassVar[str] = SAMEK

    def __call__(self, reading: Reading) -> float:
        curves = _curves(reading)
        return float(np.mean(curves.removed[0] - curves.removed[1:]))


@metrics.register("naopc_comprehensiveness")
@dataclass(frozen=True)
class NaopcComprehensiveness(_Faithfulness):
    """AOPC of removing the most important units first, on the way from the least to the greatest of any order (0 to 1)."""

    name: ClassVar[str] = "naopc_comprehensiveness"
    needs: ClassVar[tuple[Need, ...]] = ("orders",)
    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    cites: ClassVar[str] = EDIN_2025

    def __call__(self, reading: Reading) -> float:
        orders, width = _orders(reading)
        return (orders.most_first - orders.lower) / width


@metrics.register("naopc_sufficiency")
@dataclass(frozen=True)
class NaopcSufficiency(_Faithfulness):
    """AOPC of removing the least important units first, on the way from the least to the greatest of any order (0 to 1)."""

    name: ClassVar[str] = "naopc_sufficiency"
    needs: ClassVar[tuple[Need, ...]] = ("orders",)
    higher_is_better: ClassVar[bool | None] = False
    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    cites: ClassVar[str] = EDIN_2025

    def __call__(self, reading: Reading) -> float:
        orders, width = _orders(reading)
        return (orders.least_first - orders.lower) / width


@metrics.register("naopc_gap")
@dataclass(frozen=True)
class NaopcGap(_Faithfulness):
    """How little the bounds of NAOPC are settled: the share of their distance that doubling the beam added.

    0 where the bounds are exact. It judges the measurement, not the explanation, so neither direction is better.
    """

    name: ClassVar[str] = "naopc_gap"
    needs: ClassVar[tuple[Need, ...]] = ("orders",)
    higher_is_better: ClassVar[bool | None] = None
    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    cites: ClassVar[str] = EDIN_2025

    def __call__(self, reading: Reading) -> float:
        orders, width = _orders(reading)
        return orders.gap / width


def _curves(reading: Reading) -> Curves:
    """The sweep of the reading, if its input has a choice of orders."""
    if reading.curves is None:
        raise Undefined("no perturbation sweep was run")
    if reading.curves.counts[-1] < 2:
        raise Undefined("fewer than two units can be removed")
    return reading.curves


def _between(curves: Curves) -> Bool[np.ndarray, " T"]:
    """True for the steps between nothing and everything."""
    inner = (curves.counts > 0) & (curves.counts < curves.counts[-1])
    if not inner.any():
        raise Undefined("the sweep has no step between nothing and everything")
    return np.asarray(inner)


def _whole_probability(curves: Curves) -> float:
    """p, if a share of it means something."""
    if curves.scale != "probability":
        raise Undefined("a share of a logit has no meaning")
    if curves.removed[0] == 0.0:
        raise Undefined("the output on the whole input is 0")
    return float(curves.removed[0])


def _area(curves: Curves, values: Float[np.ndarray, " T"]) -> float:
    """Trapezoids of `values` over the fraction of units, from 0 to 1."""
    fractions = curves.counts / curves.counts[-1]
    return float(np.sum(np.diff(fractions) * (values[1:] + values[:-1]) / 2))


def _orders(reading: Reading) -> tuple[Orders, float]:
    """The orders of the reading and the distance between their bounds."""
    if reading.orders is None:
        raise Undefined("no orders were evaluated")
    width = reading.orders.upper - reading.orders.lower
    if width <= RESOLUTION:
        raise Undefined("every order of removal gives the same output")
    return reading.orders, width
