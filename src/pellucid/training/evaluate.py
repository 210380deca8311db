"""How well a model codes: ranking, decisions, calibration; and the threshold that decides best.

All sums are in float64. Ties in probability are one step of a ranking, so that no figure depends on the order of cases or
labels; values agree with scikit-learn where it has the metric. A figure that is undefined is None.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from scipy.stats import rankdata

from pellucid.errors import PellucidError

Performance = dict[str, float | int | None]


def performance(
    probabilities: Float[np.ndarray, "N C"], truth: Bool[np.ndarray, "N C"], assigned: Bool[np.ndarray, "N C"]
) -> Performance:
    """Figures of a model on N cases and C labels.

    Args:
        probabilities: in [0, 1].
        truth: which labels each case has.
        assigned: which labels the model gives each case (:func:`pellucid.predictor.predicted`).

    Returns:
        `map`: mean over cases of the average precision of the ranked labels (cases without labels are left out), as in
        Edin et al. 2024; `label_map`: mean over labels of the average precision of the ranked cases;
        `micro_precision`, `micro_recall`, `micro_f1`: over all pairs of case and label; `macro_f1`: mean over labels;
        `accuracy`: share of cases that are given exactly their labels;
        `micro_auroc`, `macro_auroc`; `brier`: mean squared error of the probabilities;
        `cases`, `cases_without_labels`, `labels`, `labels_present`: counts.
        Means over labels are over labels that occur; the AUROC of a label also needs a case without it.
        Precision and F1 are 0 where nothing is predicted; figures that need a positive (or, for AUROC, a negative) that
        does not exist are None.

    Raises:
        PellucidError: a probability is not a number.
    """
    p, t = np.asarray(probabilities, dtype=np.float64), np.asarray(truth, dtype=bool)
    if not np.isfinite(p).all():
        raise PellucidError("The model gives probabilities that are not numbers; train it again with a lower learning rate.")
    present = t.any(0)
    return {
        "map": _mean([average_precision(row, true) for row, true in zip(p, t, strict=True)]),
        "label_map": _mean([average_precision(row, true) for row, true in zip(p.T, t.T, strict=True)]),
        **_decisions(np.asarray(assigned, dtype=bool), t),
        "micro_auroc": auroc(p.ravel(), t.ravel()),
        "macro_auroc": _mean([auroc(row, true) for row, true in zip(p.T, t.T, strict=True)]),
        "brier": float(np.mean((p - t) ** 2)) if p.size else None,
        "cases": len(t),
        "cases_without_labels": int((~t.any(1)).sum()),
        "labels": t.shape[1],
        "labels_present": int(present.sum()),
    }


def best_threshold(probabilities: Float[np.ndarray, "N C"], truth: Bool[np.ndarray, "N C"]) -> float:
    """The threshold with the highest micro F1, exact over all that can be told apart.

    Of equal ones the highest; it lies half-way between the last probability accepted and the first refused.

    Raises:
        PellucidError: no case has any label.
    """
    p, t = np.asarray(probabilities, dtype=np.float64).ravel(), np.asarray(truth, dtype=bool).ravel()
    if not t.any():
        raise PellucidError("A threshold cannot be tuned on cases without any label; choose another validation split.")
    values, accepted, hits = _steps(p, t)
    f1 = np.where(values > 0, 2 * hits / (accepted + t.sum()), -1.0)  # no threshold from 0 upwards accepts a probability of 0
    best = int(np.argmax(f1))
    upper, lower = values[best], values[best + 1] if best + 1 < len(values) else 0.0
    middle = lower + (upper - lower) / 2
    return float(middle if middle < upper else lower)


def average_precision(scores: Float[np.ndarray, " N"], truth: Bool[np.ndarray, " N"]) -> float | None:
    """Sum over distinct scores of precision times the recall gained; None without a positive."""
    if not truth.any():
        return None
    _, accepted, hits = _steps(scores, truth)
    gained = np.diff(hits, prepend=0)
    return float((hits / accepted * gained).sum() / truth.sum())


def auroc(scores: Float[np.ndarray, " N"], truth: Bool[np.ndarray, " N"]) -> float | None:
    """Probability that a positive outranks a negative, ties counting half; None without a positive or a negative."""
    positives, negatives = int(truth.sum()), int((~truth).sum())
    if not positives or not negatives:
        return None
    surplus = rankdata(scores)[truth].sum() - positives * (positives + 1) / 2
    return float(surplus / (positives * negatives))


def _steps(
    scores: Float[np.ndarray, " N"], truth: Bool[np.ndarray, " N"]
) -> tuple[Float[np.ndarray, " S"], Float[np.ndarray, " S"], Float[np.ndarray, " S"]]:
    """Distinct scores in descending order; how many items, and how many positives, have at least each."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    last = np.flatnonzero(np.r_[ranked[1:] != ranked[:-1], True])
    hits = np.cumsum(truth[order], dtype=np.float64)
    return ranked[last], last + 1.0, hits[last]


def _decisions(predicted: Bool[np.ndarray, "N C"], truth: Bool[np.ndarray, "N C"]) -> Performance:
    hits = (predicted & truth).sum(0)
    both = predicted.sum(0) + truth.sum(0)
    present = truth.any(0)
    return {
        "accuracy": _ratio((predicted == truth).all(1).sum(), len(truth), empty=None),
        "micro_precision": _ratio(hits.sum(), predicted.sum(), empty=0.0 if present.any() else None),
        "micro_recall": _ratio(hits.sum(), truth.sum(), empty=None),
        "micro_f1": _ratio(2 * hits.sum(), both.sum(), empty=None) if present.any() else None,
        "macro_f1": float((2 * hits[present] / both[present]).mean()) if present.any() else None,
    }


def _ratio(a: float, b: float, *, empty: float | None) -> float | None:
    return float(a / b) if b else empty


def _mean(values: list[float | None]) -> float | None:
    defined = [v for v in values if v is not None]
    return float(np.mean(defined)) if defined else None
