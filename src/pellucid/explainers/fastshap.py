"""FastSHAP: Shapley values by a network that was trained for the model, in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pellucid.attribution import Attribution
from pellucid.explainers.base import Facts, attribute
from pellucid.predictor import Batch, Predictor
from pellucid.registry import explainers
from pellucid.target import Target
from pellucid.units import PixelUnits, patches


@explainers.register("fastshap")
@dataclass(frozen=True)
class FastShap(Facts):
    """Shapley values of the patches of a grid, estimated by a trained network and shared evenly among the pixels of a patch.

    The values are shifted, all by the same, so that they sum to f(x) - f(x'), where x' is an image of the mean colour. They are
    linear in the logits, so that a contrast is the difference of its labels.

    Cost: two forward passes and one pass of the decoder, for all targets.
    """

    signed = True
    complete = True
    needs = ("shapley_network",)
    modalities = ("image",)
    cites = "Jethani et al. 2022 (FastSHAP)"
    name = "fastshap"

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        model: Any = predictor
        grids = model.shapley_grids(batch, targets)
        network = model.maskers["fastshap"]
        regions = patches(PixelUnits.of(network.size), network.settings.grid)
        share = regions.index.ravel()
        results = []
        for case, values in enumerate(grids.flatten(2).cpu().numpy()):
            scores = (values / regions.sizes)[:, share]
            facts = {"completeness_gap": np.zeros(len(targets))}
            said = attribute(self, predictor, batch, case, targets, scores, facts)
            results.append(replace(said, settings={**said.settings, "network": network.digest}))
        return results
