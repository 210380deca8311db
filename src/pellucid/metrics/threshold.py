"""Which units are shown to the reader, and the threshold that decides it.

A unit is *shown* if its share of the case's positive score is greater than the threshold. A unit without positive score is
never shown, whatever the threshold. The threshold is tuned on validation cases, one for each model and method, then frozen.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from jaxtyping import Bool, Float, Int

from pellucid.metrics.base import Reading, Undefined, shares
from pellucid.metrics.checked import scores_of

NOTHING_SHOWN = 1.0
"""The threshold that no share exceeds."""


def shown_units(share: Float[np.ndarray, " U"], threshold: float) -> Bool[np.ndarray, " U"]:
    """The units whose share is greater than the threshold."""
    return np.asarray(share > threshold)


def shown(reading: Reading) -> Bool[np.ndarray, " U"]:
    """The units of a reading that are shown at its tuned threshold.

    Raises:
        Undefined: no threshold was tuned; no units; a score is not finite.
    """
    if reading.threshold is None:
        raise Undefined("no threshold was tuned")
    return shown_units(shares(scores_of(reading)), reading.threshold)


def tune(rows: Iterable[tuple[Float[np.ndarray, " U"], Bool[np.ndarray, " U"]]]) -> float:
    """The threshold in [0, 1] with the greatest pooled F1, found exactly among all ways of cutting the pooled ranking.

    Pooled F1 is 2 TP / (shown + evidence), counted over the units of all rows. Every distinct positive share is tried, in
    O(n log n). Of equally good cuts the one that shows the fewest units wins. The threshold lies halfway between the lowest
    share that is shown and the next one that is not, as far as can be from units that rounding on another machine could move.

    Args:
        rows: shares of positive score (:func:`pellucid.metrics.base.shares`) and marked units, one pair an explanation.

    Returns:
        The threshold; 1.0 (nothing is shown) where no positive share meets evidence, and where there are no rows.
    """
    values, hits, evidence = _pool(rows)
    if not hits.any():
        return NOTHING_SHOWN
    order = np.argsort(-values, kind="stable")
    values, found = values[order], np.cumsum(hits[order])
    last = _cuts(values)
    f1 = 2.0 * found[last] / (last + 1 + evidence)
    return _below(values, int(last[int(np.argmax(f1))]))  # the first maximum shows the fewest units


def tune_length(rows: Iterable[tuple[Float[np.ndarray, " U"], Bool[np.ndarray, " U"]]], units: int) -> float:
    """The threshold in [0, 1] at which an explanation shows `units` units on average, as nearly as its scores allow.

    Equal shares are shown together or not at all, so a method with large blocks of equal scores may miss the mean by far. Of
    two cuts that are equally near, the one that shows fewer units wins.

    Args:
        rows: as in :func:`tune`; the marked units play no part.
        units: how many units are to be shown of each row, on average.

    Returns:
        The threshold; 1.0 (nothing is shown) where no score is positive, or nothing at all is nearest to what was asked.
    """
    pairs = [(share, truth) for share, truth in rows]
    values = np.sort(_pool(pairs)[0])[::-1]
    last = np.append(-1, _cuts(values)) if len(values) else np.array([-1])
    best = int(last[int(np.argmin(np.abs(last + 1 - units * len(pairs))))])
    return NOTHING_SHOWN if best < 0 else _below(values, best)


def _cuts(values: Float[np.ndarray, " N"]) -> Int[np.ndarray, " B"]:
    """The last place of each block of equal values, descending: a cut may not divide equal shares."""
    return np.flatnonzero(np.append(values[1:] < values[:-1], True))


def _below(values: Float[np.ndarray, " N"], place: int) -> float:
    """A threshold that the values up to `place` exceed, and no other."""
    return _between(float(values[place + 1]) if place + 1 < len(values) else 0.0, float(values[place]))


def _pool(
    rows: Iterable[tuple[Float[np.ndarray, " U"], Bool[np.ndarray, " U"]]],
) -> tuple[Float[np.ndarray, " N"], Bool[np.ndarray, " N"], int]:
    """Positive shares of all rows, whether each is evidence, and the number of evidence units (shown or not)."""
    values, hits, evidence = [np.zeros(0)], [np.zeros(0, dtype=bool)], 0
    for share, truth in rows:
        positive = share > 0.0
        values.append(np.asarray(share, dtype=np.float64)[positive])
        hits.append(np.asarray(truth, dtype=bool)[positive])
        evidence += int(np.sum(truth))
    return np.concatenate(values), np.concatenate(hits), evidence


def _between(low: float, high: float) -> float:
    """A number of [low, high), the middle unless the two are neighbours."""
    middle = low + (high - low) / 2
    return middle if middle < high else low
