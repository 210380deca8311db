"""What two regions or measurements do together, beyond what each does alone, to second order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from pellucid.errors import PellucidError
from pellucid.jacobians.curvature import STRAIGHT, Hessian, chosen
from pellucid.jacobians.curvature_smoothing import smoothed as made_round
from pellucid.jacobians.noise_models import names_of
from pellucid.jacobians.operator import Operator
from pellucid.units import RegionUnits

Parts = RegionUnits | Mapping[str, Bool[np.ndarray, "*S"]]


@dataclass(frozen=True, eq=False)
class Interactions:
    """v_i^T H v_j of one output, v_i raising part i alone.

    Attributes:
        names: of the parts.
        values: to second order, what raising j adds to the effect of raising i; the own bend of each part on the diagonal.
        output: what is affected.
        unit: of raising a part by 1.
        notes: whether the function was smoothed, or is straight.
    """

    names: tuple[str, ...]
    values: Float[np.ndarray, "k k"]
    output: str
    unit: str
    notes: tuple[str, ...]


def interactions(
    jacobian: Operator,
    parts: Parts | None = None,
    output: str | None = None,
    *,
    smoothed: float | None = None,
    scale: Float[Tensor, "*S"] | None = None,
) -> Interactions:
    """The matrix of interactions between parts of the input, by one product with second derivatives for each.

    Args:
        parts: regions of the image or signal, or masks by name; None for each measurement of a row by itself.
        output: its name; None for the first of the largest.
        smoothed: as for :func:`pellucid.jacobians.curvature.curvature`.
        scale: how much raising a part by 1 adds to each number of the input; None for 1.

    Raises:
        PellucidError: no parts are given and the input is no row, a mask does not fit the input or is empty, or the output is
            not known.
    """
    function = jacobian.function if smoothed is None else made_round(jacobian.function, smoothed)
    names, along = _directions(jacobian, parts)
    if scale is not None:
        along = along * scale.to(along)
    weights, name = chosen(jacobian, output)
    bends = Hessian(function, weights)(along).double().flatten(1)
    values = (along.double().flatten(1) @ bends.T).cpu().numpy()
    straight = () if bool(bends.any()) else (STRAIGHT,)
    return Interactions(names, values, name, _unit(jacobian, scale), (*function.notes, *straight))


def _unit(jacobian: Operator, scale: Tensor | None) -> str:
    if scale is not None:
        return "step of the given scale"
    unit = jacobian.function.unit
    return "unit of each" if isinstance(unit, tuple) else unit or "unit of the input"


def _directions(jacobian: Operator, parts: Parts | None) -> tuple[tuple[str, ...], Float[Tensor, "k *S"]]:
    at = jacobian.function.at
    if parts is None:
        if at.ndim != 1:
            raise PellucidError("An input of several axes has too many numbers to pair; give regions, or masks by name.")
        return names_of(jacobian.function), torch.eye(len(at), dtype=at.dtype, device=at.device)
    if isinstance(parts, RegionUnits):
        parts = {f"{parts.kind} {i}": parts.index == i for i in range(len(parts))}
    return tuple(parts), torch.stack([_raised(at, name, mask) for name, mask in parts.items()])


def _raised(at: Tensor, name: str, mask: Bool[np.ndarray, "*S"]) -> Float[Tensor, "*S"]:
    """1 inside, in all channels of an image, 0 outside."""
    shape = tuple(at.shape)
    if mask.shape not in (shape, shape[1:]):
        raise PellucidError(
            f"The mask of {name!r}, of shape {mask.shape}, does not fit an input of {shape}; resample it first."
        )
    if not mask.any():
        raise PellucidError(f"The mask of {name!r} is empty; leave it out.")
    return torch.as_tensor(mask).to(at).expand(shape).clone()
