"""Equal scores: are precision, recall and intersection over union taken of the same pixels, and of so many as are asked for?"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Bool, Float

from pellucid.alignment.checks.base import Tally, check

Scores = Float[np.ndarray, " U"]
Truth = Bool[np.ndarray, " U"]
AtShare = Callable[[Scores, Truth, float], float]
"""A figure of the map's first pixels, given scores, marked pixels and the share of pixels that is shown."""
_SIDE, _CELL = 20, 5
_SLACK = 0.01  # of an intersection over union, for expectations over random draws among ties
_MANY = "more pixels count as shown than the share asked for; count exactly so many, and share ties"
_HIGH = "recall is higher than so few pixels can reach; count exactly so many, and share ties"
_UNLIKE = "intersection over union is taken of other pixels than precision; use one rule for ties"
_SOME = "some figures refuse a map that others judge; refuse together"


@check("inconsistent_ties", "all figures of the first pixels are of the same pixels, and of as many as asked for")
def inconsistent_ties(
    precision: AtShare, recall: AtShare, iou: AtShare, percents: tuple[float, ...] = (5, 10, 20, 30)
) -> Tally:
    """Whether equal scores are cut differently by different figures (`>=` here, `>` there), on maps with plateaus.

    With m pixels asked for and T marked, recall x T / precision is how many were shown: m, give or take one. Recall is at most
    m / T, and the intersection over union follows from both. A figure may break ties by order or by draws, or be the
    expectation over draws. NaN says that a figure refuses a map.

    Args:
        percents: shares of the pixels to ask for; the callables get them as shares of 1.
    """
    tally = Tally()
    for scores, truth in _maps():
        for percent in percents:
            given = [float(figure(scores.copy(), truth.copy(), percent / 100)) for figure in (precision, recall, iou)]
            if any(map(math.isnan, given)):
                tally.expect(all(map(math.isnan, given)), _SOME)
            else:
                _judge(tally, given, round(percent / 100 * len(scores)), int(truth.sum()))
    return tally


def _judge(tally: Tally, given: list[float], shown: int, marked: int) -> None:
    precision, recall, iou = given
    hits = recall * marked
    if precision > 0 or recall > 0:
        counted = hits / precision if precision > 0 else math.inf
        tally.expect(abs(counted - shown) <= 1 + 1e-6, _MANY)
    tally.expect(hits <= shown + 1 + 1e-6, _HIGH)
    low, high = (_iou(min(max(hits + off, 0), marked, shown), shown, marked) for off in (-1, 1))
    tally.expect(low - _SLACK <= iou <= high + _SLACK, _UNLIKE)


def _iou(hits: float, shown: int, marked: int) -> float:
    return hits / (shown + marked - hits)


def _maps() -> Iterator[tuple[Scores, Truth]]:
    """Maps without ties, of coarse cells, of few levels, and of one; the marks cover 40 % of the pixels."""
    rng = np.random.default_rng(0)
    units, cells = _SIDE * _SIDE, (_SIDE // _CELL) ** 2
    coarse = np.kron(rng.permutation(cells).reshape(_SIDE // _CELL, -1), np.ones((_CELL, _CELL))).ravel()
    plateau = np.where(np.arange(units) % 5 < 3, 1.0, 0.0)
    peaks = plateau.copy()
    peaks[rng.permutation(units)[:8]] = 2.0 + np.arange(8)
    for scores in (rng.permutation(units).astype(np.float64), coarse, plateau, peaks, np.ones(units)):
        truth = np.zeros(units, dtype=bool)
        truth[rng.permutation(units)[: units * 2 // 5]] = True
        yield scores, truth
