"""Maps as densities, and the density of other people's looks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor


def scaled(maps: Float[Tensor, "N U"]) -> Float[Tensor, "N U"]:
    """Maps in float64, each multiplied by the power of two that brings its greatest size |score| to [0.5, 1).

    Nothing is rounded, so that equal scores and the order of scores stay what they were at any scale. A map of zeros stays so;
    one with a score that is no finite number becomes NaN throughout.
    """
    return maps.double() * factor_of(maps)


def factor_of(maps: Float[Tensor, "N U"]) -> Float[Tensor, "N 1"]:
    """What :func:`scaled` multiplies each map by; NaN where a score is no finite number."""
    maps = real(maps)
    size = torch.maximum(maps.amax(1, keepdim=True), -maps.amin(1, keepdim=True)).double()
    exponent = torch.frexp(size).exponent.clamp(-1000, 1000)
    return torch.ldexp(torch.where(torch.isfinite(size), torch.ones_like(size), torch.nan), -exponent)


def real(maps: Shaped[Tensor, "N U"]) -> Float[Tensor, "N U"]:
    """Maps as they are; masks and whole numbers, which cannot all be negated or halved, in float64."""
    return maps if maps.is_floating_point() else maps.double()


def as_density(maps: Float[Tensor, "N U"]) -> Float[Tensor, "N U"]:
    """The positive part of each map over its sum, in float64; NaN where no score is positive, or one is no finite number."""
    positive = scaled(maps).clamp_min_(0.0)
    return positive.div_(positive.sum(1, keepdim=True))


def rescaled(maps: Float[Tensor, "N U"]) -> Float[Tensor, "N U"]:
    """Each map moved and stretched to [0, 1], in float64; NaN where it is constant.

    The MIT code does so before it makes a density, which turns a floor of a map into nothing: `sim(rescaled(maps),
    rescaled(density))` is its figure.
    """
    values = scaled(maps)
    low, high = values.amin(1, keepdim=True), values.amax(1, keepdim=True)
    return (values - low) / (high - low)


def mixed(density: Float[Tensor, "N U"], share: float, epsilon: float = 0.0) -> Float[Tensor, "N U"]:
    """(1 - share) of the density and `share` of a uniform one, so that no pixel is impossible; and `epsilon` more."""
    return torch.add(density.new_tensor(share / density.shape[1] + epsilon), density, alpha=1.0 - share)


def prior_of(densities: Float[Tensor, "N U"]) -> Float[Tensor, " U"]:
    """Where people look whatever the image: the mean of densities, each image counting once; float64."""
    return densities.double().mean(0)


def leave_one_out(densities: Float[Tensor, "N U"], patients: Sequence[Any] | np.ndarray) -> Float[Tensor, "N U"]:
    """For each image the mean density of the images of all other patients; float64, NaN where there is no other patient."""
    groups, code = np.unique(np.asarray(patients), return_inverse=True)
    who = torch.from_numpy(code.reshape(-1)).to(densities.device)
    wide = densities.double()
    own = torch.zeros(len(groups), wide.shape[1], dtype=wide.dtype, device=wide.device).index_add_(0, who, wide)
    others = len(wide) - torch.bincount(who)
    prior = ((own.sum(0) - own) / others[:, None]).clamp_min_(0.0)  # what only one patient looked at leaves a rounding error
    return prior[who]
