"""From densities to the grey values of a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from jaxtyping import UInt8

from pellucid.datasets.phantom.chest.canvas import Plane, smooth_noise
from pellucid.datasets.phantom.dice import Dice


@dataclass(frozen=True)
class Exposure:
    """How one picture was taken.

    Attributes:
        gain: grey values a density.
        black: grey value of nothing.
        gamma: above 1 darkens the middle.
        noise: deviation of the noise in soft tissue, as a share of the grey scale. It grows with the density, since fewer
            photons arrive.
        veil: how strong scattered light is.
        entropy: of the noise.
    """

    gain: float
    black: float
    gamma: float
    noise: float
    veil: float
    entropy: tuple[int, ...]

    def tone(self, density: Plane) -> Plane:
        """Grey values in [0, 1] without noise."""
        return cast(np.ndarray, self.black + self.gain * np.clip(density, 0, 1.05) ** self.gamma)

    def develop(self, density: Plane) -> UInt8[np.ndarray, "H W"]:
        """The picture. A grey value depends on the density at its place alone, so that no finding is felt elsewhere."""
        generator, size = np.random.default_rng(self.entropy), len(density)
        veil = self.veil * smooth_noise(generator, size, 3)
        photons = self.noise * np.exp(0.9 * (density - 0.6)) * generator.standard_normal((size, size))
        grey = self.tone(density) + veil + photons
        return np.clip(np.rint(255 * grey), 0, 255).astype(np.uint8)


def draw_exposure(dice: Dice, entropy: tuple[int, ...]) -> Exposure:
    """How a picture is taken."""
    return Exposure(
        gain=dice.near(0.86, 0.08),
        black=dice.near(0.04, 0.03),
        gamma=dice.near(1.05, 0.22),
        noise=dice.near(0.026, 0.010),
        veil=dice.near(0.016, 0.010),
        entropy=entropy,
    )
