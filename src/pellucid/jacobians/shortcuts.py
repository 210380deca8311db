"""Cheaper ways back than PyTorch's own through layers whose values stay PyTorch's to the last bit.

On a processor a large convolutional network spends a tenth of a way back where no arithmetic asks for it. Batch normalisation
with fixed statistics goes back as one multiplication, yet PyTorch reads its input again and adds up gradients of weights that
nobody wanted; and the way back of a convolution of a picture of 1 or 3 channels leaves most lanes of its vectors empty.

While :class:`Shortcuts` is open, such a layer enters the graph as an equal step of which PyTorch's way back is cheap; what the
layer gives is then written over what that step gave, so that rounding flips no kink behind it. The step and the layer are the
same linear map of the input but for a shift; derivatives of any order, forwards too, are therefore those of the layer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.autograd.forward_ad as forward_ad
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.graph import disable_saved_tensors_hooks
from torch.overrides import TorchFunctionMode

_PICTURE = 3
"""Channels up to which a convolution is cheaper sent back as a matrix; from 8 on it is dearer."""

_ROOM = 2**24
"""Numbers of all patches of a picture up to which a matrix times them is cheaper; larger ones only wait for memory."""

_PLAIN = (Tensor, nn.Parameter)
"""Kinds of tensors whose steps are known; others bring rules of their own, which not all of them tell."""


class Shortcuts(TorchFunctionMode):
    """While open, layers on the way from the input enter the graph by their cheaper way back, on a processor.

    A layer is left as it is where its weights ask for a derivative or carry one too, where they are no plain tensors, where a
    network keeps no numbers for the way back (checkpoints), where patches take too much room, and where the step would be of
    another type or lie otherwise in memory.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        rule = _RULES.get(func)
        step = rule(*args, **given) if rule is not None and _of_input_alone(args, given) else None
        if step is None:
            return func(*args, **given)
        with torch.no_grad():
            value = func(*args, **given)
        if step.dim() != value.dim():  # a view less: what is written over a view later would go back by copies
            step = step.unflatten(-1, value.shape[2:])
        if (step.dtype, step.stride()) != (value.dtype, value.stride()):
            return func(*args, **given)
        step.detach().copy_(value)
        return step


def _of_input_alone(args: tuple[Any, ...], given: Mapping[str, Any]) -> bool:
    """Whether what enters the layer asks for a derivative, and neither its weights nor its statistics ask for or carry one."""
    if not args or not torch.is_grad_enabled() or not args[0].requires_grad or args[0].device.type != "cpu" or not _kept():
        return False
    others = [leaf for leaf in (*args[1:], *given.values()) if isinstance(leaf, Tensor)]
    if any(type(leaf) not in _PLAIN for leaf in (args[0], *others)):
        return False
    return not any(leaf.requires_grad or forward_ad.unpack_dual(leaf).tangent is not None for leaf in others)


def _kept() -> bool:
    """Whether the graph keeps numbers as they are; a network that makes them anew on the way back does so by its own layers."""
    try:
        with disable_saved_tensors_hooks("Numbers are not kept as they are."):
            return True
    except RuntimeError:
        return False


def _normalised(
    input: Float[Tensor, "N C *S"],
    running_mean: Float[Tensor, " C"] | None,
    running_var: Float[Tensor, " C"] | None,
    weight: Float[Tensor, " C"] | None = None,
    bias: Float[Tensor, " C"] | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Float[Tensor, "N C *S"] | None:
    """Batch normalisation without its shift; None where its statistics are those of the batch."""
    if training or running_var is None:
        return None
    scale = torch.rsqrt(running_var + eps)
    scale = scale if weight is None else scale * weight
    return input * scale.reshape(-1, *[1] * (input.dim() - 2))


def _convolved(
    input: Float[Tensor, "N C H W"],
    weight: Float[Tensor, "O C h w"],
    bias: Float[Tensor, " O"] | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Float[Tensor, "N O L"] | None:
    """A convolution of a picture, without its shift, as a matrix times its patches; None for any other."""
    if input.dim() != 4 or input.shape[1] > _PICTURE or groups != 1 or isinstance(padding, str):
        return None
    stride, padding, dilation = _both(stride), _both(padding), _both(dilation)
    if weight[0].numel() * input[:, 0].numel() // math.prod(stride) > _ROOM:
        return None
    return weight.flatten(1) @ F.unfold(input, weight.shape[2:], dilation, padding, stride)


def _both(given: int | Sequence[int]) -> tuple[int, ...]:
    """Of height and width: a convolution takes one number for both, alone or in a list."""
    sizes = (given,) if isinstance(given, int) else tuple(given)
    return sizes * 2 if len(sizes) == 1 else sizes


_RULES: dict[Any, Callable[..., Tensor | None]] = {F.batch_norm: _normalised, torch.conv2d: _convolved}
