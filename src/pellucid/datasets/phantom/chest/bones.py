"""Ribs, clavicles, shoulder blades and spine."""

from __future__ import annotations

from typing import cast

import numpy as np

from pellucid.datasets.phantom.chest.anatomy import SIDES, Anatomy
from pellucid.datasets.phantom.chest.canvas import Frame, Plane, bell, blended, ellipse, step
from pellucid.datasets.phantom.chest.thorax import wall

_PAIRS = 10
_REAR, _FRONT = 0.10, 0.062  # how dense a rib is behind and in front, where it is mostly cartilage
_VERTEBRA = 0.115


def bones(anatomy: Anatomy, frame: Frame) -> Plane:
    """What all bones add to the density."""
    return cast(
        np.ndarray,
        anatomy.bone * (ribs(anatomy, frame) + clavicles(anatomy, frame) + shoulder_blades(anatomy, frame) + spine(frame)),
    )


def ribs(anatomy: Anatomy, frame: Frame) -> Plane:
    """Ten pairs. Each runs from the spine outwards, turns at the chest wall and comes back in front, falling."""
    away = np.abs(frame.x)
    outside = blended(frame, *(wall(anatomy, side, frame.y) for side in SIDES))
    t = np.clip(away / anatomy.width, 0, 1.15)
    rear = -0.09 * np.sin(np.pi * t / 1.25) + anatomy.rib_slope * t**3
    front = anatomy.rib_slope - 0.06 + 0.30 * (1 - t) - 0.05 * (1 - t) ** 2
    chest = step(outside + 0.035 - away, 0.03)
    behind, before = chest * step(away - 0.06, 0.02), chest * step(away - 0.42 * anatomy.width, 0.06)
    total = np.zeros_like(away)
    for number in range(_PAIRS):
        down = frame.y - (anatomy.apex + 0.06 + number * anatomy.rib_spacing)
        total += _REAR * behind * _band(down - rear, 0.036 - 0.012 * t, frame.edge)
        total += _FRONT * before * _band(down - front, 0.030, frame.edge)
    return cast(np.ndarray, total)


def _band(distance: Plane, half: Plane | float, edge: float) -> Plane:
    """A flat band with denser rims, as of a tube seen from the side."""
    inside = step(half - np.abs(distance), edge)
    return cast(np.ndarray, inside * (0.65 + 0.5 * np.minimum(np.abs(distance) / half, 1) ** 2))


def clavicles(anatomy: Anatomy, frame: Frame) -> Plane:
    """Two slender bones from the breastbone to the shoulders."""
    away = np.abs(frame.x)
    t = (away - 0.09) / 0.8
    line = anatomy.apex + 0.26 - anatomy.clavicles * t - 0.05 * np.sin(2 * np.pi * t)
    ends = step(away - 0.09, 0.02) * step(0.95 - away, 0.04)
    return cast(np.ndarray, 0.10 * ends * _band(frame.y - line, 0.030 + 0.012 * np.abs(2 * t - 1), frame.edge))


def shoulder_blades(anatomy: Anatomy, frame: Frame) -> Plane:
    """The inner border of each shoulder blade beside the lung, and the head of the upper arm."""
    away = np.abs(frame.x)
    line = 0.98 * anatomy.width - 0.10 * (frame.y + 0.35)
    blade = step(away - line, 0.02) * step(line + 0.22 - away, 0.10) * step(0.05 - np.abs(frame.y + 0.36) + 0.25, 0.04)
    head = ellipse(away, frame.y, (0.98, anatomy.apex + 0.17), (0.13, 0.13), 0.03)
    return cast(np.ndarray, 0.05 * blade + 0.12 * head)


def spine(frame: Frame) -> Plane:
    """Vertebrae with their pedicles; the discs between them are less dense."""
    phase = np.mod(frame.y / _VERTEBRA, 1.0)
    body = 0.78 + 0.22 * step(np.minimum(phase, 1 - phase) * _VERTEBRA - 0.016, frame.edge)
    band = step(0.08 - np.abs(frame.x), 0.025)
    pedicles = bell(np.abs(frame.x) - 0.055, 0.016) * bell((phase - 0.42) * _VERTEBRA, 0.02)
    return cast(np.ndarray, 0.075 * band * body + 0.035 * pedicles)
