"""The rescale rule: a network in which every activation is a straight line from what it gives on a reference.

Run on images and their references at once, an activation `h` that is given `z` and `z'` is replaced by the line through both,
of slope `(h(z) - h(z')) / (z - z')`. The outputs are those of the network; what is sent back is sent through the lines. So the
gradient times (x - x') adds up to f(x) - f(x') exactly. Maximum pooling gives what its output gained to the pixel that is the
maximum of the image, and what it lost to the one that was the maximum of the reference.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

_PIECEWISE = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.Hardtanh)
_SMOOTH = (nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish, nn.Sigmoid, nn.Tanh, nn.Softplus, nn.Softsign, nn.LogSigmoid)
_BENT = (nn.Hardsigmoid, nn.Hardswish)
_POOLS: dict[type[nn.Module], Callable[..., Any]] = {
    nn.MaxPool1d: functional.max_pool1d,
    nn.MaxPool2d: functional.max_pool2d,
    nn.MaxPool3d: functional.max_pool3d,
}


@contextlib.contextmanager
def straightened(module: nn.Module) -> Iterator[None]:
    """While open, the network is to be run on a batch of images followed by their references, and is straight between them."""
    parts = list(module.modules())
    rules: list[tuple[nn.Module, Callable[..., Tensor]]] = [
        (p, _line) for p in parts if isinstance(p, (*_PIECEWISE, *_SMOOTH, *_BENT))
    ]
    rules += [(p, _pooled) for p in parts if type(p) in _POOLS and not getattr(p, "return_indices", False)]
    handles = [part.register_forward_hook(rule, with_kwargs=True) for part, rule in rules]
    in_place = [p for p in parts if getattr(p, "inplace", False) is True]  # they overwrite what the rule must see
    for part in in_place:
        setattr(part, "inplace", False)  # noqa: B010 (a module's own attribute, unknown to its type)
    try:
        yield
    finally:
        for part in in_place:
            setattr(part, "inplace", True)  # noqa: B010
        for handle in handles:
            handle.remove()


def _line(module: nn.Module, inputs: tuple[Tensor, ...], named: dict[str, Tensor], output: Tensor) -> Tensor:
    """The output, as a straight line from that of the reference."""
    (given,) = (*inputs, *named.values())
    (x, reference), (y, of_reference) = given.detach().chunk(2), output.detach().chunk(2)
    change = x - reference
    close = change.abs() <= _resolution(module, x, reference)
    slope = (y - of_reference) / change.where(~close, 1.0)
    if bool(close.any()):
        slope = torch.where(close, _derivative(module, (x + reference) / 2), slope)
    return _with_gradient(y, of_reference, slope, given[: len(x)])


def _pooled(module: nn.Module, inputs: tuple[Tensor, ...], named: dict[str, Tensor], output: Tensor) -> Tensor:
    """The maxima, each tied to the pixel that what it gained or lost is given to."""
    (given,), pool = (*inputs, *named.values()), _POOLS[type(module)]
    (x, reference), (y, of_reference) = given.detach().chunk(2), output.detach().chunk(2)
    settings = [getattr(module, name) for name in ("kernel_size", "stride", "padding", "dilation", "ceil_mode")]
    of_image, of_other = pool(given.detach(), *settings, return_indices=True)[1].chunk(2)
    place = torch.where(y >= of_reference, of_image, of_other).flatten(2)
    changed = (x - reference).flatten(2).gather(2, place).view_as(y)
    slope = ((y - of_reference) / changed.where(changed != 0, 1.0)).where(changed != 0, 1.0)
    return _with_gradient(y, of_reference, slope, given[: len(x)].flatten(2).gather(2, place).view_as(y))


def _with_gradient(y: Tensor, of_reference: Tensor, slope: Tensor, given: Tensor) -> Tensor:
    """The outputs of images and references; those of images depend on what was given by the slope alone."""
    return torch.cat([y + slope * (given - given.detach()), of_reference])


def _resolution(module: nn.Module, x: Tensor, reference: Tensor) -> Float[Tensor, "*S"]:
    """The change below which rounding spoils the slope between two points, and the derivative in their middle is taken.

    Relative to the inputs where the function is made of straight lines that meet at 0: two numbers that close have one sign.
    """
    size = torch.maximum(x.abs(), reference.abs())
    eps = torch.finfo(x.dtype).eps
    return 8 * eps * size if isinstance(module, _PIECEWISE) else eps**0.5 * size.clamp(min=1.0)


def _derivative(module: nn.Module, at: Tensor) -> Tensor:
    with torch.enable_grad():
        point = at.detach().requires_grad_()
        value: Any = module.forward(point)  # not called: its hooks are for the network's own pass
        return torch.autograd.grad(value.sum(), point)[0]
