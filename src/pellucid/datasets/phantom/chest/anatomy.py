"""The anatomy of a patient, and how it stands before the detector in one picture."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from pellucid.datasets.phantom.chest.canvas import Pose
from pellucid.datasets.phantom.dice import Dice

Side = Literal["right", "left"]
SIDES: tuple[Side, ...] = ("right", "left")
SIGN: dict[Side, float] = {"right": -1.0, "left": 1.0}
"""The patient's right is on the left of the picture."""


@dataclass(frozen=True)
class Anatomy:
    """What one patient's chest is like; lengths in half widths of the picture.

    Attributes:
        width: half the inner width of the chest.
        apex: height of the tips of the lungs (y, negative is up).
        domes: height of the right and the left dome of the diaphragm.
        mediastinum: half its width.
        heart_ratio: width of the heart over the inner width of the chest; below 0.5 in health.
        heart_right: share of the heart's width that lies right of the midline.
        heart_height: y of its centre.
        knob: radius of the aortic knob.
        rib_spacing, rib_slope: from rib to rib; how much ribs fall towards the side.
        bone: how dense bones are.
        wall: half the width of the body over that of the chest.
        breasts: how dense the shadow of the breasts is, 0 for none.
        stomach: how much air the stomach holds, 0 for none.
        clavicles: how much the clavicles rise towards the shoulder.
        vessels: how dense the vessels of the lungs are.
        texture: entropy of what is drawn from a generator.
    """

    width: float
    apex: float
    domes: tuple[float, float]
    mediastinum: float
    heart_ratio: float
    heart_right: float
    heart_height: float
    knob: float
    rib_spacing: float
    rib_slope: float
    bone: float
    wall: float
    breasts: float
    stomach: float
    clavicles: float
    vessels: float
    texture: tuple[int, ...]

    def inhaled(self, depth: float) -> Anatomy:
        """The same chest after breathing in by `depth`: the domes fall, the chest widens and the heart grows slender."""
        right, left = self.domes
        return replace(
            self,
            domes=(right + depth, left + depth),
            width=self.width * (1 + 0.15 * depth),
            heart_ratio=self.heart_ratio * (1 - 0.25 * depth),
            heart_height=self.heart_height + 0.6 * depth,
        )


def draw_anatomy(dice: Dice, texture: tuple[int, ...]) -> Anatomy:
    """A patient."""
    dome = dice.near(0.47, 0.06)
    return Anatomy(
        width=dice.near(0.79, 0.05),
        apex=dice.near(-0.80, 0.05),
        domes=(dome, dome + dice.near(0.06, 0.03)),
        mediastinum=dice.near(0.125, 0.02),
        heart_ratio=dice.near(0.44, 0.048),
        heart_right=dice.near(0.30, 0.04),
        heart_height=dome - dice.near(0.18, 0.03),
        knob=dice.near(0.085, 0.02),
        rib_spacing=dice.near(0.155, 0.012),
        rib_slope=dice.near(0.16, 0.05),
        bone=dice.near(1.0, 0.25),
        wall=dice.near(1.18, 0.05),
        breasts=dice.near(0.07, 0.03) if dice.chance(0.5) else 0.0,
        stomach=dice.near(0.10, 0.05) if dice.chance(0.5) else 0.0,
        clavicles=dice.near(0.15, 0.07),
        vessels=dice.near(1.0, 0.2),
        texture=texture,
    )


def draw_pose(dice: Dice) -> Pose:
    """How the patient stands in one picture: turned by up to four degrees, and never quite in the middle."""
    return Pose(math.radians(dice.near(0, 4)), dice.near(0, 0.05), dice.near(0.02, 0.05), dice.near(1.0, 0.05))
