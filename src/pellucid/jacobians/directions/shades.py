"""What the acquisition and the display do to the shades of an image.

Shades that leave [0, 1] are not cut: a cut has no derivative, and a model reads numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.jacobians.directions.base import Direction, Made, family, straight
from pellucid.jacobians.directions.scene import Scene

_ACQUISITION = "acquisition"
_VARIANCE = 0.25


@family("exposure", "image", _ACQUISITION, "all shades times a factor")
def exposure(scene: Scene) -> Made:
    """`(1 + 0.05 t) x`."""
    yield straight("exposure", "+5 %", scene.at, 0.05 * scene.at)


@family("brightness", "image", _ACQUISITION, "a constant added to all shades")
def brightness(scene: Scene) -> Made:
    """`x + 0.05 t`, of a range from 0 (black) to 1 (white)."""
    yield straight("brightness", "+0.05 of the range", scene.at, torch.full_like(scene.at, 0.05))


@family("contrast", "image", _ACQUISITION, "distance of all shades from their mean times a factor")
def contrast(scene: Scene) -> Made:
    """`m + (1 + 0.1 t) (x - m)`, m the mean shade."""
    yield straight("contrast", "+10 %", scene.at, 0.1 * (scene.at - scene.at.mean()))


@family("gamma", "image", _ACQUISITION, "all shades to a power")
def gamma(scene: Scene) -> Made:
    """`x^(1 + 0.1 t)`, which darkens; shades that rounding has put below 0 stay where they are."""
    least = torch.finfo(torch.float64).tiny
    lit = scene.at.clamp_min(least)
    yield Direction("gamma", "+10 %", 0.1 * lit * lit.log(), lambda t: scene.at + (lit ** (1 + 0.1 * t) - lit))


@family("window", "image", _ACQUISITION, "level and width of the window through which the image is shown")
def window(scene: Scene) -> Made:
    """`(x - c) / w + 1/2`, c and w the centre and the width of the window, 1/2 and 1 where nothing has changed.

    In Hounsfield units too where `window` says which values black to white stand for. To first order these two are brightness
    and contrast again, told in another unit; the share of sensitivity counts what they have in common once.
    """
    level, width = ("", "") if scene.window is None else (f", {part * scene.window[1]:g} HU" for part in (0.05, 0.1))
    yield straight("window level", f"+5 % of the range{level}", scene.at, torch.full_like(scene.at, -0.05))
    away = scene.at - 0.5
    yield Direction("window width", f"+10 %{width}", -0.1 * away, lambda t: away / (1 + 0.1 * t) + 0.5)


@family("bias_field", "image", _ACQUISITION, "shades times a field that changes smoothly over the image")
def bias_field(scene: Scene) -> Made:
    """`(1 + 0.1 t b) x`, b from -1 to 1: along the width, along the height, and from the centre to the corners."""
    axes = [torch.linspace(-1, 1, n, dtype=torch.float64) if n > 1 else torch.zeros(1, dtype=torch.float64) for n in scene.size]
    for name, field in _fields(torch.meshgrid(*axes, indexing="ij")):
        yield straight(f"bias field, {name}", "+10 % at the far side", scene.at, 0.1 * field * scene.at)


def _fields(axes: Sequence[Float[Tensor, "*s"]]) -> list[tuple[str, Float[Tensor, "*s"]]]:
    round_field = torch.stack([axis.square() for axis in axes]).mean(0) * 2 - 1
    return [("left to right", axes[-1]), ("top to bottom", axes[-2]), ("centre to corners", round_field)]


@family("blur", "image", _ACQUISITION, "a Gaussian blur, by its variance")
def blur(scene: Scene) -> Made:
    """Diffusion for the variance t/4 px² along each axis; its tangent is the Laplacian over 8.

    The blur of a grid (Lindeberg 1990): `exp(v/2 L)` with the second difference L of each axis, edges reflected. Its parameter
    is the variance, since a blur by its standard deviation is of second order at 0. Noise is of second order in any parameter
    and so no direction; a negative step sharpens.
    """
    laplacians = [_second_difference(n) for n in scene.size]
    slope = sum((_along(scene.at, matrix, axis) for axis, matrix in enumerate(laplacians, 1)), torch.zeros_like(scene.at))
    yield Direction(
        "blur",
        f"+{_VARIANCE} px² of variance{_in_mm(scene, _VARIANCE)}",
        _VARIANCE / 2 * slope,
        lambda t: _blurred(scene.at, laplacians, _VARIANCE * t),
        note="by its variance, as by its width it would be of second order",
    )


def _in_mm(scene: Scene, variance: float) -> str:
    if not scene.known_in_mm:
        return ""
    down, across = scene.pitch
    return f", {variance * down * across:.3g} mm²"


def _second_difference(count: int) -> Float[Tensor, "n n"]:
    """The second difference along an axis whose ends are mirrored; its columns sum to 0, so that no light is lost."""
    neighbours = torch.diag(torch.ones(count - 1, dtype=torch.float64), 1)
    both = neighbours + neighbours.T
    return both - torch.diag(both.sum(1))


def _blurred(image: Tensor, laplacians: Sequence[Tensor], variance: float) -> Tensor:
    for axis, matrix in enumerate(laplacians, 1):
        image = _along(image, torch.matrix_exp(matrix * variance / 2), axis)
    return image


def _along(image: Tensor, matrix: Float[Tensor, "n n"], axis: int) -> Tensor:
    """The matrix applied to one axis."""
    return (image.movedim(axis, -1) @ matrix.T).movedim(-1, axis)
