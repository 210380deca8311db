"""The row of the Jacobian that belongs to a target: how its logit answers to a small change of every part of the input.

Abe & Asai 2025 explain a model by its Jacobian at the input. Nothing else enters: no baseline, no other case, no smoothing. It
says what the model is sensitive to here, not what made the logit as high as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.attribution import Attribution
from pellucid.explainers.base import Facts, attribute
from pellucid.explainers.gradients import add
from pellucid.explainers.products import products
from pellucid.predictor import Batch, MeasuredInputs, Modality, Predictor, missing_capabilities
from pellucid.registry import explainers
from pellucid.target import Target

_ALL: tuple[Modality, ...] = ("text", "image", "table", "signal")


@explainers.register("jacobian")
@dataclass(frozen=True)
class JacobianRow(Facts):
    """The length of the gradient of the logit at each unit, `|| d f / d x_u ||_2`, over the channels of a pixel or embedding.

    In units of the features that the model reads: standard deviations of a pixel, sample or measurement, so that what is
    measured in different units can be compared.

    Cost: one forward pass, and one backward pass a target; nothing more where input x gradient was asked for as well.
    """

    modalities = _ALL
    cites = "Abe & Asai 2025; Simonyan et al. 2014 (with the largest channel instead of the length)"
    name = "jacobian"

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        found = self._rows(predictor, batch, targets)
        return [attribute(self, predictor, batch, i, targets, rows) for i, rows in enumerate(found)]

    def _rows(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Float[Tensor, "K L"]]:
        return _lengths(predictor, batch, targets)


@explainers.register("pbx")
@dataclass(frozen=True)
class Pbx(JacobianRow):
    """The entries of the Jacobian with their sign, in the units of what was measured: `d f / d x_u`, summed over channels.

    A shade brighter, a millivolt up, a milligram a decilitre more: what the logit does, to first order. Of a text, whose
    embedding has no direction that could be named, the length of the gradient. It is the row that forward accumulation layer by
    layer gives (:mod:`pellucid.jacobians.layerwise`), made by one way back, which is cheaper where outputs are few.

    Cost: one forward pass, and one backward pass a target.
    """

    signed = True
    cites = "Abe & Asai 2025, Algorithm 1"
    name = "pbx"

    def _rows(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Float[Tensor, "K L"]]:
        return _in_own_units(predictor, batch, targets)


@explainers.register("logit_difference")
@dataclass(frozen=True)
class LogitDifference(Facts):
    """The Jacobian of what separates a label from its rival: `d (z_c - z_k) / d x`, k the best of the other labels here.

    It answers "what would have to change for the other diagnosis", where the logit alone may answer "anything". A target that
    is a contrast already is taken as it is; a model of one label has no rival, and its own logit is taken.

    Facts: `rival`, the number of that label; -1 where there is none.

    Cost: one forward pass for the rivals and one for the rows, and one backward pass a target.
    """

    signed = True
    modalities = _ALL
    cites = "Abe & Asai 2025; Simonyan et al. 2014"
    name = "logit_difference"

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        labels = [Target.label(label) for label in predictor.labels]
        with torch.no_grad():
            logits = predictor.scores(predictor.features(batch), batch, labels)
        chosen = [[_rival(predictor, row, target) for target in targets] for row in logits]
        asked = list(dict.fromkeys(against for rivals in chosen for against, _ in rivals))
        results = []
        for i, (rows, rivals) in enumerate(zip(_in_own_units(predictor, batch, asked), chosen, strict=True)):
            own = rows[[asked.index(against) for against, _ in rivals]]
            facts = {"rival": np.array([rival for _, rival in rivals], dtype=np.float64)}
            results.append(attribute(self, predictor, batch, i, targets, own, facts))
        return results


def _lengths(predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Float[Tensor, "K L"]]:
    """For each case the length of the gradient at each row of the features."""
    return [found.length for found in products(predictor, batch, targets)]


def _in_own_units(predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Float[Tensor, "K L"]]:
    """For each case the gradient by the values that features are made of, summed over channels; of embeddings its length."""
    if missing_capabilities(predictor, ("measured_inputs",)):
        return _lengths(predictor, batch, targets)
    features = predictor.features(batch)
    whole = features.new_zeros(len(features), len(targets), *features.shape[1:])
    add(whole, predictor.feature_gradients(batch, targets), 1.0)
    return [_sent_back(predictor, batch, i, rows) for i, rows in enumerate(whole)]


def _sent_back(predictor: Predictor, batch: Batch, case: int, rows: Float[Tensor, "K L d"]) -> Float[Tensor, "K L"]:
    read = cast(MeasuredInputs, predictor).measured(batch, case)
    values = read.values.detach().expand(len(rows), *read.values.shape).clone().requires_grad_()
    with torch.enable_grad():
        found: Tensor = torch.autograd.grad(read.enter(values), values, rows)[0]
    units: Any = batch.units[case]
    channels = found.ndim - 1 > len(units.shape)  # of an image they come first
    return (found.sum(1) if channels else found).flatten(1)


def _rival(predictor: Predictor, logits: Float[Tensor, " C"], target: Target) -> tuple[Target, int]:
    """The target against the best of the labels that it does not name."""
    named = {label for label, _ in target.terms}
    others = [i for i, label in enumerate(predictor.labels) if label not in named]
    if len(target.terms) > 1 or not others:
        return target, -1
    rival = max(others, key=lambda i: float(logits[i]))
    return Target.contrast(target.terms[0][0], predictor.labels[rival]), rival
