"""What lies on a radiograph and is no part of the patient: each drawn at a stated place, by its opacity.

Places are those of a frontal chest radiograph. They are taken from the lungs where the case says where these lie, else from the
middle 70 % of the image. The patient's right is on the left of the image.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps

import numpy as np
from jaxtyping import Float
from torch import Tensor

from pellucid.jacobians.directions.base import Direction, Made, Skipped, family, straight
from pellucid.jacobians.directions.drawing import Point, border, line, stripes
from pellucid.jacobians.directions.scene import Scene

_UNIT = "+10 % opacity"
_WHITE, _BLACK = 1.0, 0.0
_LETTERS: dict[str, tuple[tuple[Point, ...], ...]] = {
    "L": (((0, 0), (1, 0), (1, 0.6)),),
    "R": (((1, 0), (0, 0), (0, 0.5), (0.15, 0.6), (0.35, 0.6), (0.5, 0.5), (0.5, 0)), ((0.5, 0.3), (1, 0.6))),
}
"""Strokes of letters, (down, across), one unit high."""

Size = tuple[int, int]
"""Height and width of a flat image, in pixels."""


def _overlay(name: str, shown: str, about: str) -> Callable[[Callable[[Scene, Size], Made]], Callable[[Scene], Made]]:
    """Decorator: a family of flat images, whose generator is told their size; volumes skip it."""

    def decorate(draw: Callable[[Scene, Size], Made]) -> Callable[[Scene], Made]:
        @family(name, "image", "overlay", about)
        @wraps(draw)
        def make(scene: Scene) -> Made:
            if len(scene.size) == 2:
                yield from draw(scene, (scene.size[0], scene.size[1]))
            else:
                yield Skipped(shown, "it lies on flat images, and this one is a volume")

        return make

    return decorate


@_overlay("tube", "tube", "a tube in the windpipe")
def tube(scene: Scene, flat: Size) -> Made:
    """White, 1.2 % of the width thick, slightly bent, from the upper edge along the midline to a third of the lungs' height."""
    top, bottom, left, right = _chest(scene, flat)
    end, middle = top + (bottom - top) / 3, (left + right) / 2
    points = [(end * s, middle + 0.02 * flat[1] * math.sin(math.pi * s)) for s in np.linspace(0, 1, 17)]
    yield _over(scene, "tube", line(points, 0.006 * flat[1], flat), _WHITE)


@_overlay("electrode", "electrode", "the disc of an electrode on the patient's right upper chest")
def electrode(scene: Scene, flat: Size) -> Made:
    """White, 4 % of the width across, a fifth of the lungs' height and of their width from their upper left in the image."""
    top, bottom, left, right = _chest(scene, flat)
    centre = (top + 0.2 * (bottom - top), left + 0.2 * (right - left))
    yield _over(scene, "electrode", line([centre], 0.02 * flat[1], flat), _WHITE)


@_overlay("marker", "marker", "the letter that says which side is which")
def marker(scene: Scene, flat: Size) -> Made:
    """White letters, 7 % of the height high: L in the upper right corner of the image, R in the upper left one."""
    for letter, across in (("L", 0.91), ("R", 0.05)):
        start, height = (0.04 * flat[0], across * flat[1]), 0.07 * flat[0]
        strokes = [[(start[0] + y * height, start[1] + x * height) for y, x in stroke] for stroke in _LETTERS[letter]]
        drawn = [line(stroke, 0.006 * flat[0], flat) for stroke in strokes]
        yield _over(scene, f"marker {letter}", sum(drawn[1:], drawn[0]).clamp(max=1), _WHITE)


@_overlay("collimation", "collimation border", "the border that collimation leaves black")
def collimation(scene: Scene, flat: Size) -> Made:
    """Black, 4 % of the shorter side wide, along all edges."""
    yield _over(scene, "collimation border", border(0.04 * min(flat), flat), _BLACK)


@_overlay("grid_lines", "grid lines", "upright lines of a scatter grid")
def grid_lines(scene: Scene, flat: Size) -> Made:
    """White lines that fade into each other, one in 4 pixels of what the model reads."""
    yield _over(scene, "grid lines", stripes(4, flat), _WHITE)


def _over(scene: Scene, name: str, drawn: Float[Tensor, "H W"], shade: float) -> Direction:
    """`(1 - a m) x + a m shade`, m what is drawn, a = t / 10."""
    return straight(name, _UNIT, scene.at, 0.1 * drawn * (shade - scene.at))


def _chest(scene: Scene, size: Size) -> tuple[float, float, float, float]:
    """Where the lungs begin and end: top, bottom, left, right, in pixels."""
    lungs = [place for name, place in scene.structures.items() if "lung" in name.lower() and place.any()]
    if not lungs:
        return 0.15 * size[0], 0.85 * size[0], 0.15 * size[1], 0.85 * size[1]
    rows, columns = np.nonzero(np.any(lungs, axis=0))
    return float(rows.min()), float(rows.max() + 1), float(columns.min()), float(columns.max() + 1)
