"""What can be read of a network while it runs: outputs of its layers, and what goes back to them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pellucid.predictors.running import checked as checked
from pellucid.predictors.running import last_linear as last_linear
from pellucid.predictors.running import still as still


def output_shapes(module: nn.Module, sample: Float[Tensor, "1 D *S"]) -> dict[str, tuple[int, ...]]:
    """Output shape of every part, containers among them, that is run once; in the order in which they are finished.

    Containers count because what a residual block gives is often the output of none of its layers.
    """
    seen: dict[str, list[tuple[int, ...]]] = {}

    def note(name: str) -> Callable[..., None]:
        def hook(_: nn.Module, __: Any, output: Any) -> None:
            seen.setdefault(name, []).append(tuple(output.shape) if isinstance(output, Tensor) else ())

        return hook

    handles = [part.register_forward_hook(note(name)) for name, part in module.named_modules() if name]
    try:
        with torch.no_grad(), still(module):
            module(sample)
    finally:
        for handle in handles:
            handle.remove()
    return {name: shapes[0] for name, shapes in seen.items() if len(shapes) == 1}


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
    """What enters a layer, inside the graph."""
    caught: list[Tensor] = []
    handle = module.get_submodule(layer).register_forward_pre_hook(lambda _, inputs: caught.append(inputs[0]))
    try:
        with still(module):
            module(pixels.clone())  # as above
    finally:
        handle.remove()
    return caught[0].flatten(1)
