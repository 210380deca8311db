"""What a model says of the whole test split: a forward pass a note, so that its quality is not that of a few audited notes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from jaxtyping import Bool, Float

from pellucid.audit import shard
from pellucid.crossed import Estimate, Ratio, crossed, estimate, mean_of
from pellucid.datasets.base import Dataset
from pellucid.files import digest
from pellucid.predictor import Predictor, predicted
from pellucid.training.evaluate import average_precision
from pellucid.training.predicting import predict
from pellucid.training.trainable import Trainable


@dataclass(frozen=True, eq=False)
class Predictions:
    """A model on N cases and C labels.

    Attributes:
        patients: whose each case is.
        assigned, gold: the labels that the model assigns, and the right ones.
    """

    patients: Sequence[str]
    probabilities: Float[np.ndarray, "N C"]
    assigned: Bool[np.ndarray, "N C"]
    gold: Bool[np.ndarray, "N C"]


def keep(model: Predictor, dataset: Dataset, path: Path) -> None:
    """Predict the test split and store what came of it, unless that was done."""
    identity = digest(model.fingerprint, dataset.fingerprint, repr(float(model.threshold)))
    if shard.is_whole(path, identity):
        return
    cases = dataset.split("test")
    probabilities, gold = predict(cast(Trainable, model), cases)
    arrays = {"probabilities": probabilities, "assigned": predicted(model, probabilities), "gold": gold}
    shard.write(path, identity, {"patients": [case.patient for case in cases]}, arrays)


def read(path: Path) -> Predictions:
    """What :func:`keep` stored.

    Raises:
        DataError: there is nothing, or it is damaged.
    """
    whole = shard.read(path)
    return Predictions(whole.facts["patients"], *(whole.array(name) for name in ("probabilities", "assigned", "gold")))


def performance(runs: Mapping[int, Predictions]) -> dict[str, Estimate]:
    """How well a strategy codes, over patients and runs: mean average precision over cases (mAP), micro F1, and macro F1 over
    the labels that occur.

    Args:
        runs: the predictions of each training seed, on the same cases.
    """
    patients = np.concatenate([np.asarray(run.patients) for run in runs.values()])
    seeds = np.repeat(list(runs), [len(run.patients) for run in runs.values()])
    ranked = np.concatenate([list(_ranked(run)) for run in runs.values()])
    hits, both = (np.concatenate(parts) for parts in zip(*map(_counts, runs.values()), strict=True))
    return {
        "map": estimate(mean_of(ranked, patients, seeds)),
        "micro_f1": estimate(Ratio(2.0 * hits.sum(1), both.sum(1), patients, seeds)),
        "macro_f1": _macro(list(runs.values()), patients, seeds),
    }


def _ranked(run: Predictions) -> Iterator[float]:
    for row, true in zip(run.probabilities, run.gold, strict=True):
        value = average_precision(row, true)
        yield np.nan if value is None else value


def _counts(run: Predictions) -> tuple[Float[np.ndarray, "N C"], Float[np.ndarray, "N C"]]:
    """Labels rightly assigned, and labels assigned plus right ones."""
    return (run.assigned & run.gold).astype(np.float64), run.assigned.astype(np.float64) + run.gold


def _macro(runs: Sequence[Predictions], patients: np.ndarray, seeds: np.ndarray) -> Estimate:
    """The mean over runs and labels of F1."""
    found = [_macro_of(run) for run in runs]
    value = float(np.mean([of_run for of_run, _ in found]))
    # A case moves the figure of its run; and all cases of a run together carry how far that run is from the others.
    influences = [influence + (of_run - value) / len(influence) for of_run, influence in found]
    return crossed(value, np.concatenate(influences) / len(runs), patients, seeds)


def _macro_of(run: Predictions) -> tuple[float, Float[np.ndarray, " N"]]:
    """Macro F1 of one run, and its derivative with respect to the weight of each case."""
    occurs = run.gold.any(0)
    hits, both = (counts[:, occurs] for counts in _counts(run))
    total = both.sum(0)
    f1 = 2 * hits.sum(0) / total
    return float(f1.mean()), ((2 * hits - f1 * both) / total).mean(1)
