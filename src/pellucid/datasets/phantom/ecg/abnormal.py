"""What findings do to a beat: waves that are added to it, and waves that are taken away."""

from __future__ import annotations

from dataclasses import dataclass

from pellucid.datasets.phantom.dice import Dice
from pellucid.datasets.phantom.ecg.findings import FindingName
from pellucid.datasets.phantom.ecg.template import Template, Timing
from pellucid.datasets.phantom.ecg.waves import Vector, Wave, times

_ANTERIOR: Vector = (0.05, -0.03, -0.25)
_INFERIOR: Vector = (-0.085, 0.23, 0.085)
_LATERAL_T: Vector = (-0.27, 0.03, -0.10)
_DISCORDANT_ST, _DISCORDANT_T = -0.10, -0.30  # of the wide complex before it
_DOME = 0.6  # how much higher T grows over an injury than the ST segment does


@dataclass(frozen=True)
class Course:
    """How far the findings of one recording go, were they there.

    Attributes:
        injury: strength of ST elevation.
        inversion: strength of the inverted T wave.
        origin: a number in [0, 1): where in the ventricles premature beats begin.
        broad: length of their QRS complexes, in seconds.
        tall: their strength.
        coarse: height of fibrillatory waves, in mV.
    """

    injury: float
    inversion: float
    origin: float
    broad: float
    tall: float
    coarse: float


def draw_course(dice: Dice) -> Course:
    """The course of one recording."""
    return Course(
        injury=dice.near(1.35, 0.5),
        inversion=dice.near(1.15, 0.3),
        origin=dice.uniform(),
        broad=dice.near(0.155, 0.012),
        tall=dice.near(1.3, 0.25),
        coarse=dice.near(0.085, 0.035),
    )


def changes(finding: FindingName, well: Template, course: Course) -> tuple[Wave, ...]:
    """What a finding adds to each beat that comes from the atria; nothing for one that changes none of their waves."""
    match finding:
        case "anterior ST elevation":
            return _injury(well, _ANTERIOR, course.injury)
        case "inferior ST elevation":
            return _injury(well, _INFERIOR, course.injury)
        case "left bundle branch block":
            return _block(well)
        case "left ventricular hypertrophy":
            return times(well.qrs, well.heart.thick / well.heart.voltage - 1)
        case "T-wave inversion":
            return (*times((well.recovering(_LATERAL_T),), course.inversion), *times(well.t, -1))
        case _:
            return ()


@dataclass(frozen=True)
class Ventricular:
    """A beat that begins in a ventricle."""

    timing: Timing
    waves: tuple[Wave, ...]


def ventricular(narrow: Template, course: Course) -> Ventricular:
    """A wide QRS complex, and a T wave that points away from it."""
    beat = Template(narrow.heart, narrow.timing.widened(course.broad))
    left = course.origin < 0.5  # beats of the left ventricle go to the right and to the front
    x, z = (-0.75, -0.55) if left else (0.80, 0.75)
    y = 0.8 - 2.6 * (course.origin % 0.5)
    main, end = (course.tall * x, course.tall * y, course.tall * z), (0.5 * course.tall * x, 0.0, 0.6 * course.tall * z)
    waves = (beat.depolarising(0.36, 0.13, main), beat.depolarising(0.68, 0.12, end))
    return Ventricular(beat.timing, (*waves, *_discordant(beat, main)))


def _injury(well: Template, dipole: Vector, strength: float) -> tuple[Wave, ...]:
    return times((well.injured(dipole), well.recovering(dipole).times(_DOME)), strength)


def _block(well: Template) -> tuple[Wave, ...]:
    """The wide QRS complex and what follows it, in the place of the narrow one and its T wave."""
    wide = Template(well.heart, well.timing.widened(well.heart.wide))
    there = (*wide.wide_qrs, *_discordant(wide, wide.wide_qrs[0].dipole))
    return (*there, *times((*well.qrs, *well.t), -1))


def _discordant(wide: Template, dipole: Vector) -> tuple[Wave, ...]:
    """ST and T that point away from QRS."""
    return wide.injured(dipole).times(_DISCORDANT_ST), wide.recovering(dipole).times(_DISCORDANT_T)
