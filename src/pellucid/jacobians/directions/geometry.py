"""How the patient stands: images turned, moved, enlarged and slanted; volumes within their slices.

Angles and lengths are those of the patient where the image says how large its pixels are: the model may read it stretched.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.jacobians.directions.base import Direction, Made, family
from pellucid.jacobians.directions.scene import Scene
from pellucid.jacobians.directions.warping import sampled, slope

Places = Float[Tensor, "H W"]
Motion = Callable[[float, Places, Places], tuple[Places, Places]]
"""Takes t and places (down, across, from the centre of the image) to where what comes to lie there has come from."""
Velocity = Callable[[Places, Places], tuple[Places, Places]]
"""The derivative of a motion by t at 0."""

_GEOMETRY = "geometry"
_TURN = math.radians(5)


@family("rotation", "image", _GEOMETRY, "the image turned about its centre")
def rotation(scene: Scene) -> Made:
    """By 5 degrees, counter-clockwise as one looks at it."""

    def motion(t: float, down: Places, across: Places) -> tuple[Places, Places]:
        sine, cosine = math.sin(_TURN * t), math.cos(_TURN * t)
        return down * cosine + across * sine, across * cosine - down * sine

    yield _warp(scene, "rotation", "+5 degrees", motion, lambda down, across: (_TURN * across, -_TURN * down))


@family("translation", "image", _GEOMETRY, "the image moved along its axes")
def translation(scene: Scene) -> Made:
    """By 1 % of its width or height."""
    height, width = (0.01 * n * p for n, p in zip(scene.size[-2:], scene.pitch, strict=True))
    yield _warp(
        scene,
        "translation to the right",
        f"+1 % of the width{_in_mm(scene, width)}",
        lambda t, down, across: (down, across - width * t),
        lambda down, across: (torch.zeros_like(down), torch.full_like(across, -width)),
    )
    yield _warp(
        scene,
        "translation downwards",
        f"+1 % of the height{_in_mm(scene, height)}",
        lambda t, down, across: (down - height * t, across),
        lambda down, across: (torch.full_like(down, -height), torch.zeros_like(across)),
    )


@family("scale", "image", _GEOMETRY, "the image enlarged about its centre")
def scale(scene: Scene) -> Made:
    """By 5 %."""
    yield _warp(
        scene,
        "scale",
        "+5 %",
        lambda t, down, across: (down / (1 + 0.05 * t), across / (1 + 0.05 * t)),
        lambda down, across: (-0.05 * down, -0.05 * across),
    )


@family("shear", "image", _GEOMETRY, "lines of the image moved along, the further from its centre the more")
def shear(scene: Scene) -> Made:
    """By 5 % of the distance from the central line; what lies below moves to the right."""
    yield _warp(
        scene,
        "shear",
        "+5 %",
        lambda t, down, across: (down, across - 0.05 * t * down),
        lambda down, across: (torch.zeros_like(down), -0.05 * down),
    )


def _warp(scene: Scene, name: str, unit: str, motion: Motion, velocity: Velocity) -> Direction:
    pitch, size = scene.pitch, scene.size[-2:]
    middle = [(n - 1) / 2 for n in size]
    axes = [(torch.arange(n, dtype=torch.float64) - m) * p for n, m, p in zip(size, middle, pitch, strict=True)]
    down, across = torch.meshgrid(*axes, indexing="ij")

    def path(t: float) -> Tensor:
        rows, columns = (place / p + m for place, p, m in zip(motion(t, down, across), pitch, middle, strict=True))
        return sampled(scene.at, rows, columns)

    speeds = [speed / p for speed, p in zip(velocity(down, across), pitch, strict=True)]
    tangent = slope(scene.at, -2) * speeds[0] + slope(scene.at, -1) * speeds[1]
    return Direction(name, unit, tangent, path, note="by cubic convolution; what comes in from outside is as the edge")


def _in_mm(scene: Scene, length: float) -> str:
    return f", {length:.3g} mm" if scene.known_in_mm else ""
