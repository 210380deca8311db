"""Which steps of a network bend, where, and which are straight.

A step that bends at a kink (ReLU, max-pool) is straight on either side of it. Its kinks are said as numbers that are affine in
what enters the step, and of which none changes its sign as long as the step stays straight.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor


def _named(steps: str) -> frozenset[str]:
    return frozenset(steps.split())


ADDITIVE = _named(
    """__add__ __getitem__ __iadd__ __isub__ __neg__ __radd__ __rsub__ __sub__ adaptive_avg_pool1d adaptive_avg_pool2d
    adaptive_avg_pool3d add add_ avg_pool1d avg_pool2d avg_pool3d cat chunk clone concat concatenate contiguous cumsum diagonal
    double expand expand_as flatten flip float fold gather hstack identity index_select interpolate masked_fill mean movedim
    narrow neg negative pad permute pixel_shuffle pixel_unshuffle positive reshape reshape_as roll select split squeeze stack
    sub sub_ subtract sum swapaxes swapdims t tile to transpose type_as unbind unflatten unfold unsqueeze view view_as vstack
    where T mT"""
)
"""Steps that are affine in all tensors together that they are given."""

MULTIPLICATIVE = _named(
    """__matmul__ __mul__ __rmatmul__ __rmul__ __imul__ addmm baddbmm batch_norm bilinear bmm conv1d conv2d conv3d
    conv_transpose1d conv_transpose2d conv_transpose3d dropout dropout1d dropout2d dropout3d einsum linear matmul mm mul mul_
    multiply mv dot tensordot feature_dropout"""
)
"""Steps that are affine in each tensor while all others are fixed."""

DIVIDING = _named("div div_ divide true_divide __truediv__ __itruediv__")
"""Steps that are linear in the first tensor alone."""

ASKING = _named(
    """__len__ dim size numel nelement stride is_floating_point is_complex is_contiguous is_cuda element_size get_device shape
    dtype device ndim ndimension layout requires_grad is_sparse is_quantized is_nested names grad_fn is_leaf is_mkldnn is_cpu
    is_mps is_meta is_vulkan is_inference _backward_hooks zeros_like ones_like full_like new_zeros new_ones new_full"""
)
"""What is asked of a tensor that does not depend on its numbers."""

LIKENING = _named("to type_as expand_as view_as reshape_as")
"""Steps that make the first tensor like another one, of whose numbers they know nothing."""

FLAT = _named("relu relu_ relu6 hardtanh hardtanh_ clamp clamp_ clamp_min clamp_max clip")
"""Steps with units that are off: beyond a bound the outcome no longer depends on what enters."""

ANGLED = _named("leaky_relu leaky_relu_ prelu abs absolute __abs__")
POOLS = {"max_pool1d": 1, "max_pool2d": 2, "max_pool3d": 3}
PAIRS = _named("maximum minimum")
BENDING = FLAT | ANGLED | PAIRS | frozenset(POOLS) | {"amax", "amin"}
"""Steps that are straight up to a kink that :func:`functionals` knows."""


def functionals(name: str, args: Sequence[Any], given: Mapping[str, Any]) -> list[Tensor]:
    """Numbers that are affine in what enters a step of :data:`BENDING`: it stays straight while none changes its sign.

    Of a maximum, the best entry less every other one: the second best alone would not do, as a third may grow faster.
    """
    if name in FLAT:
        lower, upper = _bounds(name, args, given)
        both = ((args[0] - lower, lower), (upper - args[0], upper))
        return [value for value, bound in both if not isinstance(bound, float) or math.isfinite(bound)]
    if name in ANGLED:
        return [args[0].clone()]
    if name in PAIRS:
        return [args[0] - args[1]]
    if name in POOLS:
        return [_less_than_best(_windows(args, given, POOLS[name]))]
    values = _together(args[0], _argument(args, given, 1, "dim", ()))
    return [_less_than_best(values if name == "amax" else -values)]


def _argument(args: Sequence[Any], given: Mapping[str, Any], place: int, name: str, default: Any) -> Any:
    found = args[place] if len(args) > place else given.get(name, default)
    return default if found is None else found


def _bounds(name: str, args: Sequence[Any], given: Mapping[str, Any]) -> tuple[Any, Any]:
    if name in ("relu", "relu_"):
        return 0.0, math.inf
    if name == "relu6":
        return 0.0, 6.0
    if name in ("hardtanh", "hardtanh_"):
        return _argument(args, given, 1, "min_val", -1.0), _argument(args, given, 2, "max_val", 1.0)
    if name == "clamp_max":
        return -math.inf, _argument(args, given, 1, "max", math.inf)
    return _argument(args, given, 1, "min", -math.inf), _argument(args, given, 2, "max", math.inf)


def _together(values: Tensor, dims: Any) -> Tensor:
    """The axes over which a maximum is taken as one last axis; all axes where none is named."""
    listed = (dims,) if isinstance(dims, int) else tuple(dims) or tuple(range(values.ndim))
    return values.movedim(listed, tuple(range(-len(listed), 0))).flatten(-len(listed))


def _less_than_best(values: Tensor) -> Tensor:
    """The best entry of the last axis less each; 0, and always 0, for the best itself."""
    return values.gather(-1, values.argmax(-1, keepdim=True)) - values


def _windows(args: Sequence[Any], given: Mapping[str, Any], axes: int) -> Tensor:
    """What each window of a max-pool holds, on a last axis; minus infinity where it looks beyond the border."""
    size = _each(_argument(args, given, 1, "kernel_size", 0), axes)
    stride = _each(_argument(args, given, 2, "stride", size) or size, axes)
    padding = _each(_argument(args, given, 3, "padding", 0), axes)
    dilation = _each(_argument(args, given, 4, "dilation", 1), axes)
    ceil = bool(_argument(args, given, 5, "ceil_mode", False))
    place, inside = torch.zeros(1, 1, dtype=torch.long), torch.ones(1, 1, dtype=torch.bool)
    for axis, n in enumerate(args[0].shape[-axes:]):
        at = _looked_at(n, size[axis], stride[axis], padding[axis], dilation[axis], ceil)
        place = _crossed(place * n, at.clamp(0, n - 1), torch.add)
        inside = _crossed(inside, (at >= 0) & (at < n), torch.logical_and)
    found: Tensor = args[0].flatten(-axes)[..., place.to(args[0].device)]
    return found.masked_fill(~inside.to(args[0].device), -math.inf)


def _crossed(rows: Tensor, more: Tensor, by: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Every window with every window, every entry with every entry: (W, E) and (w, e) to (W w, E e)."""
    return by(rows[:, None, :, None], more[None, :, None, :]).flatten(2).flatten(0, 1)


def _looked_at(n: int, size: int, stride: int, padding: int, dilation: int, ceil: bool) -> Tensor:
    """Positions along one axis, windows x entries; negative or n and more beyond the border."""
    reach = n + 2 * padding - dilation * (size - 1) - 1
    count = (math.ceil if ceil else math.floor)(reach / stride) + 1
    if ceil and (count - 1) * stride >= n + padding:
        count -= 1  # a window that begins beyond the border is none
    return torch.arange(count)[:, None] * stride - padding + torch.arange(size) * dilation


def _each(given: Any, axes: int) -> tuple[int, ...]:
    return (given,) * axes if isinstance(given, int) else tuple(given) * (axes if len(given) == 1 else 1)
