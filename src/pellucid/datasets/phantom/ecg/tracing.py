"""A scene, and the recording that is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
from jaxtyping import Bool, Float, Float32

from pellucid.datasets.phantom.ecg.abnormal import changes
from pellucid.datasets.phantom.ecg.beats import Beats
from pellucid.datasets.phantom.ecg.findings import FindingName
from pellucid.datasets.phantom.ecg.leads import axis, seen
from pellucid.datasets.phantom.ecg.noise import fibrillating, noisy
from pellucid.datasets.phantom.ecg.planning import Clock, Plan, plan_of
from pellucid.datasets.phantom.ecg.scenes import ATRIA, NOISE, Scene
from pellucid.datasets.phantom.ecg.segments import SegmentName, segments, within
from pellucid.datasets.phantom.ecg.shortcuts import Mark, marked
from pellucid.datasets.phantom.ecg.template import Timing
from pellucid.datasets.phantom.ecg.waves import Wave, area, sum_of, times
from pellucid.signals import STANDARD_LEADS

SEEN = 0.05
"""The least change that counts, in mV: half a millimetre of paper."""


@dataclass(frozen=True, eq=False)
class Recording:
    """A recording and everything known about it.

    Attributes:
        clean: what the heart does, without noise and marks; mV.
        samples: the recording.
        findings: where each finding shows, for those that show anywhere; in the order of the scene's labels.
        moved: the most by which each of them changes a sample, in mV; None where a finding is a matter of time.
        marks: of the recorder.
        segments: what each sample belongs to.
        timing: of beats that come from the atria.
        axis: frontal axis of their QRS complex, in degrees.
    """

    clean: Float[np.ndarray, "T 12"]
    samples: Float32[np.ndarray, "T 12"]
    findings: Mapping[FindingName, Bool[np.ndarray, "T 12"]]
    moved: Mapping[FindingName, float | None]
    marks: tuple[Mark, ...]
    segments: Mapping[SegmentName, Bool[np.ndarray, " T"]]
    beats: Beats
    timing: Timing
    axis: float


def trace(scene: Scene, clock: Clock, noise: float) -> Recording:
    """Draw a recording.

    Everything adds up: the waves of a heart that is well, what each finding adds and takes away, the marks of the recorder, and
    noise. So what a finding changes is known exactly.

    Args:
        noise: factor on all noise.
    """
    plan = plan_of(scene, clock)
    added = {label: times(changes(label, plan.well, scene.course), scene.strengths[label]) for label in scene.labels}
    moves = {label: plan.seen(waves) for label, waves in added.items() if waves}
    clean = _well(plan) + sum(moves.values())
    marks = tuple(marked(kind, plan.times, clock.rate, plan.beats) for kind in scene.marks)
    disturbed = noise * noisy(scene.noise, scene.heart.breath, clock.rate, plan.times, scene.of(NOISE))
    samples = (clean + sum((mark.change for mark in marks), disturbed)).astype(np.float32)
    parts = segments(plan.beats, plan.timing, plan.ventricular.timing, plan.atria > 0, plan.times)
    findings = {label: _where(label, moves, parts, plan) for label in scene.labels if scene.strengths[label] > 0}
    shown = {label: mask for label, mask in findings.items() if mask.any()}
    moved = {label: float(np.abs(moves[label]).max()) if label in moves else None for label in shown}
    turned = axis(area([*plan.well.qrs, *_depolarising(added, plan.timing)]))
    return Recording(clean, samples, shown, moved, marks, parts, plan.beats, plan.timing, turned)


def _well(plan: Plan) -> Float[np.ndarray, "T 12"]:
    """All but what findings add to the beats that come from the atria."""
    scene, well, beats = plan.scene, plan.well, plan.beats
    dipole = sum_of((*times(well.p, plan.atria), *well.qrs, *well.t, *well.u), beats.onsets, plan.gains, plan.times)
    extra, early = scene.strength("premature ventricular beats"), beats.premature
    if early.any():
        dipole += sum_of(plan.ventricular.waves, beats.onsets[early], extra * beats.gains[early], plan.times)
    if plan.atria < 1:
        dipole += fibrillating(plan.times, (1 - plan.atria) * scene.course.coarse, scene.of(ATRIA))
    return seen(dipole)


def _where(
    label: FindingName,
    moves: Mapping[FindingName, Float[np.ndarray, "T 12"]],
    parts: Mapping[SegmentName, Bool[np.ndarray, " T"]],
    plan: Plan,
) -> Bool[np.ndarray, "T 12"]:
    """The samples that carry a finding."""
    if label in moves:
        return cast(np.ndarray, np.abs(moves[label]) >= SEEN)
    onsets, early = plan.beats.onsets, plan.beats.premature
    inside = within(((at, at + plan.ventricular.timing.qt) for at in onsets[early]), plan.times)
    if label == "atrial fibrillation":
        inside = ~(parts["ST segment"] | parts["T wave"] | inside)
    elif label == "first-degree AV block":
        inside = within(((at - plan.timing.pr, at) for at in onsets[~early]), plan.times)
    return np.broadcast_to(inside[:, None], (len(inside), len(STANDARD_LEADS)))


def _depolarising(added: Mapping[FindingName, tuple[Wave, ...]], timing: Timing) -> list[Wave]:
    """What findings change of the QRS complex."""
    return [wave for waves in added.values() for wave in waves if wave.at < timing.qrs and not wave.hold]
