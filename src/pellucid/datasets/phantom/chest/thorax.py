"""Where lungs, heart and diaphragm lie: functions of places in the body."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np

from pellucid.datasets.phantom.chest.anatomy import SIDES, SIGN, Anatomy, Side
from pellucid.datasets.phantom.chest.canvas import Plane, ellipse, step


def dome(anatomy: Anatomy, side: Side, x: Plane) -> Plane:
    """Height of the diaphragm: highest over the middle of the lung, deepest where it meets the ribs."""
    away = (SIGN[side] * x - 0.46 * anatomy.width) / (0.54 * anatomy.width)
    return anatomy.domes[SIDES.index(side)] + np.where(away > 0, 0.17, 0.06) * np.minimum(away**2, 1.6)


def depth_in(anatomy: Anatomy, side: Side, y: Plane) -> Plane:
    """How far down the lung a place is: 0 at the tip, 1 at the top of the dome."""
    bottom = anatomy.domes[SIDES.index(side)]
    return (y - anatomy.apex) / (bottom - anatomy.apex)


def wall(anatomy: Anatomy, side: Side, y: Plane) -> Plane:
    """Distance of the inner chest wall from the midline."""
    down = np.clip(depth_in(anatomy, side, y), 0, 1)
    return cast(np.ndarray, anatomy.width * np.sqrt(1 - (1 - down) ** 3) * (0.94 + 0.06 * down))


def lung(anatomy: Anatomy, side: Side, x: Plane, y: Plane, edge: float, collapse: float = 0.0) -> Plane:
    """1 in the lung of that side, heart or not, 0 outside, smooth between.

    Args:
        collapse: how far the lung has sunk from the chest wall; most at the tip, nothing at the diaphragm.
    """
    down = np.clip(depth_in(anatomy, side, y), 0, 1)
    sunk = collapse * (1.15 - down)
    s, lifted = SIGN[side] * x, y - 1.1 * sunk
    medial = anatomy.mediastinum * (1 + 1.1 * np.exp(-down / 0.08))
    inside = step(wall(anatomy, side, lifted) - s - sunk, edge) * step(s - medial, edge)
    return cast(np.ndarray, inside * step(dome(anatomy, side, x) - y, edge) * step(lifted - anatomy.apex, edge))


@dataclass(frozen=True)
class Heart:
    """The shadow of the heart: how far it reaches to either side, and where its centre lies."""

    right: float
    left: float
    y: float

    @classmethod
    def of(cls, anatomy: Anatomy, ratio: float | None = None) -> Heart:
        """The heart of that width over that of the chest; the patient's own if None. It widens to the left mostly."""
        ratio = anatomy.heart_ratio if ratio is None else ratio
        more = 2 * anatomy.width * (ratio - anatomy.heart_ratio)
        own = 2 * anatomy.width * anatomy.heart_ratio
        right, left = own * anatomy.heart_right + 0.25 * more, own * (1 - anatomy.heart_right) + 0.75 * more
        return cls(right, left, anatomy.heart_height)

    def covers(self, x: Plane, y: Plane, edge: float) -> Plane:
        """1 within, 0 outside, smooth between."""
        middle, reach = 0.33 * self.left, 0.67 * self.left
        down = y - self.y
        ventricle = ellipse(x, down - 0.42 * (x - middle), (middle, 0.02), (reach, 0.12 + 0.46 * reach), edge)
        atrium = ellipse(x, down, (0.02, -0.02), (self.right + 0.02, 0.25), edge)
        return cast(np.ndarray, np.maximum(ventricle, atrium))


def great_vessels(anatomy: Anatomy, x: Plane, y: Plane, edge: float) -> Plane:
    """The aortic knob, the trunk of the pulmonary artery below it, and the ascending aorta on the other side."""
    m = anatomy.mediastinum
    knob = ellipse(x, y, (m * 0.75, -0.34), (anatomy.knob * 1.05, anatomy.knob * 1.25), edge)
    trunk = ellipse(x, y, (m * 0.80, -0.12), (anatomy.knob * 0.95, 0.14), edge)
    aorta = ellipse(x, y, (-m * 0.55, -0.15), (m * 0.75, 0.26), edge)
    return cast(np.ndarray, np.maximum(np.maximum(knob, trunk), aorta))
