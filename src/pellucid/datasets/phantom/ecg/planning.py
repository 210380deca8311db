"""A scene whose intervals and beats are known."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from pellucid.datasets.phantom.ecg.abnormal import Ventricular, ventricular
from pellucid.datasets.phantom.ecg.beats import Beats, Pace, draw_beats
from pellucid.datasets.phantom.ecg.leads import seen
from pellucid.datasets.phantom.ecg.scenes import RHYTHM, Scene
from pellucid.datasets.phantom.ecg.template import Template, Timing
from pellucid.datasets.phantom.ecg.waves import Wave, sum_of

_FASTER = 0.25  # by how much atrial fibrillation shortens the time between beats
_TIGHT = 0.04  # share by which the heart may come before its time, beside breathing


@dataclass(frozen=True)
class Clock:
    """How a recording is sampled.

    Attributes:
        rate: samples a second.
        seconds: its length.
    """

    rate: float
    seconds: float

    @property
    def times(self) -> Float[np.ndarray, " T"]:
        """Of the samples, in seconds."""
        return np.arange(round(self.rate * self.seconds)) / self.rate


@dataclass(frozen=True, eq=False)
class Plan:
    """What is known before anything is drawn.

    Attributes:
        well: a beat without findings, but for the length of PR.
        timing: of beats that come from the atria, with their findings.
        ventricular: the premature beats.
        atria: strength of the P waves, 0 to 1.
    """

    scene: Scene
    well: Template
    timing: Timing
    ventricular: Ventricular
    beats: Beats
    atria: float
    times: Float[np.ndarray, " T"]

    @property
    def gains(self) -> Float[np.ndarray, " B"]:
        """How much of each beat comes from the atria."""
        extra = self.scene.strength("premature ventricular beats")
        return self.beats.gains * np.where(self.beats.premature, 1 - extra, 1.0)

    def seen(self, waves: tuple[Wave, ...]) -> Float[np.ndarray, "T 12"]:
        """What the leads show of waves of the beats that come from the atria."""
        return seen(sum_of(waves, self.beats.onsets, self.gains, self.times))


def plan_of(scene: Scene, clock: Clock) -> Plan:
    """The intervals and beats of a scene."""
    heart, fibrillating = scene.heart, scene.strength("atrial fibrillation")
    rr = scene.rr * (1 - _FASTER * fibrillating)
    pace = math.sqrt(rr)
    narrow = Timing(heart.pr, heart.p, heart.qrs, heart.qtc * pace, pace)
    wide = narrow.widened(heart.wide) if scene.strength("left bundle branch block") else narrow
    pr = heart.pr + scene.strength("first-degree AV block") * min(heart.blocked, _room(scene, rr, wide))
    well, timing = Template(heart, narrow.delayed(pr)), wide.delayed(pr)
    early = ventricular(well, scene.course)
    atrial = pr if fibrillating < 1 else 0.0
    extra = scene.strength("premature ventricular beats")
    rhythm = Pace(rr, heart.sway, heart.breath, fibrillating, extra, timing.qt, early.timing.qt, atrial)
    beats = draw_beats(rhythm, clock.seconds, np.random.default_rng(scene.of(RHYTHM)))
    return Plan(scene, well, timing, early, beats, 1 - fibrillating, clock.times)


def _room(scene: Scene, rr: float, timing: Timing) -> float:
    """How much longer PR may get before P falls into T."""
    return rr * (1 - scene.heart.sway - _TIGHT) - timing.qt - timing.pr
