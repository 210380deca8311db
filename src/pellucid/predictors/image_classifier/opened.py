"""What can be read of a network while it runs: outputs of its layers, and what goes back to them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pellucid.errors import CapabilityError
from pellucid.predictors.running import checked as checked
from pellucid.predictors.running import last_linear as last_linear
from pellucid.predictors.running import still as still

_SPATIAL = (
    nn.modules.conv._ConvNd,
    nn.modules.pooling._MaxPoolNd,
    nn.modules.pooling._AvgPoolNd,
    nn.modules.pooling._AdaptiveMaxPoolNd,
    nn.modules.pooling._AdaptiveAvgPoolNd,
    nn.modules.batchnorm._NormBase,
    nn.Upsample,
)
"""Layers that read maps, channels before places, and nothing else of as many axes."""


def output_shapes(module: nn.Module, sample: Float[Tensor, "1 D *S"]) -> dict[str, tuple[int, ...]]:
    """Output shape of every part, containers among them, that is run once; in the order in which they are finished.

    Containers count because what a residual block gives is often the output of none of its layers. What has the axes of maps
    and is none has the shape (): attention of tokens to tokens, or maps whose channels come last. Maps have a size on which a
    layer convolves, pools or normalises, or half of it, as where transformers merge patches. Nor are patches maps, if nothing
    else is: they are made before the network looks around.
    """
    seen: dict[str, list[tuple[int, ...]]] = {}
    sizes: set[tuple[int, ...]] = set()
    patches: set[str] = set()

    def note(name: str) -> Callable[..., None]:
        def hook(part: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any], output: Any) -> None:
            seen.setdefault(name, []).append(_shape(output))
            if isinstance(part, _SPATIAL):
                read = _shape(next(iter((*inputs, *named.values())), None))
                sizes.update(shape[2:] for shape in (read, _shape(output)) if shape != tuple(sample.shape))
                if read == tuple(sample.shape) and getattr(part, "kernel_size", None) == getattr(part, "stride", ()):
                    patches.add(name)

        return hook

    handles = [part.register_forward_hook(note(name), with_kwargs=True) for name, part in module.named_modules() if name]
    try:
        with torch.no_grad(), still(module):
            module(sample)
    finally:
        for handle in handles:
            handle.remove()
    once = {name: shapes[0] for name, shapes in seen.items() if len(shapes) == 1}
    axes, known = sample.dim(), {half for size in sizes for half in _halves(size)}
    maps = {name for name, s in once.items() if len(s) == axes and s[0] == len(sample) and s[2:] in known}
    maps = set() if {name for name in maps if max(once[name][2:]) > 1} <= patches else maps
    return {name: s if len(s) != axes or name in maps else () for name, s in once.items()}


def _halves(size: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """A size, half of it, half of that and so on, rounded up."""
    yield size
    if max(size, default=1) > 1:
        yield from _halves(tuple(-(-n // 2) for n in size))


def _shape(thing: object) -> tuple[int, ...]:
    return tuple(thing.shape) if isinstance(thing, Tensor) else ()


def map_layers(shapes: dict[str, tuple[int, ...]], axes: int) -> tuple[str, ...]:
    """Parts whose output is a stack of maps with more than one pixel."""
    return tuple(name for name, s in shapes.items() if len(s) == 2 + axes and max(s[2:]) > 1)


def with_layers(
    module: nn.Module, layers: Sequence[str], pixels: Float[Tensor, "B D *S"], *, cut: bool
) -> tuple[Float[Tensor, "B C"], list[Float[Tensor, "B E *s"]]]:
    """Logits, and the outputs of layers inside their graph; none of the layers lies behind another.

    Args:
        cut: begin the graph at the layers, so that what lies before them is run without one and nothing is sent back there.
    """
    with (
        caught(module, layers, cut=cut) as outputs,
        still(module),
        without_parameters(module) if cut else contextlib.nullcontext(),
    ):
        logits = module(pixels.clone())  # a first layer that works in place would overwrite what it is given
    return logits, outputs


@contextlib.contextmanager
def caught(module: nn.Module, layers: Sequence[str], *, cut: bool = False) -> Iterator[list[Tensor]]:
    """While open, a list to which each run of the network adds the outputs of these layers, in the order in which they are run.

    Args:
        cut: begin the graph at the layers.
    """
    outputs: list[Tensor] = []

    def hook(_: nn.Module, __: Any, output: Tensor) -> Tensor:
        outputs.append(output.detach().requires_grad_() if cut else output)
        return outputs[-1].clone()  # a layer behind that works in place would overwrite what is read here

    handles = [module.get_submodule(layer).register_forward_hook(hook) for layer in layers]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()


@contextlib.contextmanager
def without_parameters(module: nn.Module) -> Iterator[None]:
    """While open, no parameter asks for a gradient, so that the graph begins where something else does."""
    before = [(p, p.requires_grad) for p in module.parameters()]
    for parameter, _ in before:
        parameter.requires_grad_(False)
    try:
        with torch.enable_grad():
            yield
    finally:
        for parameter, needed in before:
            parameter.requires_grad_(needed)


def entering(module: nn.Module, layer: str, pixels: Float[Tensor, "B D *S"]) -> Float[Tensor, "B E"]:
    """What enters a layer, inside the graph.

    Raises:
        CapabilityError: nothing does, as the network does not run it.
    """
    caught: list[Tensor] = []

    def keep(_: nn.Module, inputs: tuple[Tensor, ...], named: dict[str, Tensor]) -> None:
        caught.extend((*inputs, *named.values()))

    handle = module.get_submodule(layer).register_forward_pre_hook(keep, with_kwargs=True)
    try:
        with still(module):
            module(pixels.clone())  # as above
    finally:
        handle.remove()
    if not caught:
        raise CapabilityError(
            f"The network does not run its last linear layer, {layer!r}, so nothing enters it; choose another method."
        )
    return caught[0].flatten(1)
