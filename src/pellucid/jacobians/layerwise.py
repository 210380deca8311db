"""PBX: the Jacobian accumulated layer by layer on the way forward, with that of every partial model on the way.

Abe & Asai 2025, Algorithm 1, as far as its description and the chain rule tell: start with the identity, apply the derivative
of each layer to the running product, and keep what stands after every layer, the Jacobian of the model up to there. The
derivative of a layer is never built: it is applied to the columns of the product, all at once. Branches of a network meet as
their activations do, so that skips and concatenations need no rule of their own.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.autograd.forward_ad as forward_ad
from jaxtyping import Float
from torch import Tensor, nn

from pellucid.errors import PellucidError
from pellucid.jacobians.function import Function
from pellucid.jacobians.products import carried, refusing_forwards, written_out

_REFUSAL = (
    "A layer of the network has no derivative forwards, which PBX is made of; use mode='reverse', which gives the same "
    "Jacobian."
)


@dataclass(frozen=True, eq=False)
class Partial:
    """The model up to a layer.

    Attributes:
        name: of the layer, as PyTorch names it; "#2" follows where it is run a second time.
        kind: its class.
        activation: what it gives at the input.
        jacobian: d activation / d input, for the columns that were asked for, columns first.
    """

    name: str
    kind: str
    activation: Float[Tensor, "*A"]
    jacobian: Float[Tensor, "c *A"]


def accumulated(function: Function, tangents: Float[Tensor, "c *S"]) -> Float[Tensor, "c m"]:
    """The columns of the whole Jacobian, by forward accumulation; their combination where tangents are no unit vectors."""
    return _run(function, tangents, ())[0]


def partials(
    function: Function, tangents: Float[Tensor, "c *S"], layers: Sequence[str] | None = None
) -> tuple[Float[Tensor, "c m"], list[Partial]]:
    """Columns of the Jacobian of the whole, and of the partial model up to each layer, in the order in which layers are run.

    Args:
        tangents: directions of the input; the unit vectors for columns.
        layers: names of the layers to stop at; None for all that hold no other layer. Those that give something else than one
            array a version (windows or words first) are left out.

    Raises:
        PellucidError: the function has no network, none of its layers has such a name, or one that was named is left out.
    """
    if function.module is None:
        raise PellucidError("The function has no network whose layers could be watched; give a model or a network.")
    known = dict(function.module.named_modules())
    wanted = [name for name, part in known.items() if name and not list(part.children())] if layers is None else list(layers)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise PellucidError(f"The network has no layer {unknown[0]!r}; it has {', '.join(list(known)[1:6])} ...")
    columns, found = _run(function, tangents, tuple(wanted))
    missing = set(layers or ()) - {part.name for part in found}
    if missing:
        raise PellucidError(f"The layer {min(missing)!r} does not give one array a version here; stop at another one.")
    return columns, found


@torch.no_grad()
def _run(function: Function, tangents: Tensor, layers: tuple[str, ...]) -> tuple[Tensor, list[Partial]]:
    at = function.at
    found: list[Partial] = []
    with forward_ad.dual_level(), written_out(function), _watching(function.module, layers, found, len(tangents)):
        versions = at.expand(len(tangents), *at.shape).contiguous()
        with refusing_forwards(_REFUSAL):
            outputs = function(forward_ad.make_dual(versions, tangents.to(at).contiguous()))
        return carried(outputs), found


@contextlib.contextmanager
def _watching(module: nn.Module | None, layers: tuple[str, ...], found: list[Partial], versions: int) -> Iterator[None]:
    """While open, what the layers give is noted with its derivative."""
    times: Counter[str] = Counter()

    def note(name: str) -> Any:
        def hook(part: nn.Module, _: Any, output: Any) -> None:
            value = output[0] if isinstance(output, tuple) else output
            if not isinstance(value, Tensor) or not value.is_floating_point():
                return
            times[name] += 1
            primal, tangent = forward_ad.unpack_dual(value)
            if primal.ndim == 0 or len(primal) != versions:
                return  # of windows or words first, so that no column is that of one version
            columns = torch.zeros_like(primal) if tangent is None else tangent
            shown = name if times[name] == 1 else f"{name}#{times[name]}"
            found.append(Partial(shown, type(part).__name__, primal[0].clone(), columns.clone()))

        return hook

    handles = [module.get_submodule(name).register_forward_hook(note(name)) for name in layers] if module is not None else []
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
