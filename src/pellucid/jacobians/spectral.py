"""From the products of a Jacobian to its :class:`~pellucid.jacobians.spectrum.Spectrum`."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from pellucid.errors import PellucidError
from pellucid.jacobians.bases import Basis
from pellucid.jacobians.operator import Operator
from pellucid.jacobians.spectrum import ALIKE, Spectrum
from pellucid.jacobians.subspace import Matrix, Triplets, exact, lanczos, randomised

Method = Literal["auto", "exact", "lanczos", "randomised"]

_SMALL = 64
_PROBES = 16


def spectrum(
    jacobian: Operator,
    k: int = 8,
    *,
    basis: Basis | None = None,
    method: Method = "auto",
    seed: int = 0,
    tolerance: float = 1e-3,
    most: int = 512,
) -> Spectrum:
    """The k largest singular values of J, or of J B in a basis. J is never formed, but for its rows where these are few.

    Args:
        basis: among which patterns (:mod:`pellucid.jacobians.bases`); None for all.
        method: "exact" by all rows or all columns, whichever are fewer; "lanczos" (Golub-Kahan, in blocks, fully orthogonal);
            "randomised" with four power steps. "auto" is exact up to 64 rows or columns that fit in `room`, else Lanczos.
        tolerance: residual at which Lanczos ends.
        most: products after which it ends, whatever was reached; a note then says so.

    Raises:
        PellucidError: k is below 1, there is no such method, or the basis does not fit the input.
    """
    if k < 1:
        raise PellucidError(f"A spectrum of {k} values is none; give 1 or more.")
    matrix = _matrix(jacobian, basis)
    chosen = method if method != "auto" else _suited(matrix, jacobian.room)
    found = _solved(jacobian, matrix, k, chosen, seed=seed, tolerance=tolerance, most=most)
    return _described(jacobian, matrix, found, k, chosen, basis, seed, tolerance)


def _suited(matrix: Matrix, room: int) -> Method:
    return "exact" if min(matrix.m, matrix.n) <= _SMALL and _bytes(matrix) <= room else "lanczos"


def _bytes(matrix: Matrix) -> int:
    """What all rows take, in float64."""
    return 8 * matrix.m * matrix.n


def _solved(jacobian: Operator, matrix: Matrix, k: int, method: str, *, seed: int, tolerance: float, most: int) -> Triplets:
    """One more than was asked for, so that the gap after the last is known."""
    generator = torch.Generator().manual_seed(seed)
    if method == "exact":
        if _bytes(matrix) > jacobian.room:
            raise PellucidError(
                f"All rows or columns take {_bytes(matrix) / 1024**3:.2f} GiB; use method='lanczos', which never holds them."
            )
        return exact(matrix)
    if method == "lanczos":
        return lanczos(matrix, k + 1, generator, tolerance, most, rounding=_rounding(jacobian))
    if method == "randomised":
        return randomised(matrix, k + 1, generator)
    raise PellucidError(f"There is no method {method!r}; use auto, exact, lanczos or randomised.")


def _matrix(jacobian: Operator, basis: Basis | None) -> Matrix:
    """J, or J B, on rows of float64."""
    at = jacobian.function.at
    shape = tuple(at.shape) if basis is None else basis.shape

    def ahead(rows: Tensor) -> Tensor:
        given = rows.to(at).unflatten(1, shape)
        patterns = given if basis is None else basis.patterns(given)
        return jacobian.jvp(patterns).double().cpu()

    def back(rows: Tensor) -> Tensor:
        sent = jacobian.vjp(rows.to(at))
        return (sent if basis is None else basis.adjoint(sent)).flatten(1).double().cpu()

    if basis is not None and tuple(basis.patterns(torch.zeros(1, *shape).to(at)).shape[1:]) != tuple(at.shape):
        raise PellucidError(f"The basis ({basis.name}) does not make patterns of the input's shape {tuple(at.shape)}.")
    return Matrix(ahead, back, jacobian.shape[0], int(torch.Size(shape).numel()))


def _described(
    jacobian: Operator, matrix: Matrix, found: Triplets, k: int, method: str, basis: Basis | None, seed: int, tolerance: float
) -> Spectrum:
    at = jacobian.function.at
    rank = int((found.values > _rounding(jacobian) * found.values[:1]).sum())
    kept, beside = min(k, rank), min(k + 1, rank)
    values, left, right = found.values[:beside], found.left[:beside], found.right[:beside]
    residuals = _residuals(matrix, values, left, right) if beside else values
    gaps = _gaps(values, residuals, kept, complete=rank < len(found.values) or rank == min(matrix.m, matrix.n))
    shape = tuple(at.shape) if basis is None else basis.shape
    coordinates = right[:kept].to(at).unflatten(1, shape)
    whole = method == "exact"
    total, error = (float(found.values.norm()), 0.0) if whole else _total(matrix, seed)
    return Spectrum(
        values=values[:kept],
        left=left[:kept].to(at),
        right=coordinates if basis is None else basis.patterns(coordinates),
        coordinates=coordinates,
        residuals=residuals[:kept],
        gaps=gaps,
        groups=_groups(gaps),
        total=total,
        total_error=error,
        effective_rank=_effective_rank(found.values[:rank] if whole else values[:kept], total, min(matrix.m, matrix.n)),
        method=method,
        basis="" if basis is None else basis.name,
        products=found.products + 2 * beside + (0 if whole else _PROBES),
        channels={"image": 0, "text": 1}.get(jacobian.function.modality),
        notes=_notes(k, residuals[:kept], gaps, method, tolerance),
    )


def _rounding(jacobian: Operator) -> float:
    """Share of the largest value below which others are rounding."""
    return 1e-12 if jacobian.function.at.dtype == torch.float64 else 1e-6


def _residuals(matrix: Matrix, values: Tensor, left: Tensor, right: Tensor) -> Tensor:
    ahead = (matrix.ahead(right) - values[:, None] * left).square().sum(1)
    back = (matrix.back(left) - values[:, None] * right).square().sum(1)
    return (ahead + back).sqrt() / values


def _gaps(values: Tensor, residuals: Tensor, kept: int, complete: bool) -> Tensor:
    """A value that was not found exactly may be as large as its residual allows: gaps are those that remain then."""
    upper = values * (1 + residuals)
    gaps = torch.full((kept,), float("nan"), dtype=torch.float64)
    known = min(kept, len(values) - 1)
    gaps[:known] = ((values[:known] - upper[1 : known + 1]) / values[:known]).clamp_min(0)
    if kept == len(values) and kept and complete:
        gaps[-1] = 1.0
    return gaps


def _groups(gaps: Tensor) -> tuple[tuple[int, ...], ...]:
    groups: list[list[int]] = []
    for place in range(len(gaps)):
        if groups and float(gaps[place - 1]) < ALIKE:
            groups[-1].append(place)
        else:
            groups.append([place])
    return tuple(map(tuple, groups))


def _total(matrix: Matrix, seed: int) -> tuple[float, float]:
    """The Frobenius norm by random signs (Hutchinson), with its standard error."""
    generator = torch.Generator().manual_seed(seed + 1)
    signs = torch.randint(0, 2, (_PROBES, matrix.m), generator=generator).double() * 2 - 1
    squares = matrix.back(signs).square().sum(1)
    norm = float(squares.mean()) ** 0.5
    return norm, float(squares.std()) / _PROBES**0.5 / (2 * norm) if norm > 0 else 0.0


def _effective_rank(values: Tensor, total: float, most: int) -> tuple[float, float]:
    """What is left may lie in values as large as the last known one, or be spread evenly over all others."""
    if not len(values):
        return 0.0, 0.0
    known = values.square()
    rest, others = max(total**2 - float(known.sum()), 0.0), most - len(values)
    if others <= 0 or rest <= 1e-12 * float(known.sum()):
        return (_rank_of(known),) * 2
    whole, part = divmod(rest, float(known[-1]))
    fewest = torch.cat([known, known[-1:].expand(int(min(whole, others))), torch.tensor([part], dtype=known.dtype)])
    spread = torch.cat([known, torch.full((others,), rest / others, dtype=known.dtype)])
    low, high = _rank_of(fewest), _rank_of(spread)
    return min(low, high), max(low, high)


def _rank_of(squares: Tensor) -> float:
    shares = squares[squares > 0] / squares.sum()
    return float(torch.exp(-(shares * shares.log()).sum()))


def _notes(k: int, residuals: Tensor, gaps: Tensor, method: str, tolerance: float) -> tuple[str, ...]:
    notes, kept = [], len(gaps)
    if kept < k:
        notes.append(f"The Jacobian has no more than {kept} singular values above rounding here.")
    if kept and float(residuals.max()) > 2 * tolerance:
        place = int(residuals.argmax())
        more = "allow more products with `most`" if method == "lanczos" else "use method='lanczos'"
        notes.append(f"Singular value {place} was found to a residual of {float(residuals[place]):.1e} only; {more}.")
    if kept and bool((gaps < ALIKE).any()):
        notes.append("Some singular values are within 1 % of the next: single vectors are arbitrary, what they span is not.")
    return tuple(notes)
