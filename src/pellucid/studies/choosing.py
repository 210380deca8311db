"""Beating AttInGrad: one combination is chosen on validation cases, and only that one is tested on test cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from pellucid.audit.lineup import BASELINES
from pellucid.audit.models import Models, Side
from pellucid.errors import PellucidError
from pellucid.studies.comparing import OURS, Question
from pellucid.studies.study import BASE, CHOOSING, is_supervised


@dataclass(frozen=True)
class Candidate:
    """A strategy with a method, and what validation says of it.

    Attributes:
        figures: means of what decides, in the order of :data:`~pellucid.studies.study.CHOOSING`.
        rank: mean of its ranks by each figure; 1 is best, equal ones share a rank.
    """

    side: Side
    figures: tuple[float, ...]
    rank: float


def candidates(models: Models) -> list[Side]:
    """Every method that looks at the model, on every strategy that saw no evidence."""
    methods = [name for name in models.methods if name not in BASELINES]
    return [Side(name, method) for name in models.names if not is_supervised(name) for method in methods]


def choose_on_validation(models: Models, among: Sequence[Side]) -> list[Candidate]:
    """The candidates, the best first: by the mean rank of average precision and NAOPC comprehensiveness, then by the first.

    Candidates without a figure are left out.

    Raises:
        PellucidError: the audits are not of validation cases.
    """
    if models.plan.split != "validation":
        raise PellucidError(f"A method is chosen on validation cases, not on the split {models.plan.split!r}.")
    figures = {side: tuple(models.figure(side, metric).value for metric in CHOOSING) for side in among}
    figures = {side: row for side, row in figures.items() if not np.isnan(row).any()}
    if not figures:
        return []
    ranks = np.mean([rankdata([-value for value in column]) for column in zip(*figures.values(), strict=True)], axis=0)
    found = [Candidate(side, row, float(rank)) for (side, row), rank in zip(figures.items(), ranks, strict=True)]
    return sorted(found, key=lambda c: (c.rank, -c.figures[0], c.side))


def question_of(chosen: Side, names: Sequence[str]) -> Question | None:
    """What is asked of the chosen combination on test cases: against AttInGrad on the plain strategy, and on its own.

    All of it is one family of tests. None where the chosen one is AttInGrad on the plain strategy.
    """
    rivals = [Side(name, OURS) for name in dict.fromkeys((BASE, chosen.model)) if name in names]
    pairs = tuple((chosen, rival) for rival in rivals if rival != chosen)
    claim = f"{chosen}, chosen on validation, is better than {OURS}."
    return Question(f"chosen v {OURS}", claim, pairs, CHOOSING) if pairs else None
