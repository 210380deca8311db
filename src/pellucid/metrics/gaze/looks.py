"""Fixations on many images as one rectangle of numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from pellucid.errors import DataError


@dataclass(frozen=True, eq=False)
class Looks:
    """Where N images were looked at, and for how long. Rows are filled up with 0 seconds, which count nothing.

    Attributes:
        places: pixel of each fixation, row-major.
        seconds: dwell of each, or any other weight; all 1 where every fixation counts alike.

    Raises:
        DataError: shapes differ; a place is negative; seconds are negative or no finite number.
    """

    places: Int[Tensor, "N F"]
    seconds: Float[Tensor, "N F"]

    def __post_init__(self) -> None:
        if self.places.shape != self.seconds.shape or self.places.dim() != 2:
            places, seconds = tuple(self.places.shape), tuple(self.seconds.shape)
            raise DataError(
                f"Fixations at places of shape {places} have dwell of shape {seconds}; give both as images x fixations."
            )
        if bool((self.places < 0).any()):
            raise DataError("A fixation lies at a negative pixel; leave out fixations off the image.")
        if not bool(((self.seconds >= 0) & torch.isfinite(self.seconds)).all()):
            raise DataError("A fixation lasts a negative or unknown time; leave it out.")

    @classmethod
    def of(cls, looks: Iterable[tuple[Int[np.ndarray, " F"], Float[np.ndarray, " F"]]]) -> Looks:
        """One row for each pair of places and seconds; an image without a fixation gets an empty one."""
        pairs = [(np.asarray(places, dtype=np.int64), np.asarray(seconds, dtype=np.float64)) for places, seconds in looks]
        return cls(*(pad_sequence([torch.from_numpy(part) for part in parts], True) for parts in zip(*pairs, strict=True)))

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, rows: slice) -> Looks:
        return Looks(self.places[rows], self.seconds[rows])

    def check(self, pixels: int) -> None:
        """Refuse a fixation beyond the last pixel.

        Raises:
            DataError: there is one.
        """
        if self.places.numel() and int(self.places.max()) >= pixels:
            raise DataError(f"A fixation lies at pixel {int(self.places.max())} of a map of {pixels}; bring both to one size.")

    def at(self, maps: Float[Tensor, "n U"]) -> Float[Tensor, "n F"]:
        """Values of the maps at the fixations; :meth:`check` says that all lie on them."""
        return maps.gather(1, self.places.expand(len(maps), -1))

    def mean(self, values: Float[Tensor, "n F"]) -> Float[Tensor, " n"]:
        """Mean over fixations weighted by dwell; NaN without a fixation."""
        kept = torch.where(self.seconds > 0, values * self.seconds, 0.0)  # what stands at a filled place may be infinite
        return kept.sum(1) / self.seconds.sum(1)
