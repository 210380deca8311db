"""How much is gathered of one case."""

from __future__ import annotations

from dataclasses import dataclass

from pellucid.errors import PellucidError
from pellucid.jacobians.certificates.gathering import METHODS


@dataclass(frozen=True)
class PbxSettings:
    """What a reading of one case asks.

    Attributes:
        directions: families, groups or single directions by name; empty for all that the case offers.
        certificates: some of `pellucid.jacobians.certificates.METHODS`; those that are cheap by default.
        patterns: most sensitive patterns that are sought.
        noise: standard deviation of the input's noise, in its unit, where the case does not know its own imprecision; None
            where nobody knows.
        window: Hounsfield units (centre, width) that black to white of an image stand for.
        samples: noisy versions behind error bars and randomised smoothing.
        seed: of all that is drawn.

    Raises:
        PellucidError: a field holds what it cannot hold.
    """

    directions: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ("first_order", "attack", "smoothing")
    patterns: int = 3
    noise: float | None = None
    window: tuple[float, float] | None = None
    samples: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        if unknown := set(self.certificates) - set(METHODS):
            raise PellucidError(f"There is no certificate {min(unknown)!r}; use {', '.join(METHODS)}.")
        if self.patterns < 1 or self.samples < 2:
            raise PellucidError("A reading needs 1 pattern or more, and 2 samples or more.")
        if self.noise is not None and not self.noise > 0:
            raise PellucidError(f"A noise of {self.noise} is none; give a standard deviation above 0, or leave it out.")
