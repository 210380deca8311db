"""The spectrum of a Jacobian: the input patterns of unit norm that move outputs most, and by how much.

`J v = s u`: along v the outputs move by s, in the combination u. Largest first; the first is the slope of the function at this
input, its local Lipschitz constant in L2. Vectors whose values are nearly equal are arbitrary within what they span: there the
subspace is named, by how much of each number of the input lies in it.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from pellucid.errors import PellucidError

ALIKE = 0.01
"""Values that differ by less than this share are not told apart."""


@dataclass(frozen=True, eq=False)
class Spectrum:
    """The largest singular values of a Jacobian, with their patterns.

    Attributes:
        values: largest first; fewer than were asked for where the Jacobian has a lower rank.
        left: combinations of outputs, of unit norm.
        right: patterns of the input; of unit norm where no basis was given, else what the basis makes of unit coordinates.
        coordinates: in the basis, of unit norm; the patterns themselves without one.
        residuals: `sqrt(|J v - s u|^2 + |J^T u - s v|^2) / s` of each, measured afterwards.
        gaps: by how much each value is above the next, as its share; NaN for the last where no next one is known.
        groups: places of values that are not told apart from their neighbours; a vector stands for itself in a group of one.
        total: the Frobenius norm; an estimate where `total_error`, its standard error, is above 0.
        effective_rank: between which bounds `exp(entropy(s^2 / sum s^2))` lies; both alike where all values are known.
        method: how it was found.
        basis: in which patterns were sought; "" for all patterns.
        products: with J or its transpose that it took, those of checks included.
        channels: the axis of the input over which maps are summed; None where there is none.
        notes: what a reader should know before believing it.
    """

    values: Float[Tensor, " k"]
    left: Float[Tensor, "k m"]
    right: Float[Tensor, "k *S"]
    coordinates: Float[Tensor, "k *Z"]
    residuals: Float[Tensor, " k"]
    gaps: Float[Tensor, " k"]
    groups: tuple[tuple[int, ...], ...]
    total: float
    total_error: float
    effective_rank: tuple[float, float]
    method: str
    basis: str
    products: int
    channels: int | None
    notes: tuple[str, ...]

    @property
    def slope(self) -> float:
        """The largest value: the local Lipschitz constant in L2, within the basis if there is one. 0 where there is none."""
        return float(self.values[0]) if len(self.values) else 0.0

    @property
    def stable_rank(self) -> float:
        """`(total / slope)^2`: how many values as large as the first would make up the whole; NaN for a Jacobian of zeros."""
        return (self.total / self.slope) ** 2 if self.slope > 0 else float("nan")

    def pattern(self, place: int) -> Float[Tensor, "*S"]:
        """The pattern of one value, of arbitrary sign.

        Raises:
            PellucidError: there is no such value, or it is not told apart from another one.
        """
        return self.right[self._alone(place)]

    def combination(self, place: int) -> Float[Tensor, " m"]:
        """The combination of outputs that the pattern moves; refused as :meth:`pattern` is."""
        return self.left[self._alone(place)]

    def projector(self, group: int) -> Float[Tensor, "*U"]:
        """Where the patterns of a group lie: `diag(V V^T)`, summed over the channels of each unit.

        Sums to the number of patterns without a basis, and does not depend on how they are chosen within what they span.
        """
        squares = self.right[list(self.groups[group])].double().square().sum(0)
        return squares if self.channels is None else squares.sum(self.channels)

    def _alone(self, place: int) -> int:
        if not 0 <= place < len(self.values):
            raise PellucidError(f"There is no singular value {place}; there are {len(self.values)}, counted from 0.")
        number, group = next((n, g) for n, g in enumerate(self.groups) if place in g)
        last = place == len(self.values) - 1 and float(self.gaps[place]) < ALIKE
        if len(group) > 1 or last:
            raise PellucidError(
                f"Singular value {place} is within 1 % of another one, and its vector is arbitrary; use .projector({number})."
            )
        return place
