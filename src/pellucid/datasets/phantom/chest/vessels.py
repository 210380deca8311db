"""The vessels of the lungs: branches that leave the hila, divide and grow thin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from jaxtyping import Float

from pellucid.datasets.phantom.chest.anatomy import SIDES, SIGN, Anatomy, Side
from pellucid.datasets.phantom.chest.canvas import Frame, Plane, strokes

_STEPS = 30
_HILUM = {"right": 0.02, "left": -0.04}  # the left hilum stands higher
_WIDTHS = (0.017, 0.011, 0.007)
_DENSE = (0.105, 0.075, 0.045)


@dataclass(frozen=True, eq=False)
class Branches:
    """Branches of one generation: points [B, T, 2] in the body, and the heading of each."""

    points: Float[np.ndarray, "B T 2"]
    heading: Float[np.ndarray, "B T"]


def vessels(anatomy: Anatomy, frame: Frame) -> Plane:
    """What vessels add to the density; it knows nothing of the borders of the lungs."""
    generator = np.random.default_rng([*anatomy.texture, 1])
    total = np.zeros_like(frame.x)
    trees = [_tree(anatomy, side, generator) for side in SIDES]
    for branches, width, dense in zip(zip(*trees, strict=True), _WIDTHS, _DENSE, strict=True):
        total += dense * _drawn(branches, frame, width)
    return cast(np.ndarray, anatomy.vessels * np.minimum(total, 0.22))


def _tree(anatomy: Anatomy, side: Side, generator: np.random.Generator) -> tuple[Branches, Branches, Branches]:
    """Three generations; the lower lung has the most of them."""
    count = 11
    hilum = np.array([SIGN[side] * (anatomy.mediastinum + 0.05), _HILUM[side] + anatomy.heart_height - 0.24])
    start = hilum + generator.normal(0, [0.012, 0.05], (count, 2))
    fan = np.linspace(-1.35, 1.45, count) + generator.normal(0, 0.12, count)
    trunks = _grown(start, fan if side == "left" else np.pi - fan, generator.uniform(0.45, 0.8, count), generator)
    limbs = _children(trunks, 3, 0.5, generator)
    return trunks, limbs, _children(limbs, 2, 0.3, generator)


def _children(parents: Branches, each: int, length: float, generator: np.random.Generator) -> Branches:
    """`each` branches that leave every parent somewhere on its way, to either side."""
    rows = np.repeat(np.arange(len(parents.points)), each)
    at = generator.integers(4, _STEPS - 4, len(rows))
    turn = generator.choice([-1.0, 1.0], len(rows)) * generator.uniform(0.35, 0.9, len(rows))
    lengths = length * generator.uniform(0.5, 1.1, len(rows))
    return _grown(parents.points[rows, at], parents.heading[rows, at] + turn, lengths, generator)


def _grown(
    start: Float[np.ndarray, "B 2"],
    heading: Float[np.ndarray, " B"],
    length: Float[np.ndarray, " B"],
    generator: np.random.Generator,
) -> Branches:
    """Branches that wander a little on their way."""
    wander = np.cumsum(generator.normal(0, 0.07, (len(start), _STEPS)), axis=1)
    headings = heading[:, None] + wander
    steps = (length[:, None, None] / _STEPS) * np.stack([np.cos(headings), np.sin(headings)], axis=2)
    return Branches(start[:, None, :] + np.cumsum(steps, axis=1), headings)


def _drawn(groups: tuple[Branches, ...], frame: Frame, width: float) -> Plane:
    """All branches of one generation, fading towards their ends."""
    points = np.concatenate([group.points for group in groups])
    fine = np.stack([points[:, :-1] + part * np.diff(points, axis=1) for part in (0.0, 0.25, 0.5, 0.75)], axis=2)
    length = np.linalg.norm(np.diff(points, axis=1), axis=2) / 4
    fade = np.linspace(1.0, 0.25, _STEPS - 1)
    mass = np.repeat((length * fade)[:, :, None], 4, axis=2)
    return strokes(frame, frame.pose.to_picture(fine.reshape(-1, 2)), mass.ravel(), width)
