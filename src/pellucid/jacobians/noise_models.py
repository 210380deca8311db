"""Noise of an input: independent in each number, or with a covariance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.errors import PellucidError
from pellucid.jacobians.function import Function


class Noise(Protocol):
    """Normal noise of covariance S = L L^T."""

    def carried(self, rows: Float[Tensor, "c *S"]) -> Float[Tensor, "c n"]:
        """`J L` of rows of a Jacobian."""

    def spread(self, drawn: Float[Tensor, "k n"]) -> Float[Tensor, "k *S"]:
        """`L z` of independent numbers z."""


@dataclass(frozen=True, eq=False)
class Independent:
    """Noise of its own standard deviation in each number."""

    sd: Float[Tensor, "*S"]

    def carried(self, rows: Float[Tensor, "c *S"]) -> Float[Tensor, "c n"]:
        return (rows * self.sd).flatten(1).double()

    def spread(self, drawn: Float[Tensor, "k n"]) -> Float[Tensor, "k *S"]:
        return drawn.reshape(-1, *self.sd.shape) * self.sd


@dataclass(frozen=True, eq=False)
class Joint:
    """Noise that numbers share."""

    root: Float[Tensor, "n n"]
    shape: tuple[int, ...]

    def carried(self, rows: Float[Tensor, "c *S"]) -> Float[Tensor, "c n"]:
        return (rows.flatten(1) @ self.root).double()

    def spread(self, drawn: Float[Tensor, "k n"]) -> Float[Tensor, "k *S"]:
        return (drawn @ self.root.T).reshape(-1, *self.shape)


def independent(function: Function, sd: Any) -> tuple[Noise, tuple[str, ...]]:
    """Noise from standard deviations, one or one a number; NaN ones count as 0, and what they belong to is named.

    Raises:
        PellucidError: the shape does not fit, one is negative, or none is known.
    """
    at = function.at
    given = torch.as_tensor(sd, dtype=torch.float64).to(at.device)
    if given.shape not in (torch.Size(()), at.shape):
        raise PellucidError(
            f"Standard deviations of shape {tuple(given.shape)} do not fit an input of {tuple(at.shape)}; give one or all."
        )
    missing = given.isnan()
    if bool((given < 0).any()) or bool(given.isinf().any()) or bool(missing.all()):
        raise PellucidError(
            "Standard deviations are numbers of 0 or more, or NaN where they are not known; at least one is known."
        )
    places = missing.expand(at.shape).flatten().nonzero()[:, 0].tolist()
    names = names_of(function)
    return Independent(given.nan_to_num(0.0).expand(at.shape).to(at)), tuple(names[place] for place in places)


def joint(at: Float[Tensor, "*S"], covariance: Float[np.ndarray, "n n"]) -> Noise:
    """Noise from a covariance.

    Raises:
        PellucidError: it is not symmetric, has negative eigenvalues, or does not fit the input.
    """
    given, n = torch.as_tensor(covariance, dtype=torch.float64), at.numel()
    if given.shape != (n, n):
        raise PellucidError(f"A covariance of shape {tuple(given.shape)} does not fit an input of {n:,} numbers.")
    if not bool(torch.isfinite(given).all()) or not torch.allclose(given, given.T, atol=1e-8 * float(given.abs().max())):
        raise PellucidError("A covariance is symmetric and finite; check how it was made.")
    values, vectors = torch.linalg.eigh(given)
    if float(values[0]) < -1e-9 * max(float(values[-1]), 0.0):
        raise PellucidError("A covariance has no negative eigenvalues, and this one has; check how it was made.")
    return Joint((vectors * values.clamp_min(0).sqrt()).to(at), tuple(at.shape))


def measured(function: Function) -> tuple[Noise, tuple[str, ...]]:
    """The noise that the measurements of the case say they have, and names of those of which it is not known.

    Measurements vary independently, and what was computed from them varies with them (:func:`derived_in`).

    Raises:
        PellucidError: the case has no measurements, or none of their imprecision.
    """
    from pellucid.datasets.derived import derived_in, entailed, propagated

    found = function.case.inputs.get("table") if function.case is not None else None
    if function.case is None or found is None or function.case.measurements.imprecision is None:
        raise PellucidError("Nothing is known of the noise of this input; give its standard deviation as `sd`.")
    row, derived = function.case.measurements, derived_in(function.case)
    order = [row.names.index(name) for name in names_of(function)]
    if not derived:
        return independent(function, np.asarray(row.imprecision)[order])
    follows, parts = entailed(row, derived), np.nan_to_num(np.asarray(row.imprecision), nan=0.0)
    known = np.asarray(propagated(row, derived).imprecision)[order]
    if np.isnan(known).all():
        raise PellucidError(
            "The imprecision of no measurement that the model reads is known; give standard deviations as `sd`."
        )
    unknown = tuple(row.names[place] for place, sd in zip(order, known, strict=True) if np.isnan(sd))
    return Joint(torch.from_numpy((follows * parts)[order]).to(function.at), tuple(function.at.shape)), unknown


def names_of(function: Function) -> tuple[str, ...]:
    """Of the numbers of the input: those of what was measured, else where they stand."""
    names: tuple[str, ...] = getattr(function.predictor, "names", ())
    return names if len(names) == function.at.numel() else tuple(map(str, range(function.at.numel())))
