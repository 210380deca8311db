"""What ``meta`` says about a recording, as JSON values."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool

from pellucid.datasets.phantom.ecg.planning import Clock
from pellucid.datasets.phantom.ecg.scenes import Scene
from pellucid.datasets.phantom.ecg.shortcuts import Shortcut
from pellucid.datasets.phantom.ecg.tracing import Recording
from pellucid.datasets.phantom.planting import distractors
from pellucid.signals import STANDARD_LEADS


def described(scene: Scene, recording: Recording, clock: Clock, shortcut: Shortcut | None) -> dict[str, Any]:
    """Beats, intervals, findings, what means nothing, and what was planted."""
    timing, beats = recording.timing, recording.beats
    peaks = beats.onsets + np.where(beats.premature, 0.36 * scene.course.broad, 0.5 * timing.qrs)
    inside = (peaks >= 0) & (peaks < clock.seconds)
    meta: dict[str, Any] = {
        "beats": [
            {"time": _rounded(at), "premature": bool(early)}
            for at, early in zip(peaks[inside], beats.premature[inside], strict=True)
        ],
        "heart_rate": round(60 * float((inside.sum() - 1) / np.ptp(peaks[inside])), 1),
        "pr": None if scene.strength("atrial fibrillation") == 1 else _milliseconds(timing.pr),
        "qrs": _milliseconds(timing.qrs),
        "qt": _milliseconds(timing.qt),
        "axis": round(recording.axis),
        "findings": [_finding(label, mask, recording.moved[label]) for label, mask in recording.findings.items()],
        "distractors": distractors(((mark.kind, {"span": _span(mark.mask)}) for mark in recording.marks), shortcut, scene.told),
    }
    if shortcut:
        replaced = scene.told and scene.strength(shortcut.label) == 0
        meta["shortcut"] = shortcut.described(scene.planted, replaced)
    return meta


def _finding(label: str, mask: Bool[np.ndarray, "T L"], moved: float | None) -> dict[str, Any]:
    leads = [name for lead, name in enumerate(STANDARD_LEADS) if mask[:, lead].any()]
    return {"label": label, "leads": leads, "change": None if moved is None else _rounded(moved)}


def _span(mask: Bool[np.ndarray, "T L"]) -> list[int] | None:
    """From the first marked sample to the one after the last; None if there is none."""
    rows = np.flatnonzero(mask.any(axis=1))
    return [int(rows[0]), int(rows[-1]) + 1] if len(rows) else None


def _milliseconds(seconds: float) -> int:
    return round(1000 * seconds)


def _rounded(value: float) -> float:
    return round(float(value), 4)
