"""Readings for the tests of plausibility: short texts of known words with scores, evidence and a threshold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from pellucid.metrics.base import Reading
from pellucid.units import words


def reading(
    scores: Sequence[float] | np.ndarray,
    truth: Sequence[int] | None = None,
    threshold: float | None = None,
    text: str | None = None,
) -> Reading:
    """A reading over as many words as there are scores; `truth` holds one 0 or 1 a word."""
    values = np.asarray(scores, dtype=np.float64)
    units = words(" ".join(f"w{i}" for i in range(len(values))) if text is None else text)
    assert len(units) == len(values)
    return Reading(
        values, signed=True, units=units, truth=None if truth is None else np.array(truth, dtype=bool), threshold=threshold
    )


def shown_as(shown: Sequence[int], truth: Sequence[int]) -> Reading:
    """A reading in which exactly the units of `shown` are shown."""
    return reading(np.asarray(shown, dtype=np.float64), truth, threshold=0.0)


@st.composite
def marked_scores(draw: st.DrawFn, least: int = 1, most: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Scores with many ties, of both signs and possibly all zero, and evidence of at least one unit."""
    size = draw(st.integers(least, most))
    scores = draw(st.lists(st.integers(-4, 8), min_size=size, max_size=size))
    truth = draw(st.lists(st.booleans(), min_size=size, max_size=size))
    truth[draw(st.integers(0, size - 1))] = True
    return np.array(scores, dtype=np.float64) / 8, np.array(truth)


# No share of scores in eighths over at most 40 units equals one of these, so that rounding decides nothing.
THRESHOLDS = st.sampled_from([0.0, 0.0123456789, 0.0567891234, 0.2345678912])
