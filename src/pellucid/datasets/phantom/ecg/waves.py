"""Waves of a beat: bells in time along one direction of space each, as in McSharry et al. 2003 (IEEE Trans Biomed Eng 50:289),
whose bells have one axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from jaxtyping import Float

REACH = 2.5
"""Standard deviations from the peak of a wave to where a reader lets it begin or end."""

_FAR = 5.0  # standard deviations after which a bell is as good as nothing (4 in a million)

Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Wave:
    """One bell.

    Attributes:
        at: its peak, in seconds after the onset of the QRS complex.
        rise, fall: standard deviations before and after the peak, in seconds.
        dipole: the heart's dipole at the peak, in mV along x, y and z.
        hold: how long it stays at its peak, in seconds.
    """

    at: float
    rise: float
    fall: float
    dipole: Vector
    hold: float = 0.0

    def times(self, factor: float) -> Wave:
        """The same wave, so many times as strong."""
        x, y, z = self.dipole
        return replace(self, dipole=(factor * x, factor * y, factor * z))


def times(waves: Sequence[Wave], factor: float) -> tuple[Wave, ...]:
    """All of the waves, so many times as strong; none where the factor is 0."""
    return tuple(wave.times(factor) for wave in waves) if factor else ()


def area(waves: Sequence[Wave]) -> Float[np.ndarray, "3"]:
    """Time integral of the dipole, but for a constant factor."""
    return cast(np.ndarray, np.sum([np.multiply(wave.dipole, wave.rise + wave.fall) for wave in waves], axis=0))


def sum_of(
    waves: Sequence[Wave], onsets: Float[np.ndarray, " B"], gains: Float[np.ndarray, " B"], times: Float[np.ndarray, " T"]
) -> Float[np.ndarray, "T 3"]:
    """The dipole over time of beats that all have the same waves.

    Args:
        onsets: when the QRS complex of each beat begins.
        gains: how strong each beat is.
        times: increasing.
    """
    total = np.zeros((len(times), 3))
    if not waves:
        return total
    at, rise, fall, hold = np.array([(w.at, w.rise, w.fall, w.hold) for w in waves]).T[..., None]
    dipoles = np.array([w.dipole for w in waves])
    around = np.array([(at - _FAR * rise).min(), (at + hold + _FAR * fall).max()])
    for onset, gain in zip(onsets, gains, strict=True):
        here = slice(*np.searchsorted(times, onset + around))
        lag = times[here] - onset - at
        bells = np.exp(-0.5 * ((np.minimum(lag, 0) / rise) ** 2 + (np.maximum(lag - hold, 0) / fall) ** 2))
        total[here] += gain * (bells.T @ dipoles)
    return total
