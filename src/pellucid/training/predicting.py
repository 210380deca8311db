"""What a model in training says of cases, and what is true of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from pellucid.case import Case
from pellucid.errors import DataError
from pellucid.predictor import Batch
from pellucid.training.trainable import Trainable


class OutputError(DataError):
    """What a model says of a case is no number."""


def true_labels(cases: Sequence[Case], labels: Sequence[str]) -> Bool[np.ndarray, "B C"]:
    """Which labels each case has.

    Raises:
        DataError: a case has a label that is not among `labels`.
    """
    column = {label: j for j, label in enumerate(labels)}
    truth = np.zeros((len(cases), len(labels)), dtype=bool)
    for row, case in enumerate(cases):
        for label in case.labels:
            if label not in column:
                raise DataError(f"Case {case.id} has the label {label!r}, which the data set does not list; prepare it again.")
            truth[row, column[label]] = True
    return truth


def predict(
    model: Trainable, cases: Sequence[Case], *, at_once: int = 8
) -> tuple[Float[np.ndarray, "N C"], Bool[np.ndarray, "N C"]]:
    """Probabilities of the labels, and which are true. The model is left in evaluation mode.

    Raises:
        OutputError: the model refuses to give what is no number; others give it.
    """
    model.module.eval()
    blocks = [[cases[i] for i in range(start, min(start + at_once, len(cases)))] for start in range(0, len(cases), at_once)]
    probabilities = [_said(model, model.encode(block)) for block in blocks]
    return np.concatenate(probabilities), np.concatenate([true_labels(block, model.labels) for block in blocks])


def _said(model: Trainable, batch: Batch) -> Float[np.ndarray, "B C"]:
    """Probabilities of cases that could be read: what is wrong with them is wrong with the model."""
    try:
        return model.probabilities(batch)
    except DataError as error:
        raise OutputError(str(error)) from error
