"""How well the model itself does, case by case: an explanation is of this model, right or wrong."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float

from pellucid.case import Case
from pellucid.finding import Finding
from pellucid.training.evaluate import average_precision

AVERAGE_PRECISION = "model_average_precision"
COUNTS = ("model_true_positives", "model_false_positives", "model_false_negatives")


def performance_of(
    case: Case, given: Float[np.ndarray, " C"], gold: Bool[np.ndarray, " C"], assigned: Bool[np.ndarray, " C"], seed: int
) -> Iterator[Finding]:
    """Findings about the model on one case.

    The average precision is that of the case's ranking of labels (its mean over cases is the mAP of the coding literature); it
    is NaN where the case has no label that the model knows. The counts are over the labels that the model assigns; their sums
    give micro precision, recall and F1.
    """
    counts = (gold & assigned).sum(), (~gold & assigned).sum(), (gold & ~assigned).sum()
    ranking = average_precision(given, gold)
    value, note = (np.nan, "the case has no label that the model knows") if ranking is None else (ranking, "")
    yield Finding(case.id, case.patient, "", "", "", AVERAGE_PRECISION, "", value, seed, note)
    for name, count in zip(COUNTS, counts, strict=True):
        yield Finding(case.id, case.patient, "", "", "", name, "", float(count), seed)
