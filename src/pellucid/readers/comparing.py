"""Do readers prefer one model to another? Pairs on the same items, resampled and ranked by image or patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from pellucid.readers.ratings import Rating, asked, means, models
from pellucid.statistics import Interval, bootstrap_mean, holm

NAN = float("nan")


@dataclass(frozen=True)
class Comparison:
    """One model against another in one question, on the items that both were rated on.

    Attributes:
        model, other: what is compared with what.
        difference: mean level of `model` less that of `other` (both means over readers), with its interval over clusters.
        wins, ties, losses: items on which `model` was rated higher, alike, lower.
        p: two-sided, Wilcoxon's signed ranks of the mean difference of each cluster, zeros left out; 1 where all are zero, NaN
            without a pair.
        p_holm: the same, adjusted for all comparisons made together; NaN for one made alone.
    """

    model: str
    other: str
    question: str
    difference: Interval
    wins: int
    ties: int
    losses: int
    p: float
    p_holm: float = NAN


def compared(
    ratings: Sequence[Rating], question: str, model: str, other: str, *, draws: int = 2000, seed: int = 0
) -> Comparison:
    """One model against another.

    Raises:
        DataError: as :func:`pellucid.readers.ratings.asked`.
    """
    table, groups = means(asked(ratings, question), (model, other))
    differences = table[:, 0] - table[:, 1]
    known = differences[~np.isnan(differences)]
    # Means over readers may differ in their last bits where they are equal on paper.
    sign = np.where(np.abs(known) < 1e-9, 0.0, np.sign(known))
    interval = bootstrap_mean(differences, groups, draws=draws, seed=seed)
    wins, ties, losses = (int((sign == s).sum()) for s in (1, 0, -1))
    return Comparison(model, other, question, interval, wins, ties, losses, _wilcoxon(_by_group(differences, groups)))


def against(ratings: Sequence[Rating], question: str, baseline: str, *, draws: int = 2000, seed: int = 0) -> list[Comparison]:
    """Every other model against the baseline, adjusted by Holm for all of them.

    Raises:
        DataError: as :func:`pellucid.readers.ratings.asked`.
    """
    others = [model for model in models(asked(ratings, question)) if model != baseline]
    found = [compared(ratings, question, model, baseline, draws=draws, seed=seed) for model in others]
    return [replace(one, p_holm=float(p)) for one, p in zip(found, holm([one.p for one in found]), strict=True)]


def friedman(ratings: Sequence[Rating], question: str) -> float:
    """p-value of all models being rated alike, by Friedman's ranks within clusters that have every model.

    Returns:
        NaN with fewer than three models or two clusters; 1 where no cluster tells any two models apart.

    Raises:
        DataError: as :func:`pellucid.readers.ratings.asked`.
    """
    from scipy.stats import friedmanchisquare

    found = asked(ratings, question)
    table, groups = means(found, models(found))
    whole = ~np.isnan(table).any(axis=1)
    blocks = _by_group(table[whole], [group for group, kept in zip(groups, whole, strict=True) if kept])
    if blocks.shape[0] < 2 or blocks.shape[1] < 3:
        return NAN
    if (np.ptp(blocks, axis=1) < 1e-9).all():
        return 1.0
    return float(friedmanchisquare(*blocks.T.round(9)).pvalue)


def _by_group(values: Float[np.ndarray, "I *M"], groups: Sequence[str]) -> Float[np.ndarray, "G *M"]:
    """Mean of the rows of each group: two sentences of one image are no independent pairs. Rows with NaN are left out."""
    known = ~np.isnan(values).reshape(len(values), -1).any(axis=1)
    names, row = np.unique(np.asarray(groups, dtype=str)[known], return_inverse=True)
    sums = np.zeros((len(names), *values.shape[1:]))
    np.add.at(sums, row, values[known])
    return np.asarray(sums / np.bincount(row, minlength=len(names)).reshape(-1, *[1] * (values.ndim - 1)))


def _wilcoxon(differences: Float[np.ndarray, " G"]) -> float:
    from scipy.stats import wilcoxon

    if not len(differences):
        return NAN
    rounded = differences.round(9)
    return float(wilcoxon(rounded).pvalue) if rounded.any() else 1.0
