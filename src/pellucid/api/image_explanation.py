"""What a model's explanation of one image says, and how it shows itself."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from pellucid.api.explained import Explained
from pellucid.errors import DataError
from pellucid.imaging import save_png
from pellucid.metrics.base import shares
from pellucid.overlay import data_url, overlay, slice_of
from pellucid.picture import Picture


@dataclass(frozen=True, eq=False)
class ImageExplanation(Explained):
    """Why a model gave an image its labels.

    In a notebook it shows itself as the image, with colour where it points.

    Attributes:
        picture: the image as the model read it.
        notes: what a reader must know: that no label was predicted, that the image was resampled.
        number: what the numbers of `probabilities` are: "probability", or of sentences that were asked "fit", which is no
            probability, but in (0, 1) too.
    """

    picture: Picture
    notes: tuple[str, ...] = ()
    number: str = "probability"

    def map(self, label: str) -> Float[np.ndarray, "*S"]:
        """One score a pixel, as the method gave them, in the shape of :attr:`picture`.

        Raises:
            DataError: the label was not explained.
        """
        return self.scores(label).reshape(self.picture.size)

    def share_inside(self, label: str, mask: object) -> float:
        """The share of the evidence for a label that lies inside a region, in [0, 1]; 0 where no score is positive.

        Args:
            mask: True inside, in the shape of :attr:`picture`.

        Raises:
            DataError: the label was not explained, or the mask has another shape.
        """
        inside = np.asarray(mask, dtype=bool)
        if inside.shape != self.picture.size:
            raise DataError(f"The mask has the shape {inside.shape} and the image {self.picture.size}; resample one of them.")
        return float(shares(self.map(label))[inside].sum())

    def overlay(self, label: str | None = None, *, at: int | None = None) -> UInt8[np.ndarray, "h w 3"]:
        """The image with the explanation of a label over it: orange speaks for the label, blue against it.

        Args:
            label: the most probable explained label if None.
            at: which slice of a volume; the one with the strongest score if None.

        Raises:
            DataError: the label was not explained, or there is no such slice.
        """
        scores = self.map(self.labels[0] if label is None else label)
        if at is not None and (scores.ndim == 2 or not 0 <= at < len(scores)):
            raise DataError(f"The image has no slice {at}; {_slices(scores)}.")
        pixels = self.picture.unit()
        place = slice_of(scores) if at is None else at
        return overlay(pixels, scores) if scores.ndim == 2 else overlay(pixels[place], scores[place])

    def to_png(self, path: Path | str, label: str | None = None) -> Path:
        """Write the overlay of one label (see :meth:`overlay`) as a PNG file, and return its path.

        Raises:
            DataError: the label was not explained.
            StorageError: the file cannot be written.
        """
        save_png(Path(path), self.overlay(label))
        return Path(path)

    def _repr_html_(self) -> str:
        figures = "".join(
            f'<figure style="margin:0 1em 1em 0"><img alt="{escape(label)}" src="{data_url(self.overlay(label))}">'
            f"<figcaption>{escape(label)} {probability:.2f}</figcaption></figure>"
            for label, probability in self.probabilities.items()
        )
        notes = "".join(f"<p>{escape(note)}</p>" for note in self.notes)
        return f'<div style="display:flex;flex-wrap:wrap">{figures}</div><p>{escape(self.method)}</p>{notes}'

    def __repr__(self) -> str:
        size = " x ".join(map(str, self.picture.size))
        return self._in_short(f"Explanation by {self.method} of an image of {size} pixels")


def _slices(scores: Float[np.ndarray, "*S"]) -> str:
    return "it is flat" if scores.ndim == 2 else f"it holds {len(scores)}, counted from 0"
