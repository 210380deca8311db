"""What happens while a signal is recorded: gain, drift, hum, clocks, and electrodes on the wrong limb. Values are in mV."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from pellucid.jacobians.directions.base import Direction, Made, Skipped, family, straight
from pellucid.jacobians.directions.scene import Scene
from pellucid.jacobians.directions.warping import sampled_in_time, slope

_ACQUISITION = "acquisition"
_TIMING = "timing"
_PHASES: dict[str, Callable[[Tensor], Tensor]] = {"sine": torch.sin, "cosine": torch.cos}
_SWAPS: dict[tuple[str, str], dict[str, tuple[float, str]]] = {
    ("left arm", "right arm"): {
        "I": (-1, "I"),
        "II": (1, "III"),
        "III": (1, "II"),
        "aVR": (1, "aVL"),
        "aVL": (1, "aVR"),
        "aVF": (1, "aVF"),
    },
    ("left arm", "left leg"): {
        "I": (1, "II"),
        "II": (1, "I"),
        "III": (-1, "III"),
        "aVR": (1, "aVR"),
        "aVL": (1, "aVF"),
        "aVF": (1, "aVL"),
    },
    ("right arm", "left leg"): {
        "I": (-1, "III"),
        "II": (-1, "II"),
        "III": (-1, "I"),
        "aVR": (1, "aVF"),
        "aVL": (1, "aVL"),
        "aVF": (1, "aVR"),
    },
}
"""What each limb lead shows when two electrodes are exchanged. Chest leads stay: they are measured against all three limbs."""


@family("gain", "signal", _ACQUISITION, "all samples times a factor")
def gain(scene: Scene) -> Made:
    """`(1 + 0.1 t) x`."""
    yield straight("gain", "+10 %", scene.at, 0.1 * scene.at)


@family("lead_gain", "signal", _ACQUISITION, "the samples of one lead times a factor")
def lead_gain(scene: Scene) -> Made:
    """`(1 + 0.1 t) x` in each lead alone."""
    alone = torch.eye(len(scene.leads), dtype=torch.float64)
    for lead, here in zip(scene.leads, alone, strict=True):
        yield straight(f"gain of lead {lead}", "+10 %", scene.at, 0.1 * scene.at * here)


@family("offset", "signal", _ACQUISITION, "a constant added to all leads")
def offset(scene: Scene) -> Made:
    """`x + 0.1 t` mV."""
    yield straight("offset", "+0.1 mV", scene.at, torch.full_like(scene.at, 0.1))


@family("wander", "signal", _ACQUISITION, "a baseline that breathes")
def wander(scene: Scene) -> Made:
    """0.1 mV at 0.3 Hz, in all leads alike, as sine and as cosine: any phase is a mixture of the two."""
    yield from _waves(scene, "baseline wander", 0.3, 0.1)


@family("hum", "signal", _ACQUISITION, "mains hum")
def hum(scene: Scene) -> Made:
    """0.05 mV at 50 and at 60 Hz, in all leads alike, as sine and as cosine."""
    for frequency in (50, 60):
        if scene.rate > 2 * frequency:
            yield from _waves(scene, f"mains hum of {frequency} Hz", frequency, 0.05)
        else:
            yield Skipped(f"mains hum of {frequency} Hz", f"{scene.rate:g} samples a second do not hold it")


def _waves(scene: Scene, name: str, frequency: float, size: float) -> Made:
    phase = 2 * math.pi * frequency / scene.rate * torch.arange(len(scene.at), dtype=torch.float64)
    for kind, wave in _PHASES.items():
        step = size * wave(phase)[:, None].expand_as(scene.at)
        yield straight(f"{name}, {kind}", f"+{size:g} mV", scene.at, step)


@family("time_scaling", "signal", _TIMING, "the same beats at another rate")
def time_scaling(scene: Scene) -> Made:
    """5 % faster about the middle of the recording: all intervals shrink alike."""
    yield _moved(scene, "heart rate", "+5 %", lambda t, times: times * (1 + 0.05 * t), lambda times: 0.05 * times)


@family("time_shift", "signal", _TIMING, "the same beats later")
def time_shift(scene: Scene) -> Made:
    """By 10 ms."""
    samples = 0.01 * scene.rate
    yield _moved(
        scene, "time shift", "+10 ms", lambda t, times: times - samples * t, lambda times: torch.full_like(times, -samples)
    )


def _moved(
    scene: Scene, name: str, unit: str, motion: Callable[[float, Tensor], Tensor], velocity: Callable[[Tensor], Tensor]
) -> Direction:
    """The signal read at other times, counted in samples from its middle; beyond its ends, its ends."""
    middle = (len(scene.at) - 1) / 2
    times = torch.arange(len(scene.at), dtype=torch.float64) - middle
    tangent = slope(scene.at, 0) * velocity(times)[:, None]
    note = "by cubic convolution; what comes in from outside is as the end"
    return Direction(name, unit, tangent, lambda t: sampled_in_time(scene.at, motion(t, times) + middle), note=note)


@family("lead_swap", "signal", _ACQUISITION, "electrodes of two limbs exchanged")
def lead_swap(scene: Scene) -> Made:
    """`(1 - t) x + t x'`, x' what would have been recorded: one step is the whole mistake, and less than one a mixture."""
    for (one, other), shown in _SWAPS.items():
        name = f"swap of {one} and {other}"
        missing = [lead for lead in shown if lead not in scene.leads]
        if missing:
            yield Skipped(name, f"the model reads no lead {missing[0]}")
            continue
        swapped = scene.at.clone()
        for lead, (sign, source) in shown.items():
            swapped[:, scene.leads.index(lead)] = sign * scene.at[:, scene.leads.index(source)]
        yield straight(name, "whole", scene.at, swapped - scene.at, "less than a whole step is no recording")
