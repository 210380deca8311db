"""Saliency: how fast the logit changes with each pixel, sample or measurement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pellucid.attribution import Attribution
from pellucid.explainers.base import Facts, attribute
from pellucid.explainers.gradients import largest, reduced
from pellucid.predictor import Batch, Predictor
from pellucid.registry import explainers
from pellucid.target import Target


@explainers.register("saliency")
@dataclass(frozen=True)
class Saliency(Facts):
    """The largest absolute gradient of the logit over the channels of a pixel: `max_d | d f / d x_d |`.

    It says how sensitive the model is to a pixel, not whether the pixel speaks for the label. A sample of a signal and a
    measurement of a row have one channel; they count in standard deviations.

    Cost: one forward pass, and one backward pass a target.
    """

    modalities = ("image", "table", "signal")
    cites = "Simonyan et al. 2014, section 3.1"
    name = "saliency"

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        pieces = predictor.feature_gradients(batch, targets)
        found = reduced(predictor, batch, len(targets), pieces, largest)
        return [attribute(self, predictor, batch, i, targets, scores) for i, scores in enumerate(found)]
