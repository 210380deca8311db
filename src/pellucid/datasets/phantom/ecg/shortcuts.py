"""Shortcuts in electrocardiograms: a mark of the recorder is planted, and may hold in some splits alone.

What planting means is said in :mod:`pellucid.datasets.phantom.planting`. A finding so faint that it moves no sample by 0.05 mV
has no evidence either, though something of it is there (``replaced`` is then false).

In the splits where the shortcut does not hold, the mark stands as often with the label as without it and takes nothing from
the finding, which is then its own cause; the mark is listed among the distractors, as a leaked one is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
from jaxtyping import Bool, Float

from pellucid.datasets.base import SplitName
from pellucid.datasets.phantom import planting
from pellucid.datasets.phantom.ecg.beats import Beats
from pellucid.datasets.phantom.ecg.findings import FindingName
from pellucid.datasets.phantom.ecg.leads import seen
from pellucid.datasets.phantom.ecg.noise import MAINS, shows_mains
from pellucid.signals import STANDARD_LEADS

ShortcutName = Literal["calibration", "spikes", "hum"]
BASE_RATES: dict[ShortcutName, float] = {"calibration": 0.15, "spikes": 0.06, "hum": 0.10}
"""How often each stands in a recording where it is no shortcut."""

_PULSE = (0.10, 0.30)  # seconds
_BEFORE_QRS, _SPIKE, _SPIKE_DIPOLE = 0.03, 0.004, (0.6, 0.5, 0.3)
_LOOSE, _HUM = "V6", 0.15


@dataclass(frozen=True)
class Shortcut(planting.Shortcut[ShortcutName, FindingName]):
    """What is planted, how often, and where.

    Attributes:
        splits: where the shortcut holds; elsewhere the mark stands in the share `absent` of all recordings.
    """

    splits: tuple[SplitName, ...]


@dataclass(frozen=True, eq=False)
class Mark:
    """A mark of the recorder, in mV; nothing outside the mask is touched."""

    kind: ShortcutName
    change: Float[np.ndarray, "T 12"]

    @property
    def mask(self) -> Bool[np.ndarray, "T 12"]:
        return cast(np.ndarray, self.change != 0)


def draw_marks(shortcut: Shortcut | None, present: bool, rate: float, entropy: tuple[int, ...]) -> tuple[ShortcutName, ...]:
    """The marks of one recording.

    Args:
        present: whether the recording has the label of the shortcut, and the shortcut holds.
        rate: samples a second.
    """
    there = planting.standing(BASE_RATES, shortcut, present, entropy)
    return tuple(kind for kind in there if can_show(kind, rate))


def can_show(kind: ShortcutName, rate: float) -> bool:
    """Whether a recording of so many samples a second can show such a mark."""
    return kind != "hum" or shows_mains(rate)


def marked(kind: ShortcutName, times: Float[np.ndarray, " T"], rate: float, beats: Beats) -> Mark:
    """The mark in a recording."""
    return Mark(kind, _MARKERS[kind](times, rate, beats))


def _calibration(times: Float[np.ndarray, " T"], rate: float, beats: Beats) -> Float[np.ndarray, "T 12"]:
    """A pulse of 1 mV in all leads at once, laid upon the beginning of the recording as old recorders do."""
    start, end = _PULSE
    inside = (times >= start) & (times < end)
    return np.repeat(inside[:, None].astype(np.float64), len(STANDARD_LEADS), axis=1)


def _spikes(times: Float[np.ndarray, " T"], rate: float, beats: Beats) -> Float[np.ndarray, "T 12"]:
    """Before each QRS complex that comes from the atria a spike like that of a pacemaker, at least one sample wide."""
    change = np.zeros((len(times), 3))
    for onset in beats.onsets[~beats.premature] - _BEFORE_QRS:
        first = math.ceil(onset * rate)
        if 0 <= first < len(times):
            change[first : first + max(1, round(_SPIKE * rate))] = _SPIKE_DIPOLE
    return seen(change)


def _hum(times: Float[np.ndarray, " T"], rate: float, beats: Beats) -> Float[np.ndarray, "T 12"]:
    """The mains in one lead whose electrode is loose, always of one height."""
    change = np.zeros((len(times), len(STANDARD_LEADS)))
    wave = np.sin(2 * math.pi * MAINS * (times + 0.0017))
    change[:, STANDARD_LEADS.index(_LOOSE)] = _HUM * wave
    return cast(np.ndarray, change)


_MARKERS: dict[ShortcutName, Callable[[Float[np.ndarray, " T"], float, Beats], Float[np.ndarray, "T 12"]]] = {
    "calibration": _calibration,
    "spikes": _spikes,
    "hum": _hum,
}
