"""What disturbs a recording: breathing and movement, muscles, and the mains.

It enters at the electrodes: noise is drawn for the leads that are measured, and the others follow from these, so that
III = II - I holds in a noisy recording too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import numpy as np
from jaxtyping import Float

from pellucid.datasets.phantom.dice import Dice
from pellucid.datasets.phantom.ecg.leads import RECORDED, standard

MAINS = 50.0
"""Cycles a second. A recorder filters them where its rate cannot show them."""

_CIRCLING = ((-0.3, 0.35, -0.8), (0.12, 0.48, -0.18), (-0.2, 0.25, -0.25))
"""Directions of the waves that circle in fibrillating atria."""

_MOVEMENTS = ((0.5, 0.32), (1.0, 1.0), (0.35, 2.2))
"""Slow movements of the baseline: height, and speed as a share of that of breathing."""


@dataclass(frozen=True)
class Noise:
    """How noisy a patient's recordings are, in mV.

    Attributes:
        wander: amplitude of the slow movement of the baseline.
        muscle: standard deviation of the noise of muscles.
        hum: amplitude of the mains.
    """

    wander: float
    muscle: float
    hum: float


def draw_noise(dice: Dice) -> Noise:
    """A patient who lies still, more or less, on clean electrodes, more or less."""
    return Noise(dice.near(0.055, 0.04), dice.near(0.012, 0.007), dice.near(0.008, 0.008))


def shows_mains(rate: float) -> bool:
    """Whether a recording of that rate can show the mains."""
    return rate > 2 * MAINS


def noisy(
    noise: Noise, breath: float, rate: float, times: Float[np.ndarray, " T"], entropy: tuple[int, ...]
) -> Float[np.ndarray, "T 12"]:
    """Noise of the twelve leads, in mV.

    Args:
        breath: breaths a second, with which the baseline moves.
    """
    generator, leads = np.random.default_rng(entropy), len(RECORDED)
    share, shift = generator.uniform(0.3, 1, (3, leads)), generator.normal(0, 0.4, (3, leads))
    phase = generator.uniform(0, 2 * math.pi, (3, 1)) + shift  # electrodes move nearly together
    total = noise.muscle * generator.standard_normal((len(times), leads))
    for part, (height, speed) in enumerate(_MOVEMENTS):
        total += noise.wander * height * share[part] * _wave(speed * breath, phase[part], times)
    if shows_mains(rate):
        total += noise.hum * share[0] * _wave(MAINS, phase[1], times)
    return standard(total)


def _wave(cycles: float, phase: Float[np.ndarray, " L"], times: Float[np.ndarray, " T"]) -> Float[np.ndarray, "T L"]:
    return cast(np.ndarray, np.sin(2 * math.pi * cycles * times[:, None] + phase))


def fibrillating(times: Float[np.ndarray, " T"], height: float, entropy: tuple[int, ...]) -> Float[np.ndarray, "T 3"]:
    """The dipole of atria that fibrillate: three waves of 4.5 to 8 cycles a second that come and go, most of it before V1."""
    generator, total = np.random.default_rng(entropy), np.zeros((len(times), 3))
    for dipole in _CIRCLING:
        cycles, (a, b, c) = generator.uniform(4.5, 8), generator.uniform(0, 2 * math.pi, 3)
        angle = 2 * math.pi * cycles * times + 1.8 * np.sin(2 * math.pi * 0.55 * times + a) + b
        swell = 0.7 + 0.3 * np.sin(2 * math.pi * 0.4 * times + c)
        saw = np.sin(angle) + 0.35 * np.sin(2 * angle)
        total += height * (swell * saw)[:, None] * dipole
    return total
