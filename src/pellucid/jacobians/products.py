"""Products with the Jacobian of a function, without the Jacobian.

Backwards (`J^T u`): one pass keeps its graph, and every row is one way back through it, many at once. Forwards (`J v`): numbers
that carry their own derivative, or twice backwards: `u -> J^T u` is linear, and its own way back is `J v`. The former runs the
network anew each time; the latter keeps a graph, costs a third to two thirds of it from then on, and knows layers that have no
rule forwards (grid_sample, recurrent kernels).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
import torch.autograd.forward_ad as forward_ad
from jaxtyping import Float
from torch import Tensor, nn
from torch.backends import cudnn, mha, mkldnn
from torch.nn.attention import SDPBackend, sdpa_kernel

from pellucid.errors import PellucidError
from pellucid.jacobians.function import Function
from pellucid.jacobians.shortcuts import Shortcuts

_FILLING = 2**15
"""Numbers of an input from which on one way back fills the caches of a processor, and several at once only wait for memory."""

_FEW = 2
"""Products made by numbers that carry their derivative, before a graph is kept for more."""

_HIDDEN = 1e-3
"""Products that are no transpose of each other by more than this (in standard deviations) differ by no rounding."""


@contextlib.contextmanager
def written_out(function: Function) -> Iterator[None]:
    """While open, attention and recurrent layers do without fused kernels, which have no derivative forwards and no second one.

    The library behind the recurrent kernels is that of convolutions too, which would be slower without it: it stays on where
    the network has no recurrent layer.
    """
    recurrent = function.module is None or any(isinstance(part, nn.RNNBase) for part in function.module.modules())
    with contextlib.ExitStack() as stack:
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        stack.enter_context(_without_fast_attention())
        if recurrent:
            stack.enter_context(_without_recurrent_kernels())
        yield


@contextlib.contextmanager
def _without_fast_attention() -> Iterator[None]:
    before = mha.get_fastpath_enabled()
    mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        mha.set_fastpath_enabled(before)


@contextlib.contextmanager
def _without_recurrent_kernels() -> Iterator[None]:
    before = mkldnn.enabled, cudnn.enabled
    mkldnn.enabled = cudnn.enabled = False  # type: ignore[assignment]
    try:
        yield
    finally:
        mkldnn.enabled, cudnn.enabled = before


class Backward:
    """The graph of one pass, and ways back through it.

    Args:
        twice: without fused kernels, so that a second derivative exists.
    """

    def __init__(self, function: Function, twice: bool = False) -> None:
        self.at = function.at.detach().clone().requires_grad_()
        self.alone = self.at.device.type == "cpu" and self.at.numel() >= _FILLING
        self.module = function.module
        cheaper = Shortcuts() if self.alone and not twice else contextlib.nullcontext()
        with torch.enable_grad(), self.fixed(), cheaper, written_out(function) if twice else contextlib.nullcontext():
            self.outputs = function(self.at[None])[0]
        self.notes: tuple[str, ...] = ()

    def fixed(self) -> contextlib.AbstractContextManager[None]:
        """While open, weights are as they were in the pass; a network that saves memory runs it anew on every way back."""
        return contextlib.nullcontext() if self.module is None else _fixed(self.module)

    def __call__(self, cotangents: Float[Tensor, "k m"]) -> Float[Tensor, "k *S"]:
        """`u^T J` of every row."""
        with self.fixed():
            if len(cotangents) == 1 or self.alone or self.notes:
                return torch.stack([self._one(row) for row in cotangents])
            try:
                return torch.autograd.grad(self.outputs, self.at, cotangents, retain_graph=True, is_grads_batched=True)[0]
            except RuntimeError as error:
                if not _one_at_a_time(error):
                    raise
        self.notes = ("A layer cannot be sent back for several outputs at once; rows were made one by one.",)
        return self(cotangents)

    def _one(self, cotangent: Float[Tensor, " m"]) -> Float[Tensor, "*S"]:
        return torch.autograd.grad(self.outputs, self.at, cotangent, retain_graph=True)[0]


def _one_at_a_time(error: RuntimeError) -> bool:
    """Whether a layer only lacks a way for several outputs at once; a derivative made by numpy finds no numbers to read."""
    return any(sign in str(error).lower() for sign in ("vmap", "batching rule", "data pointer", "storage"))


@contextlib.contextmanager
def _fixed(module: nn.Module) -> Iterator[None]:
    """While open, weights ask for no derivative, so that a graph keeps nothing for theirs."""
    asking = [weight for weight in module.parameters() if weight.requires_grad]
    for weight in asking:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in asking:
            weight.requires_grad_()


@contextlib.contextmanager
def refusing_forwards(refusal: str) -> Iterator[None]:
    """While open, a layer that has no derivative forwards is refused in these words.

    Raises:
        PellucidError: there is one.
    """
    try:
        yield
    except (NotImplementedError, RuntimeError) as error:
        if "forward" not in str(error).lower():
            raise
        raise PellucidError(refusal) from error


def carried(outputs: Float[Tensor, "k m"]) -> Float[Tensor, "k m"]:
    """The derivative that outputs carry; zeros where nothing of the input reached them."""
    tangent = forward_ad.unpack_dual(outputs).tangent
    return torch.zeros_like(outputs) if tangent is None else tangent


class Forward:
    """`J v` by numbers that carry their derivative."""

    def __init__(self, function: Function) -> None:
        self.function = function

    @torch.no_grad()
    def __call__(self, tangents: Float[Tensor, "k *S"]) -> Float[Tensor, "k m"]:
        """`J v` of every row, in one pass over k versions.

        Raises:
            NotImplementedError: a layer has no rule forwards.
        """
        with forward_ad.dual_level(), written_out(self.function):
            versions = self.function.at.expand_as(tangents).contiguous()
            return carried(self.function(forward_ad.make_dual(versions, tangents.contiguous()))).detach()


class TwiceBackward:
    """`J v` as the way back through a way back.

    Raises:
        PellucidError: a layer hides its derivative, or a part of it, from a second one.
    """

    def __init__(self, function: Function) -> None:
        once = Backward(function, twice=True)
        self.fixed = once.fixed
        self.cotangent = torch.zeros_like(once.outputs, requires_grad=True)
        with torch.enable_grad(), once.fixed(), written_out(function):
            (self.back,) = torch.autograd.grad(once.outputs, once.at, self.cotangent, create_graph=True)
        self.alone = once.alone
        self._check(once)

    def __call__(self, tangents: Float[Tensor, "k *S"]) -> Float[Tensor, "k m"]:
        """`J v` of every row."""
        if len(tangents) == 1 or self.alone:
            return torch.stack([self._one(row) for row in tangents])
        try:
            with self.fixed():
                return torch.autograd.grad(self.back, self.cotangent, tangents, retain_graph=True, is_grads_batched=True)[0]
        except RuntimeError as error:
            if not _one_at_a_time(error):
                raise
            self.alone = True
            return self(tangents)

    def _one(self, tangent: Float[Tensor, "*S"]) -> Float[Tensor, " m"]:
        with self.fixed():
            return torch.autograd.grad(self.back, self.cotangent, tangent, retain_graph=True)[0]

    def _check(self, once: Backward) -> None:
        """A layer with a way back of its own may have left the graph on it: `<J v, u>` is then not `<v, J^T u>`."""
        generator = torch.Generator().manual_seed(0)
        v, u = (torch.randn(t.shape, generator=generator, dtype=t.dtype).to(t) for t in (self.back, self.cotangent))
        rows = once(u[None])[0].double()
        try:
            hidden = not self.back.requires_grad or torch.sum(self._one(v).double() * u) - torch.sum(rows * v)
        except RuntimeError as error:
            if "differentiate twice" not in str(error) and "not have been used in the graph" not in str(error):
                raise
            hidden = True
        if hidden is True or float(abs(hidden)) > _HIDDEN * float(rows.norm()):
            raise PellucidError("A layer of the network hides its derivative from a second one; ask for rows only.")


class Ahead:
    """`J v` by numbers that carry their derivative; twice backwards where a layer has none, or where many are asked for.

    Attributes:
        notes: what a reader should know of how they were made.
    """

    def __init__(self, function: Function) -> None:
        self.function = function
        self.dual: Forward | None = Forward(function)
        self.twice: TwiceBackward | None = None
        self.made, self.hidden = 0, False
        self.notes: tuple[str, ...] = ()

    def __call__(self, tangents: Float[Tensor, "k *S"]) -> Float[Tensor, "k m"]:
        """`J v` of every row.

        Raises:
            PellucidError: a layer has neither a derivative forwards nor a second one backwards.
        """
        self.made += len(tangents)
        if self.dual is None or (self.made > _FEW and not self.hidden):
            kept = self._kept()
            if kept is not None:
                return kept(tangents)
        return self.forwards(tangents)

    def forwards(self, tangents: Float[Tensor, "k *S"]) -> Float[Tensor, "k m"]:
        """By numbers that carry their derivative, wherever there is a rule."""
        if self.dual is not None:
            try:
                return self.dual(tangents)
            except (NotImplementedError, RuntimeError) as error:
                if "forward" not in str(error).lower() and "jvp" not in str(error).lower():
                    raise
            self.dual = None
            self.notes = ("A layer has no derivative forwards; products J v were made by going back twice.",)
        kept = self._kept()
        assert kept is not None  # without a derivative forwards, one that is hidden is raised
        return kept(tangents)

    def _kept(self) -> TwiceBackward | None:
        """The graph of a way back; None where it is hidden and there is another way."""
        if self.twice is None:
            try:
                self.twice = TwiceBackward(self.function)
            except PellucidError:
                if self.dual is None:
                    raise
                self.hidden = True
        return self.twice
