"""The heart of a patient: rate, intervals, directions and strengths of its waves."""

from __future__ import annotations

from dataclasses import dataclass

from pellucid.datasets.phantom.dice import Dice


@dataclass(frozen=True)
class Heart:
    """What one patient's heart is like; seconds, mV and degrees.

    Attributes:
        rate: beats a minute in sinus rhythm.
        sway: share by which breathing changes the time between beats.
        breath: breaths a second.
        pr: from the onset of P to that of QRS in health.
        blocked: how much longer that takes with first-degree AV block, where the heart leaves room for it.
        p: length of the P wave.
        qrs: length of the QRS complex in health.
        wide: the same with left bundle branch block.
        qtc: QT interval at 60 beats a minute.
        frontal, horizontal: by how much the heart is turned towards the feet, and towards the back.
        atrium, recovery, after: strength of the P, T and U waves; about 1, but for U, which many lack.
        voltage: Sokolow-Lyon index, S in V1 plus the larger R of V5 and V6.
        thick: the same with left ventricular hypertrophy.
    """

    rate: float
    sway: float
    breath: float
    pr: float
    blocked: float
    p: float
    qrs: float
    wide: float
    qtc: float
    frontal: float
    horizontal: float
    atrium: float
    recovery: float
    after: float
    voltage: float
    thick: float


def draw_heart(dice: Dice) -> Heart:
    """A heart whose intervals, axis and voltages are those of healthy adults at rest, as long as nothing is wrong with it."""
    return Heart(
        rate=dice.near(63, 11),
        sway=dice.near(0.025, 0.017),
        breath=dice.near(0.24, 0.05),
        pr=dice.near(0.155, 0.027),
        blocked=dice.near(0.13, 0.045),
        p=dice.near(0.098, 0.012),
        qrs=dice.near(0.090, 0.011),
        wide=dice.near(0.148, 0.014),
        qtc=dice.near(0.405, 0.026),
        frontal=dice.near(0, 23),
        horizontal=dice.near(0, 9),
        atrium=dice.near(1.0, 0.3),
        recovery=dice.near(1.15, 0.35),
        after=dice.near(0.5, 0.5) if dice.chance(0.4) else 0.0,
        voltage=dice.near(2.35, 0.7),
        thick=dice.near(4.7, 0.65),
    )
