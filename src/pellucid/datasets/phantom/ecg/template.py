"""One beat: its waves, and when they begin and end."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from pellucid.datasets.phantom.ecg.heart import Heart
from pellucid.datasets.phantom.ecg.leads import seen
from pellucid.datasets.phantom.ecg.waves import REACH, Vector, Wave, times
from pellucid.signals import STANDARD_LEADS

_ATRIA: tuple[Vector, Vector] = ((0.075, 0.085, -0.055), (0.105, 0.075, 0.055))  # right, then left
_SEPTUM: Vector = (-0.15, -0.06, -0.28)
_WALLS: Vector = (1.00, 0.75, 0.38)
_BASE: Vector = (-0.16, -0.13, 0.50)
_RECOVERY: Vector = (0.23, 0.14, -0.13)
_AFTER: Vector = (0.02, 0.02, -0.03)
_LEFT_BUNDLE: tuple[Vector, Vector] = ((0.74, 0.24, 0.76), (1.00, 0.06, 0.84))
_V1, _V5, _V6 = (STANDARD_LEADS.index(name) for name in ("V1", "V5", "V6"))


@dataclass(frozen=True)
class Timing:
    """Intervals of one beat, in seconds from the onset of QRS unless said otherwise.

    Attributes:
        pr: from the onset of P to that of QRS.
        p: length of the P wave.
        qrs: end of QRS.
        qt: end of T.
        pace: square root of the time between beats; T waves are as much longer (Bazett).
    """

    pr: float
    p: float
    qrs: float
    qt: float
    pace: float

    @property
    def fall(self) -> float:
        """Standard deviation of the end of T."""
        return 0.036 * self.pace

    @property
    def rise(self) -> float:
        """Standard deviation of its beginning, which is slower."""
        return 0.050 * self.pace

    @property
    def peak(self) -> float:
        """Of T."""
        return self.qt - REACH * self.fall

    @property
    def repolarising(self) -> float:
        """Onset of T."""
        return max(self.peak - REACH * self.rise, self.qrs)

    def widened(self, qrs: float) -> Timing:
        """With a longer QRS complex; all that follows is as much later."""
        return replace(self, qrs=qrs, qt=self.qt + qrs - self.qrs)

    def delayed(self, pr: float) -> Timing:
        """With another PR interval."""
        return replace(self, pr=pr)


@dataclass(frozen=True)
class Template:
    """The waves of a heart that is well, for beats of one timing."""

    heart: Heart
    timing: Timing

    @property
    def p(self) -> tuple[Wave, ...]:
        start, length = -self.timing.pr, self.timing.p
        width = 0.35 / REACH * length
        waves = (Wave(start + part * length, width, width, dipole) for part, dipole in zip((0.35, 0.65), _ATRIA, strict=True))
        return times(tuple(waves), self.heart.atrium)

    @cached_property
    def qrs(self) -> tuple[Wave, ...]:
        """Septum, walls and base, turned as the heart is and as strong as its voltage says."""
        parts = zip((0.275, 0.5, 0.725), (_SEPTUM, _WALLS, _BASE), strict=True)
        waves = tuple(self.depolarising(part, 0.11, self._turned(dipole)) for part, dipole in parts)
        return times(waves, self.heart.voltage / voltage(waves, self.timing.qrs))

    @cached_property
    def wide_qrs(self) -> tuple[Wave, ...]:
        """The same where the left ventricle is reached through the right one, for a timing that is widened."""
        parts = zip((0.352, 0.648), _LEFT_BUNDLE, strict=True)
        waves = tuple(self.depolarising(part, 0.141, self._turned(dipole, 0.4)) for part, dipole in parts)
        return times(waves, (1.6 + 0.4 * self.heart.voltage) / voltage(waves, self.timing.qrs))

    @property
    def t(self) -> tuple[Wave, ...]:
        return times((self.recovering(self._turned(_RECOVERY, 0.4)),), self.heart.recovery)

    @property
    def u(self) -> tuple[Wave, ...]:
        return times((Wave(self.timing.qt + 0.07, 0.025, 0.03, _AFTER),), self.heart.after)

    def recovering(self, dipole: Vector) -> Wave:
        """A T wave along a direction."""
        return Wave(self.timing.peak, self.timing.rise, self.timing.fall, dipole)

    def injured(self, dipole: Vector) -> Wave:
        """What lasts from the end of QRS until T is over."""
        start = 0.9 * self.timing.qrs
        return Wave(start, 0.11 * self.timing.qrs, self.timing.fall, dipole, self.timing.peak - start)

    def depolarising(self, part: float, width: float, dipole: Vector) -> Wave:
        """A wave of the QRS complex: where its peak lies, and how wide it is, as shares of the complex."""
        length = self.timing.qrs
        return Wave(part * length, width * length, width * length, dipole)

    def _turned(self, dipole: Vector, share: float = 1.0) -> Vector:
        """A direction after the heart is turned, by a share of its angles."""
        x, y, z = dipole
        frontal, horizontal = (math.radians(share * angle) for angle in (self.heart.frontal, self.heart.horizontal))
        x, y = x * math.cos(frontal) - y * math.sin(frontal), x * math.sin(frontal) + y * math.cos(frontal)
        x, z = x * math.cos(horizontal) - z * math.sin(horizontal), x * math.sin(horizontal) + z * math.cos(horizontal)
        return x, y, z


def voltage(waves: tuple[Wave, ...], length: float) -> float:
    """The Sokolow-Lyon index of a QRS complex in mV: depth of S in V1 plus height of R in V5 or V6, whichever is higher."""
    lag = np.linspace(0, length, 200)
    dipole = sum(np.exp(-0.5 * ((lag - w.at) / w.rise) ** 2)[:, None] * w.dipole for w in waves)
    leads = seen(np.asarray(dipole))
    return float(leads[:, [_V5, _V6]].max() - leads[:, _V1].min())
