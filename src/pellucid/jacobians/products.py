"""Products with the Jacobian of a function, without the Jacobian.

Backwards (`J^T u`): one pass keeps its graph, and every row is one way back through it, many at once. Forwards (`J v`): numbers
that carry their own derivative, or, where a layer has no such rule (fused attention, LSTM), twice backwards: `u -> J^T u` is
linear, and its own way back is `J v`.
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
        with torch.enable_grad(), written_out(function) if twice else contextlib.nullcontext():
            self.outputs = function(self.at[None])[0]
        self.notes: tuple[str, ...] = ()

    def __call__(self, cotangents: Float[Tensor, "k m"]) -> Float[Tensor, "k *S"]:
        """`u^T J` of every row."""
        if len(cotangents) == 1 or self.notes:
            return torch.stack([self._one(row) for row in cotangents])
        try:
            return torch.autograd.grad(self.outputs, self.at, cotangents, retain_graph=True, is_grads_batched=True)[0]
        except RuntimeError as error:
            if "vmap" not in str(error) and "batching rule" not in str(error).lower():
                raise
            self.notes = ("A layer cannot be sent back for several outputs at once; rows were made one by one.",)
            return self(cotangents)

    def _one(self, cotangent: Float[Tensor, " m"]) -> Float[Tensor, "*S"]:
        return torch.autograd.grad(self.outputs, self.at, cotangent, retain_graph=True)[0]


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
            found = self.function(forward_ad.make_dual(versions, tangents.contiguous()))
            tangent = forward_ad.unpack_dual(found).tangent
        return torch.zeros_like(found) if tangent is None else tangent


class TwiceBackward:
    """`J v` as the way back through a way back."""

    def __init__(self, function: Function) -> None:
        back = Backward(function, twice=True)
        self.cotangent = torch.zeros_like(back.outputs, requires_grad=True)
        with torch.enable_grad(), written_out(function):
            (self.back,) = torch.autograd.grad(back.outputs, back.at, self.cotangent, create_graph=True)

    def __call__(self, tangents: Float[Tensor, "k *S"]) -> Float[Tensor, "k m"]:
        """`J v` of every row."""
        return torch.stack([self._one(row) for row in tangents])

    def _one(self, tangent: Float[Tensor, "*S"]) -> Float[Tensor, " m"]:
        if not self.back.requires_grad:
            raise PellucidError("A layer of the network hides its derivative from a second one; ask for rows only.")
        return torch.autograd.grad(self.back, self.cotangent, tangent, retain_graph=True)[0]
