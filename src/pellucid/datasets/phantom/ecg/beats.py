"""When the heart beats."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

_BEFORE, _AFTER = 2.5, 1.5  # seconds of rhythm around the recording, so that it begins and ends amid beats
_EARLY = 0.62  # a premature beat comes after this share of the time to the next one
_TREMBLE, _IRREGULAR = 0.012, 0.24  # spread of the time between beats in sinus rhythm, and in fibrillation (of its logarithm)


@dataclass(frozen=True)
class Pace:
    """How a heart beats; seconds, and strengths of 0 (not at all) to 1.

    Attributes:
        rr: mean time between beats.
        sway, breath: share by which breathing changes it, and breaths a second.
        fibrillating: how irregular it is.
        extra: how premature some beats are.
        qt: from the onset of QRS to the end of T.
        qt_extra: the same of a premature beat.
        atrial: from the onset of P to that of QRS.
    """

    rr: float
    sway: float
    breath: float
    fibrillating: float
    extra: float
    qt: float
    qt_extra: float
    atrial: float


@dataclass(frozen=True, eq=False)
class Beats:
    """Beats in the order of time.

    Attributes:
        onsets: when each QRS complex begins, in seconds; some lie before the recording and after it.
        premature: which of them come from a ventricle.
        gains: how strong each is; breathing moves the heart.
    """

    onsets: Float[np.ndarray, " B"]
    premature: Bool[np.ndarray, " B"]
    gains: Float[np.ndarray, " B"]


def draw_beats(pace: Pace, seconds: float, generator: np.random.Generator) -> Beats:
    """The beats of a recording.

    A T wave always ends before the next beat begins. A premature beat takes the place of the next one, and a pause follows.
    """
    now, due = pace.rr * generator.random() - _BEFORE, seconds * (0.1 + 0.35 * generator.random())
    phase = 2 * math.pi * generator.random()
    found: list[tuple[float, bool]] = []
    while now < seconds + _AFTER:
        found.append((now, False))
        awaited = now + _gap(pace, now, phase, generator)
        if pace.extra and now >= due:
            early = max(now + _EARLY * (awaited - now), now + pace.qt + 0.05)
            found.append((awaited + pace.extra * (min(early, awaited) - awaited), True))
            rest = found[-1][0] + pace.qt_extra + pace.atrial + 0.03
            awaited = max(awaited + _gap(pace, awaited, phase, generator), rest)
            due = awaited + 1.0 + 3.0 * generator.random()
        now = awaited
    onsets = np.array([at for at, _ in found])
    gains = 1 + pace.sway * np.sin(2 * math.pi * pace.breath * onsets + phase + 1)
    return Beats(onsets, np.array([premature for _, premature in found]), gains)


def _gap(pace: Pace, now: float, phase: float, generator: np.random.Generator) -> float:
    """Time to the next beat."""
    one, other = generator.standard_normal(2)
    breathing = pace.sway * math.sin(2 * math.pi * pace.breath * now + phase)
    sinus = 1 + breathing + _TREMBLE * float(np.clip(one, -2, 2))
    irregular = math.exp(_IRREGULAR * float(np.clip(other, -2.5, 2.5)))
    wished = pace.rr * (sinus + pace.fibrillating * (irregular - sinus))
    return max(wished, pace.qt + max(pace.atrial, 0.06) + 0.01)
