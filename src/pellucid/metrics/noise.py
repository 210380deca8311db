"""Noisy versions of an image, and what the model says of them; explained once for all figures of robustness."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import cast

import numpy as np
import torch
from jaxtyping import Float
from scipy.special import expit

from pellucid.attribution import Attribution
from pellucid.errors import CapabilityError, PellucidError
from pellucid.metrics.odds import softmax_odds
from pellucid.predictor import Batch, Network, Predictor, require
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
    """Versions of one case with uniform noise added to every pixel and channel, one a draw.

    Args:
        draws: numbers of the draws; noise depends on the seed, the case and this number alone.
        radius: noise lies between minus and plus this, in units of the normalisation's standard deviation.

    Raises:
        CapabilityError: the model's pixels cannot be reached or replaced.
        PellucidError: the radius is not a positive number.
    """
    require(predictor, ("network",), "Adding noise to images")
    if not 0 < radius < np.inf:
        raise PellucidError(f"Noise has a radius of {radius}; choose a number above 0, in standard deviations of the pixels.")
    network, who = cast(Network, predictor), batch.cases[case].id
    clean = network.pixels(batch)[case]
    added = [stream(seed, "noise", who, str(draw)).uniform(-radius, radius, tuple(clean.shape)) for draw in draws]
    pixels = clean + torch.from_numpy(np.array(added)).to(clean)
    result = replace(alone(batch, case, len(pixels)), data=pixels)
    if network.pixels(result) is not pixels:
        raise CapabilityError("The model reads its pixels from elsewhere than the data of a batch, so no noise can be added.")
    return result


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
