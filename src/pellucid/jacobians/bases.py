"""Bases: the patterns among which the most sensitive one is sought, so that it can be seen.

Of all patterns of unit norm the one that moves outputs most is often noise to the eye. Sought among smooth patterns, those
that lie within an organ, or those by which patients differ, it is the largest singular vector of `J B` instead of `J`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.case import Case
from pellucid.errors import PellucidError
from pellucid.jacobians.directions.scene import Scene
from pellucid.jacobians.function import Function, of_model

Linear = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Basis:
    """A linear map from coordinates to patterns of the input, with its adjoint.

    Attributes:
        name: which patterns these are, in words.
        shape: of the coordinates of one pattern.
        patterns: N x coordinates to N x input.
        adjoint: N x input to N x coordinates; `<B z, x> = <z, B^T x>`.
    """

    name: str
    shape: tuple[int, ...]
    patterns: Linear
    adjoint: Linear


def blurred(at: Float[Tensor, "*S"], sigma: float, axes: Sequence[int] = (-2, -1)) -> Basis:
    """What a Gaussian blur leaves: noise of unit norm, smoothed.

    Args:
        at: an input of the function, for its shape.
        sigma: of the blur, in pixels (samples); its weights sum to 1 at the border too.
        axes: along which it is blurred; (0,) for a signal of (time, lead).

    Raises:
        PellucidError: sigma is not above 0.
    """
    if not sigma > 0:
        raise PellucidError(f"A blur of {sigma} pixels is none; give a number above 0.")
    return _separable(f"blurred by {sigma:g}", at, {axis: _gaussian(at.shape[axis], sigma) for axis in axes})


def low_pass(at: Float[Tensor, "*S"], cycles: float, axes: Sequence[int] = (-2, -1)) -> Basis:
    """Cosines of few cycles (the first of a DCT-II); an orthonormal basis.

    Args:
        at: an input of the function, for its shape.
        cycles: the most along an axis; 0 leaves its mean alone.
        axes: along which high frequencies are left out; (0,) for a signal of (time, lead).

    Raises:
        PellucidError: cycles are below 0.
    """
    if cycles < 0:
        raise PellucidError(f"There are no patterns of at most {cycles} cycles; give 0 or more.")
    parts = {axis: _cosines(at.shape[axis], int(2 * cycles) + 1) for axis in axes}
    return _separable(f"at most {cycles:g} cycles", at, parts)


def within(mask: Tensor, name: str = "within a mask") -> Basis:
    """Patterns that are 0 outside a mask.

    Args:
        mask: 0 to 1, of the shape of the input.
    """

    def masked(given: Tensor) -> Tensor:
        found: Tensor = given * mask.to(given)
        return found

    return Basis(name, tuple(mask.shape), masked, masked)


def anatomy(function: Function, structure: str) -> Basis:
    """Patterns within a named structure of the case (`case.anatomy`), on the grid that the model reads, in all channels.

    Raises:
        PellucidError: the function is not of an image, the case has no such structure, or none of its pixels.
        DataError: it was drawn on another size than the image.
    """
    if function.case is None or function.predictor is None or function.modality != "image":
        raise PellucidError("Structures lie in images; give the Jacobian of an image classifier, or a mask of your own.")
    known = Scene.of(function, function.case, function.predictor).structures
    if structure not in known or not known[structure].any():
        raise PellucidError(
            f"Case {function.case.id} has no structure {structure!r} with pixels; it has {', '.join(sorted(known)) or 'none'}."
        )
    inside = torch.from_numpy(known[structure]).to(function.at)
    return within(inside.expand_as(function.at), f"within {structure}")


def of_cases(function: Function, cases: Sequence[Case], count: int = 16) -> Basis:
    """The principal ways in which given cases differ, orthonormal; at most one fewer than there are cases.

    Raises:
        PellucidError: the function has no model, there are fewer than two cases, or their inputs differ in shape or not at all.
    """
    if function.predictor is None:
        raise PellucidError("Cases are read by a model, and the function has none; give patterns to `spanned`.")
    if len(cases) < 2:
        raise PellucidError("One case does not differ from any other; give two or more.")
    read = [of_model(function.predictor, case).at for case in cases]
    odd = [case.id for case, at in zip(cases, read, strict=True) if at.shape != function.at.shape]
    if odd:
        raise PellucidError(f"What the model reads of case {odd[0]} has another shape than this input; leave it out.")
    rows = torch.stack(read).double()
    return spanned(function.at, rows - rows.mean(0), count, f"by which {len(cases)} cases differ")


def spanned(at: Float[Tensor, "*S"], patterns: Float[Tensor, "N *S"], count: int = 16, name: str = "given patterns") -> Basis:
    """An orthonormal basis of what given patterns span; of its first principal axes where there are more than `count`.

    Raises:
        PellucidError: there is no pattern that is not 0.
    """
    _, sizes, axes = torch.linalg.svd(patterns.flatten(1).double(), full_matrices=False)
    rank = int((sizes > 1e-10 * sizes[:1]).sum()) if len(sizes) and float(sizes[0]) > 0 else 0
    if rank == 0:
        raise PellucidError("The patterns are all 0 (or the cases all alike), and span nothing.")
    found = axes[: min(rank, count)].to(at)
    return Basis(
        name, (len(found),), lambda z: (z @ found.to(z)).unflatten(1, at.shape), lambda x: x.flatten(1) @ found.to(x).T
    )


def _separable(name: str, at: Tensor, parts: Mapping[int, Float[Tensor, "n q"]]) -> Basis:
    """One matrix an axis."""
    shape = list(at.shape)
    for axis, part in parts.items():
        shape[axis] = part.shape[1]

    def patterns(given: Tensor) -> Tensor:
        return _along(given, parts, at.ndim, transposed=False)

    def adjoint(given: Tensor) -> Tensor:
        return _along(given, parts, at.ndim, transposed=True)

    return Basis(name, tuple(shape), patterns, adjoint)


def _along(given: Tensor, parts: Mapping[int, Tensor], axes: int, *, transposed: bool) -> Tensor:
    for axis, part in parts.items():
        matrix = (part.T if transposed else part).to(given)
        place = axis % axes + 1  # versions come first
        given = (given.movedim(place, -1) @ matrix.T).movedim(-1, place)
    return given


def _gaussian(size: int, sigma: float) -> Float[Tensor, "n n"]:
    places = torch.arange(size, dtype=torch.float64)
    weights: Tensor = torch.exp(-(places[:, None] - places).square() / (2 * sigma * sigma))
    found: Tensor = weights / weights.sum(1, keepdim=True)
    return found


def _cosines(size: int, count: int) -> Float[Tensor, "n q"]:
    places, waves = torch.arange(size, dtype=torch.float64) + 0.5, torch.arange(min(count, size), dtype=torch.float64)
    waving = torch.cos(torch.pi * places[:, None] * waves / size)
    found: Tensor = waving / waving.norm(dim=0)
    return found
