"""The Jacobian of a function at one input, as an operator: asked for products, rows, its norm, or itself where it fits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.errors import PellucidError
from pellucid.jacobians.checking import check
from pellucid.jacobians.function import Function
from pellucid.jacobians.layerwise import accumulated
from pellucid.jacobians.products import Ahead

Mode = Literal["auto", "reverse", "forward", "matrix-free", "pbx"]
MODES: tuple[Mode, ...] = ("auto", "reverse", "forward", "matrix-free", "pbx")

FEW = 512
"""Outputs, or numbers of the input, up to which the Jacobian is made row by row, or column by column."""

ROOM = 2 * 1024**3
"""Bytes that a Jacobian may take unless a caller allows more."""

CHUNK = 16
"""Rows or columns made at once unless a caller says otherwise."""

_MANY = 8
"""Directions from which on all rows may be cheaper; fewer are made without rows, whatever the shape."""


@dataclass(frozen=True)
class Norm:
    """The Frobenius norm of a Jacobian.

    Attributes:
        value: sqrt of the sum of all squared entries.
        error: standard error of `value` where it was estimated; 0 where it is exact.
        probes: random directions behind the estimate; 0 where it is exact.
    """

    value: float
    error: float
    probes: int


class Operator:
    """`J = d outputs / d input` of a function at one input.

    The graph of one forward pass is kept for as long as the operator lives.

    Args:
        function: what is differentiated.
        mode: "reverse" makes rows by ways back, "forward" columns by ways forth, "pbx" columns layer by layer as in Abe & Asai
            2025 (Algorithm 1), "matrix-free" refuses to make any whole; "auto" takes the cheapest that suits the shape.
        chunk: rows or columns made at once; memory grows with it.
        room: bytes that a dense Jacobian may take.

    Attributes:
        notes: what a reader should know before believing it (saturation, layers that needed another way).

    Raises:
        PellucidError: the function has no Jacobian at this input (:func:`pellucid.jacobians.checking.check`), or no such mode.
    """

    def __init__(self, function: Function, mode: Mode = "auto", chunk: int = CHUNK, room: int = ROOM) -> None:
        if mode not in MODES:
            raise PellucidError(f"There is no mode {mode!r}; use {', '.join(MODES)}.")
        if chunk < 1:
            raise PellucidError(f"A chunk of {chunk} rows is none; give 1 or more.")
        self._back, self._notes = check(function)
        self.function = function
        self.mode: Mode = suited(function.shape) if mode == "auto" else mode
        self.chunk, self.room = chunk, room
        self._ahead = Ahead(function)

    # Facts

    @property
    def shape(self) -> tuple[int, int]:
        """(m, n): outputs, and numbers of the input."""
        return self.function.shape

    @property
    def outputs(self) -> tuple[str, ...]:
        """The name of each row."""
        return self.function.outputs

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know before believing it."""
        return (*self._notes, *self._back.notes, *self._ahead.notes)

    @property
    def value(self) -> Float[Tensor, " m"]:
        """The outputs at the input."""
        return self._back.outputs.detach()

    @property
    def bytes(self) -> int:
        """What the dense Jacobian would take."""
        m, n = self.shape
        return m * n * self.function.at.element_size()

    # Products

    def vjp(self, cotangents: Float[Tensor, "*k m"]) -> Float[Tensor, "*k *S"]:
        """`u^T J`: how a combination of outputs depends on every number of the input; one or several.

        Raises:
            PellucidError: a cotangent does not have one number an output.
        """
        rows = self._fitting(cotangents, (self.shape[0],), "outputs")
        if not len(rows):
            return rows.new_zeros(0, *self.function.at.shape)
        found = torch.cat([self._back(block) for block in rows.split(self.chunk)])
        return found[0] if cotangents.ndim == 1 else found

    def jvp(self, tangents: Float[Tensor, "*k *S"]) -> Float[Tensor, "*k m"]:
        """`J v`: how much every output changes along a direction of the input, to first order; one or several.

        Raises:
            PellucidError: a direction does not have the shape of the input, or a layer has neither a derivative forwards nor a
                second one backwards.
        """
        at = self.function.at
        rows = self._fitting(tangents, tuple(at.shape), "the input")
        if not len(rows):
            return rows.new_zeros(0, self.shape[0])
        if self.mode == "reverse" and len(rows) >= max(self.shape[0], _MANY) and self.bytes <= self.room:
            found = rows.flatten(1) @ self.dense().flatten(1).T  # all rows cost less than so many products
        else:
            found = torch.cat([self._ahead(block) for block in rows.split(self.chunk)])
        return found[0] if tangents.ndim == at.ndim else found

    def _fitting(self, given: Tensor, wanted: tuple[int, ...], what: str) -> Tensor:
        rows = given if given.ndim > len(wanted) else given[None]
        if tuple(rows.shape[1:]) != wanted:
            raise PellucidError(f"A direction of shape {tuple(given.shape)} does not fit {what}, of shape {wanted}.")
        return rows.to(self.function.at)

    # The whole, or parts of it

    def rows(self, outputs: str | Sequence[str] | None = None) -> Float[Tensor, "k *S"]:
        """Rows of the named outputs, of one, or of all where None: what each depends on.

        Raises:
            PellucidError: there is no such output, or the rows take more than `room`.
        """
        if outputs is None:
            self._check_room(self.shape[0])
            return torch.cat(list(self.blocks()))
        wanted = (outputs,) if isinstance(outputs, str) else tuple(outputs)
        unknown = [name for name in wanted if name not in self.outputs]
        if unknown:
            raise PellucidError(f"There is no output {unknown[0]!r}; there are {', '.join(self.outputs[:5])} ...")
        self._check_room(len(wanted))
        places = torch.tensor([self.outputs.index(name) for name in wanted], dtype=torch.long)
        picked = self.value.new_zeros(len(wanted), self.shape[0])
        picked[torch.arange(len(wanted)), places] = 1
        return self.vjp(picked)

    def dense(self) -> Float[Tensor, "m *S"]:
        """The whole Jacobian.

        Raises:
            PellucidError: it takes more than `room`, or the mode is "matrix-free".
        """
        if self.mode not in ("forward", "pbx"):
            return self.rows()
        self._check_room(self.shape[0])
        columns = torch.cat([self._columns(block) for block in unit_vectors(self.function.at, self.chunk)])
        return columns.T.reshape(self.shape[0], *self.function.at.shape)

    def blocks(self) -> Iterator[Float[Tensor, "c *S"]]:
        """All rows, a chunk at a time, however large the whole would be."""
        for block in unit_vectors(self.value, self.chunk):
            yield self._back(block)

    def _columns(self, tangents: Tensor) -> Float[Tensor, "c m"]:
        if self.mode == "forward":
            return self._ahead.forwards(tangents)
        return accumulated(self.function, tangents)

    def _check_room(self, rows: int) -> None:
        size = self.bytes * rows // self.shape[0]
        if self.mode == "matrix-free" or size > self.room:
            m, n = self.shape
            raise PellucidError(
                f"{rows} rows of a Jacobian of {m:,} x {n:,} take {size / 1024**3:.2f} GiB"
                f"{'' if size > self.room else ', and the mode is matrix-free'}; use .jvp, .vjp, .spectrum or .blocks, which "
                "never hold it, or allow more with `room`."
            )

    # Its size

    def fro(self, probes: int | None = None, seed: int = 0) -> Norm:
        """The Frobenius norm: exact, or estimated where `probes` are given or the mode is "matrix-free".

        Args:
            probes: estimate by so many random signs z (Hutchinson: E |J^T z|^2 = |J|_F^2); None for the exact norm, row by row,
                or 64 probes where the mode is "matrix-free".
        """
        if probes is None and self.mode != "matrix-free":
            squares = sum(float(block.double().square().sum()) for block in self.blocks())
            return Norm(squares**0.5, 0.0, 0)
        count = probes or 64
        generator = torch.Generator().manual_seed(seed)
        signs = torch.randint(0, 2, (count, self.shape[0]), generator=generator) * 2.0 - 1
        found = torch.cat([self.vjp(block).flatten(1).double().square().sum(1) for block in signs.split(self.chunk)])
        mean = float(found.mean())
        spread = float(found.std() / count**0.5) if count > 1 else float("nan")
        return Norm(mean**0.5, spread / (2 * mean**0.5) if mean > 0 else 0.0, count)

    def sensitivity(self) -> Float[Tensor, "*S"]:
        """Total sensitivity to every number of the input: the L2 norm of its column; float64, exact, one way back an output.

        Rows are made a chunk at a time and never held, however large the whole would be.
        """
        total = torch.zeros(self.function.at.shape, dtype=torch.float64, device=self.function.at.device)
        for block in self.blocks():
            total += block.double().square().sum(0)
        return total.sqrt()


def unit_vectors(like: Float[Tensor, "*S"], chunk: int) -> Iterator[Float[Tensor, "c *S"]]:
    """Every unit vector of that shape, a chunk at a time, so that never all of them need room."""
    for start in range(0, like.numel(), chunk):
        units = like.new_zeros(min(chunk, like.numel() - start), like.numel())
        units.diagonal(start).fill_(1)
        yield units.reshape(-1, *like.shape)


def suited(shape: tuple[int, int]) -> Mode:
    """The cheapest way for a shape: rows where outputs are few, columns where the input is small, else neither."""
    m, n = shape
    if m <= FEW and m <= n:
        return "reverse"
    if n <= FEW:
        return "forward"
    return "reverse" if m <= n // 4 and m <= FEW * 2 else "matrix-free"
