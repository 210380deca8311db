"""Explanations that know nothing of the model: the rows that every table needs.

In text they are drawn over words and shared among tokens, so that summing tokens into words does not favour long words. In
images they are drawn over pixels, in signals over samples, in rows over features; baselines for images alone are in
:mod:`pellucid.explainers.images.baselines`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import InitVar, dataclass, replace
from typing import Any, Self

import numpy as np
from jaxtyping import Float

from pellucid.attribution import Attribution
from pellucid.case import Case, Spans, marked
from pellucid.errors import PellucidError
from pellucid.explainers.base import Explainer, Facts, attribute
from pellucid.explainers.images.prior import PicturePrior, learnt
from pellucid.explainers.spreading import spread
from pellucid.predictor import Batch, Predictor, modality_of
from pellucid.randomness import stream
from pellucid.registry import explainers
from pellucid.target import Target
from pellucid.units import PixelUnits, TextUnits, words


def _shared(
    explainer: Explainer,
    predictor: Predictor,
    batch: Batch,
    targets: Sequence[Target],
    score: Callable[[Case, Any], Float[np.ndarray, "K V"]],
) -> list[Attribution]:
    """Scores of words, shared among their tokens; or of pixels.

    Args:
        score: given a case and its words or pixels.
    """
    results = []
    for i, (case, units) in enumerate(zip(batch.cases, batch.units, strict=True)):
        coarse = words(units.text) if isinstance(units, TextUnits) else units
        values = spread(score(case, coarse), units.group(coarse))
        results.append(attribute(explainer, predictor, batch, i, targets, values))
    return results


@explainers.register("random")
@dataclass(frozen=True)
class Random(Facts):
    """A uniform random number for each word, pixel, sample or measurement, and target: what any method must beat.

    Args:
        seed: the numbers depend on it, on the case's id and on the target's name, and on nothing else.
    """

    seed: int = 0
    stochastic = True
    modalities = ("text", "image", "table", "signal")
    cites = "chance level"
    name = "random"

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        def score(case: Case, units: TextUnits | PixelUnits) -> Float[np.ndarray, "K V"]:
            return np.stack([stream(self.seed, case.id, t.name).random(len(units)) for t in targets])

        return _shared(self, predictor, batch, targets, score)


@explainers.register("uniform")
@dataclass(frozen=True)
class Uniform(Facts):
    """The same score for every word, pixel, sample or measurement: the value that a metric gives to saying nothing."""

    modalities = ("text", "image", "table", "signal")
    cites = "chance level"
    name = "uniform"

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        return _shared(self, predictor, batch, targets, lambda _, units: np.ones((len(targets), len(units))))


@explainers.register("prior")
@dataclass(frozen=True)
class Prior(Facts):
    """Where evidence stands in other cases: the share of words marked as evidence, by position in the note; of images, the
    share of cases in which a pixel is marked (:class:`pellucid.explainers.images.prior.PicturePrior`).

    It must be fitted on cases that it will not explain; the audit fits it on the training split.

    Args:
        bins: how many stretches a note is cut into, by characters.
        density: what fitting found, one value a bin; None before.
        pictures: what fitting found in images; no setting.
    """

    bins: int = 20
    density: tuple[float, ...] | None = None
    pictures: InitVar[PicturePrior | None] = None
    modalities = ("text", "image")
    cites = "mean evidence of other cases"
    name = "prior"

    def __post_init__(self, pictures: PicturePrior | None) -> None:
        object.__setattr__(self, "_pictures", pictures)

    def fit(self, cases: Sequence[Case]) -> Self:
        """A copy that knows where the evidence of `cases` stands; without any evidence, a flat one."""
        hits, total = np.zeros(self.bins), np.zeros(self.bins)
        for case in cases:
            if any(isinstance(e, Spans) for e in case.evidence):
                units = words(case.text)
                place = self._bin(units)
                np.add.at(hits, place, marked([e for e in case.evidence if isinstance(e, Spans)], units))
                np.add.at(total, place, 1)
        share = (hits + 1e-6) / (total + 1e-6 * self.bins)  # a bin never seen is not impossible
        return replace(self, density=tuple(float(v) for v in share / share.max()), pictures=learnt(cases))

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        pictures: PicturePrior | None = self.__dict__["_pictures"]
        if modality_of(predictor) == "image" and pictures is not None:
            return pictures(predictor, batch, targets)
        if self.density is None or modality_of(predictor) == "image":
            raise PellucidError("The prior has not seen any cases; call fit() with the training cases first.")
        density = np.array(self.density)

        def score(_: Case, units: TextUnits) -> Float[np.ndarray, "K V"]:
            return np.tile(density[self._bin(units)], (len(targets), 1))

        return _shared(self, predictor, batch, targets, score)

    def _bin(self, units: TextUnits) -> np.ndarray:
        return np.asarray(np.minimum(units.anchors * self.bins // max(1, len(units.text)), self.bins - 1))
