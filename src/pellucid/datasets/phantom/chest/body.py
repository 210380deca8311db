"""The chest without findings, as a sum of densities: what every ray passes on its way adds up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from pellucid.datasets.phantom.chest.anatomy import SIDES, Anatomy, Side
from pellucid.datasets.phantom.chest.bones import bones
from pellucid.datasets.phantom.chest.canvas import Frame, Plane, bell, blended, ellipse, smooth_noise, step
from pellucid.datasets.phantom.chest.thorax import Heart, dome, great_vessels, lung, wall
from pellucid.datasets.phantom.chest.vessels import vessels

_TISSUE, _AIR, _COVERED = 0.66, 0.43, 0.88
# The outline of the body: half its width at some heights, over that of the torso.
_HEIGHTS = (-1.4, -1.0, -0.92, -0.84, -0.74, -0.6, -0.45, -0.25, 0.1, 1.4)
_OUTLINE = (0.26, 0.30, 0.38, 0.62, 0.92, 1.16, 1.16, 1.04, 1.00, 1.04)


@dataclass(frozen=True, eq=False)
class Body:
    """A chest, ready for findings.

    Attributes:
        anatomy: as it stands in this picture.
        frame: where its pixels are.
        density: of the whole, 0 for air, about 1 for the densest bone over soft tissue.
        air: how much the air of the lungs takes away where nothing covers it.
        marks: what the vessels and the texture of the lungs add where nothing covers them.
        lungs: each lung, 1 inside and 0 outside, with what heart and great vessels cover.
        shadow: 1 where heart or great vessels are, 0 elsewhere.
    """

    anatomy: Anatomy
    frame: Frame
    density: Plane
    air: Plane
    marks: Plane
    lungs: dict[Side, Plane]
    shadow: Plane

    @property
    def clear(self) -> Plane:
        """The share of the air that nothing covers, 0 to 1; meaningful in the lungs."""
        return 1 - _COVERED * self.shadow

    def denser(self, change: Plane) -> Body:
        """With something added to the density."""
        return replace(self, density=self.density + change)

    def shaded(self, shadow: Plane) -> Body:
        """With another shadow of heart and great vessels."""
        change = _COVERED * (shadow - self.shadow) * (self.air - self.marks)
        return replace(self, density=self.density + change, shadow=shadow)


def build(anatomy: Anatomy, frame: Frame) -> Body:
    """Draw the chest of a patient."""
    x, y, edge = frame.x, frame.y, frame.edge
    lungs = {side: lung(anatomy, side, x, y, edge) for side in SIDES}
    both = lungs["right"] + lungs["left"]
    air, marks = both * _air(anatomy, frame), both * _marks(anatomy, frame)
    bare = tissue(anatomy, frame) + bones(anatomy, frame) - air + marks
    body = Body(anatomy, frame, bare, air, marks, lungs, np.zeros_like(bare))
    return body.shaded(np.maximum(Heart.of(anatomy).covers(x, y, edge), great_vessels(anatomy, x, y, edge)))


def tissue(anatomy: Anatomy, frame: Frame) -> Plane:
    """Skin, muscle, mediastinum and belly, with the air of windpipe and stomach taken out."""
    x, y = frame.x, frame.y
    half = np.interp(y, _HEIGHTS, _OUTLINE) * anatomy.width * anatomy.wall
    thick = np.sqrt(np.clip(1 - (x / half) ** 2, 0, 1))
    trunk = _TISSUE * np.minimum(1.35 * thick, 0.72 + 0.28 * thick)
    middle = 0.07 * step(anatomy.mediastinum * 1.05 - np.abs(x), 0.05)
    return cast(np.ndarray, trunk + middle + _belly(anatomy, frame) - _windpipe(frame) + _breasts(anatomy, frame))


def _belly(anatomy: Anatomy, frame: Frame) -> Plane:
    floor = blended(frame, *(dome(anatomy, side, frame.x) for side in SIDES))
    inner = blended(frame, *(wall(anatomy, side, frame.y) for side in SIDES))
    belly = 0.14 * step(frame.y - floor, 0.05) * step(inner + 0.05 - np.abs(frame.x), 0.08)
    bubble = ellipse(frame.x, frame.y, (0.36, anatomy.domes[1] + 0.17), (0.17, 0.09), 0.03)
    return cast(np.ndarray, belly - anatomy.stomach * bubble)


def _windpipe(frame: Frame) -> Plane:
    """The air of the trachea, and of the two bronchi into which it divides."""
    y = frame.y
    fork = np.clip(y + 0.22, 0, None)
    trunk = step(0.042 - np.abs(frame.x + 0.01), 0.018) * step(-0.2 - y, 0.04)
    bronchi = bell(np.abs(frame.x) - 0.02 - 0.9 * fork, 0.025) * step(fork - 0.005, 0.01) * step(0.16 - fork, 0.04)
    return cast(np.ndarray, 0.11 * trunk + 0.05 * bronchi)


def _breasts(anatomy: Anatomy, frame: Frame) -> Plane:
    away, down = np.abs(frame.x), frame.y - anatomy.domes[0]
    return anatomy.breasts * ellipse(away, down, (0.55 * anatomy.width, -0.10), (0.36, 0.30), 0.045)


def _air(anatomy: Anatomy, frame: Frame) -> Plane:
    """Lungs are deepest in the middle, so most of the air is there."""
    inner = blended(frame, *(wall(anatomy, side, frame.y) for side in SIDES))
    return cast(np.ndarray, _AIR * (0.68 + 0.32 * np.clip((inner - np.abs(frame.x)) / 0.25, 0, 1)))


def _marks(anatomy: Anatomy, frame: Frame) -> Plane:
    """Vessels, and the fine texture of the tissue between them."""
    generator = np.random.default_rng([*anatomy.texture, 2])
    texture = 0.5 * smooth_noise(generator, frame.size, 40) + 0.7 * smooth_noise(generator, frame.size, 14)
    return np.clip(vessels(anatomy, frame) + 0.010 * texture, -0.02, None)
