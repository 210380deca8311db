"""Which labels of a case are explained, and what the model made of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from pellucid.case import Case
from pellucid.files import digest

TRUE_POSITIVE, FALSE_POSITIVE, FALSE_NEGATIVE = "true positive", "false positive", "false negative"
STRATA = (TRUE_POSITIVE, FALSE_POSITIVE, FALSE_NEGATIVE)


@dataclass(frozen=True)
class Aim:
    """One label of one case that will be explained.

    Attributes:
        label: its name.
        stratum: "true positive" (gold and predicted), "false positive" (predicted only) or "false negative" (gold only).
        probability: what the model gives it on the whole case.
    """

    label: str
    stratum: str
    probability: float


def aims(
    case: Case,
    given: Float[np.ndarray, " C"],
    assigned: Bool[np.ndarray, " C"],
    labels: Sequence[str],
    most: int | None,
    seed: int,
) -> list[Aim]:
    """Gold and predicted labels of a case, in the order of the model's labels; empty if there are none.

    Gold labels that the model does not know cannot be explained and are left out.

    Args:
        given: the model's probabilities.
        assigned: the labels that the model predicts (:func:`pellucid.predictor.predicted`).
        most: draw at most so many labels, by a rule that depends on `seed`, the case and the label alone.
    """
    found = []
    for label, p, predicted in zip(labels, given.tolist(), assigned.tolist(), strict=True):
        gold = label in case.labels
        if gold or predicted:
            stratum = (TRUE_POSITIVE if predicted else FALSE_NEGATIVE) if gold else FALSE_POSITIVE
            found.append(Aim(label, stratum, p))
    if most is None or len(found) <= most:
        return found
    drawn = sorted(found, key=lambda aim: digest(str(seed), case.id, aim.label))[:most]
    return [aim for aim in found if aim in drawn]
