"""What each sample of a recording belongs to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from pellucid.datasets.phantom.ecg.beats import Beats
from pellucid.datasets.phantom.ecg.template import Timing

SegmentName = Literal["P wave", "QRS complex", "ST segment", "T wave", "baseline"]
Span = tuple[float, float]
"""Half-open, in seconds."""


def segments(
    beats: Beats, sinus: Timing, ventricular: Timing, atria: bool, times: Float[np.ndarray, " T"]
) -> dict[SegmentName, Bool[np.ndarray, " T"]]:
    """Where each kind of segment lies; every sample is in exactly one. The PR segment is baseline.

    Args:
        sinus, ventricular: timing of beats that come from the atria, and of premature ones.
        atria: whether there are P waves.
    """
    timing = [ventricular if premature else sinus for premature in beats.premature]
    each = list(zip(beats.onsets, timing, strict=True))
    contracting = [(at, t) for (at, t), early in zip(each, beats.premature, strict=True) if atria and not early]
    parts: dict[SegmentName, Bool[np.ndarray, " T"]] = {
        "P wave": within(((at - t.pr, at - t.pr + t.p) for at, t in contracting), times),
        "QRS complex": within(((at, at + t.qrs) for at, t in each), times),
        "ST segment": within(((at + t.qrs, at + t.repolarising) for at, t in each), times),
        "T wave": within(((at + t.repolarising, at + t.qt) for at, t in each), times),
    }
    return {**parts, "baseline": ~np.any(list(parts.values()), axis=0)}


def within(spans: Iterable[Span], times: Float[np.ndarray, " T"]) -> Bool[np.ndarray, " T"]:
    """The samples in any of the spans."""
    inside = np.zeros(len(times), dtype=bool)
    for span in spans:
        inside[slice(*np.searchsorted(times, span))] = True
    return inside
