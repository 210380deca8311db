"""Noisy versions of what a network reads, and what the model says of them; explained once for all figures of robustness."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float
from scipy.special import expit
from torch import Tensor

from pellucid.attribution import Attribution
from pellucid.errors import CapabilityError, PellucidError
from pellucid.metrics.odds import softmax_odds
from pellucid.predictor import Batch, Network, Predictor, modality_of, require
from pellucid.randomness import stream
from pellucid.target import Target, resolve

Explain = Callable[[Predictor, Batch, Sequence[Target]], list[Attribution]]
"""What an explainer does."""


def alone(batch: Batch, case: int, versions: int = 1) -> Batch:
    """One case of a batch, `versions` times over, with nothing remembered; its data are still those of the whole batch."""
    return replace(
        batch,
        cases=batch.cases[case : case + 1] * versions,
        units=batch.units[case : case + 1] * versions,
        rows=batch.rows[case : case + 1] * versions,
        memo={},
    )


def noisy(predictor: Predictor, batch: Batch, case: int, draws: Iterable[int], radius: float, seed: int) -> Batch:
    """Versions of one case with uniform noise added to every pixel and channel, one a draw; likewise to samples of a signal.

    The measurements of a row whose case says how imprecise they are get normal noise of just that imprecision, as if all were
    measured again: those of which it is not known stay, and what is computed from others moves with them
    (:func:`pellucid.jacobians.noise_models.measured`). Of other rows, also of those in which all is exact, each measurement
    gets uniform noise.

    Args:
        draws: numbers of the draws; noise depends on the seed, the case and this number alone.
        radius: uniform noise lies between minus and plus this, in units of the normalisation's standard deviation.

    Raises:
        CapabilityError: what the model reads cannot be reached or replaced.
        PellucidError: the radius is not a positive number.
    """
    require(predictor, ("network",), "Adding noise to what a model reads")
    if not 0 < radius < np.inf:
        raise PellucidError(f"Noise has a radius of {radius}; choose a number above 0, in standard deviations of what is read.")
    network, who = cast(Network, predictor), batch.cases[case].id
    streams = [stream(seed, "noise", who, str(draw)) for draw in draws]
    pixels = _measured_again(predictor, batch, case, streams)
    if pixels is None:
        clean = network.pixels(batch)[case]
        added = [random.uniform(-radius, radius, tuple(clean.shape)) for random in streams]
        pixels = clean + torch.from_numpy(np.array(added)).to(clean)
    result = replace(alone(batch, case, len(pixels)), data=pixels)
    if network.pixels(result) is not pixels:
        raise CapabilityError("The model reads its numbers from elsewhere than the data of a batch, so no noise can be added.")
    return result


@torch.no_grad()
def _measured_again(
    predictor: Any, batch: Batch, case: int, streams: Sequence[np.random.Generator]
) -> Float[Tensor, "N F"] | None:
    """A row as measuring the same patient again would give it; None where nothing that the model reads is known to vary."""
    item = batch.cases[case]
    if modality_of(predictor) != "table" or item.measurements.imprecision is None:
        return None
    from pellucid.datasets.derived import derived_in, propagated  # here, since few audits are of rows
    from pellucid.jacobians.function import of_model
    from pellucid.jacobians.noise_models import measured

    known = propagated(item.measurements, derived_in(item))
    spread = np.asarray(known.imprecision)[[known.names.index(name) for name in predictor.names]]
    if not (spread > 0).any():  # not known, or nothing varies
        return None
    row = predictor.measured(batch, case)
    noise, _ = measured(of_model(predictor, item))
    drawn = torch.from_numpy(np.array([random.normal(size=len(row.values)) for random in streams])).to(row.values)
    read: Tensor = predictor.inputs_of(row.enter(row.values + noise.spread(drawn)))
    return read


@torch.no_grad()
def logits_of(predictor: Predictor, batch: Batch) -> Float[np.ndarray, "B C"]:
    """Logits of all labels; float64."""
    every = [Target.label(label) for label in predictor.labels]
    return predictor.scores(predictor.features(batch), batch, every).double().cpu().numpy()


def probabilities_of(
    predictor: Predictor, logits: Float[np.ndarray, "B C"], targets: Sequence[Target]
) -> Float[np.ndarray, "B K"]:
    """Probability of each target: the softmax's where labels exclude each other, else the sigmoid of the target."""
    resolved = resolve(targets, predictor.labels)
    if getattr(predictor, "exclusive", False):
        return np.asarray(expit(softmax_odds(logits, resolved)))
    return np.asarray(expit(logits[:, list(resolved.outputs)] @ resolved.weights.numpy().T))
