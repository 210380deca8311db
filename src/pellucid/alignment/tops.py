"""What a map puts first, as a share of the picture, against the marks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pellucid.metrics.base import Reading
from pellucid.metrics.checked import evidence_of, scores_of
from pellucid.metrics.top import Top, first_places


def at_percent(reading: Reading, percent: int) -> Iterator[tuple[str, float]]:
    """Precision, recall and intersection over union of the marks with the first `percent` % of all pixels, by name.

    Exactly so many pixels count. Where equal scores leave open which, each figure is its expectation over random draws among
    them, so that the plateaus of coarse maps neither win nor lose.

    Raises:
        Undefined: no evidence; no units; a score is not finite.
    """
    scores, truth = scores_of(reading), evidence_of(reading)
    k, marked = max(1, round(len(scores) * percent / 100)), int(truth.sum())
    first = first_places(scores, truth, k)
    yield f"precision_at_{percent}_percent", first.expected / k
    yield f"recall_at_{percent}_percent", first.expected / marked
    yield f"iou_at_{percent}_percent", _iou(first, k, marked)


def _iou(first: Top, k: int, marked: int) -> float:
    from scipy.stats import hypergeom  # here, since it is slow to import

    possible = np.arange(max(0, first.drawn - (first.size - first.hits)), min(first.drawn, first.hits) + 1)
    chances = hypergeom.pmf(possible, first.size, first.hits, first.drawn)
    both = first.sure + possible
    return float((chances * both / (k + marked - both)).sum())
