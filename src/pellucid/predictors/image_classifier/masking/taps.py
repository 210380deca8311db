"""Taps: the maps of a network that a mask network reads, one at each of its resolutions."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pellucid.errors import CapabilityError, PellucidError
from pellucid.predictors.image_classifier.opened import output_shapes as output_shapes
from pellucid.predictors.image_classifier.opened import still

Shape = tuple[int, ...]

_HALF = 1.5


def find(shapes: dict[str, Shape], axes: int, names: Sequence[str] | None = None) -> dict[str, Shape]:
    """The part that is finished last at each resolution, from the finest to the coarsest; or the parts of those names.

    Resolutions at which most parts work come first, and others count only where they are half as fine again or half as coarse:
    a network that pads its maps before it reads them has many more sizes than resolutions.

    Raises:
        CapabilityError: the network has maps at fewer than two resolutions, as vision transformers do.
        PellucidError: a name is not that of a part with maps, or resolutions do not fall along the names.
    """
    maps = {name: s for name, s in shapes.items() if len(s) == 2 + axes and max(s[2:]) > 1}
    if names is not None:
        return _named(maps, names)
    last = {s[2:]: name for name, s in maps.items()}
    found: dict[str, Shape] = {}
    for size in sorted(_apart([s[2:] for s in maps.values()]), key=math.prod):
        if all(_finer(size, maps[name][2:]) for name in found):
            found[last[size]] = maps[last[size]]
    if len(found) < 2:
        raise CapabilityError(
            "The network has no maps at two resolutions or more, which a mask network reads; explain it with rise or occlusion."
        )
    return dict(reversed(found.items()))


def read(module: nn.Module, names: Sequence[str], pixels: Float[Tensor, "B D *S"]) -> tuple[Tensor, list[Tensor]]:
    """Logits and the maps of the taps, in one pass without a graph, in evaluation mode."""
    caught: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[..., None]:
        def hook(_: nn.Module, __: Any, output: Tensor) -> None:
            caught[name] = output

        return hook

    handles = [module.get_submodule(name).register_forward_hook(keep(name)) for name in names]
    try:
        with torch.no_grad(), still(module):
            logits = module(pixels.clone())  # a first layer that works in place would overwrite what it is given
    finally:
        for handle in handles:
            handle.remove()
    return logits, [caught[name] for name in names]


def _named(maps: dict[str, Shape], names: Sequence[str]) -> dict[str, Shape]:
    unknown = [name for name in names if name not in maps]
    if unknown:
        raise PellucidError(
            f"The network has no part {unknown[0]!r} whose output is a map; it has {', '.join(list(maps)[-6:])}."
        )
    if len(names) < 2 or not all(_finer(maps[a][2:], maps[b][2:]) for a, b in pairwise(names)):
        raise PellucidError("Taps need at least two parts, whose resolutions fall from each to the next.")
    return {name: maps[name] for name in names}


def _apart(sizes: Sequence[Shape]) -> list[Shape]:
    """The sizes that are met most often, none of which is nearer to another than by half."""
    kept: list[Shape] = []
    for size, _ in Counter(sizes).most_common():
        side = math.prod(size) ** (1 / len(size))
        others = [math.prod(other) ** (1 / len(other)) for other in kept]
        if all(max(side, other) >= _HALF * min(side, other) for other in others):
            kept.append(size)
    return kept


def _finer(one: Shape, other: Shape) -> bool:
    return one != other and all(a >= b for a, b in zip(one, other, strict=True))
