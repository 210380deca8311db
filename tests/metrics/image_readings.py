"""Readings for the tests of metrics of images: small maps with evidence."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from pellucid.metrics.base import Reading
from pellucid.units import PixelUnits


def reading(scores: Any, truth: Any = None, threshold: float | None = None, **more: Any) -> Reading:
    """A reading over the pixels of an image, or of a volume, of the shape of `scores`."""
    image = np.asarray(scores, dtype=np.float64)
    marked = None if truth is None else np.asarray(truth, dtype=bool).ravel()
    return Reading(image.ravel(), signed=True, units=PixelUnits.of(image.shape), truth=marked, threshold=threshold, **more)


@st.composite
def marked_images(draw: st.DrawFn, most: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Scores with many ties, of both signs and possibly all zero, and evidence of at least one pixel."""
    shape = draw(st.tuples(st.integers(1, most), st.integers(1, most)))
    size = shape[0] * shape[1]
    scores = draw(st.lists(st.integers(-4, 8), min_size=size, max_size=size))
    truth = draw(st.lists(st.booleans(), min_size=size, max_size=size))
    truth[draw(st.integers(0, size - 1))] = True
    return np.array(scores, dtype=np.float64).reshape(shape) / 8, np.array(truth).reshape(shape)


def drawn(side: int, seed: int = 0, share: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """A random map without ties, and random evidence of about that share."""
    random = np.random.default_rng(seed)
    return random.normal(size=(side, side)), random.random((side, side)) < share
