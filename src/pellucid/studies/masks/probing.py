"""What an audit does not ask: seconds an image, and how much is marked for findings that an image does not show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from time import perf_counter
from typing import Any

import torch

from pellucid import registry
from pellucid.audit.lineup import Chosen, assemble
from pellucid.case import Case
from pellucid.datasets.base import Dataset
from pellucid.explainers.base import Explainer
from pellucid.files import read_json, write_json
from pellucid.predictor import Predictor, predicted
from pellucid.studies.masks.study import OURS, Folders, MaskStudy
from pellucid.target import Target

REPEATS = 3


def probe(study: MaskStudy, model: Predictor, dataset: Dataset, folders: Folders, seed: int) -> None:
    """Measure and write: seconds of each method on one image and one target, seconds that training the mask network took, and
    the mean of its masks for labels that an image has not and the model does not see there."""
    cases = list(Chosen(dataset.split("test"), study.timed, study.plan.seed))
    methods = assemble(model, dataset, study.plan).explainers
    absent = marked_for_absent(model, Chosen(dataset.split("test"), study.plan.cases, study.plan.seed))
    pace = folders.pace(seed, OURS)
    write_json(
        folders.probe(seed),
        {
            "seconds": {name: seconds(method, model, cases) for name, method in methods.items()},
            "forward": _median(lambda case: model.probabilities(model.encode([case])), cases, model),
            "absent": absent,
            "training_seconds": read_json(pace)["seconds"] if pace.is_file() else None,
            "device": str(getattr(model, "device", "cpu")),
            "threads": torch.get_num_threads(),
        },
    )


def seconds(method: Explainer, model: Predictor, cases: Sequence[Case]) -> float:
    """Median seconds of one explanation of the first label, encoding included, after one that is not counted.

    Nothing is shared between repeats: each has a batch of its own.
    """
    target = [Target.label(model.labels[0])]
    return _median(lambda case: method(model, model.encode([case]), target), cases, model)


def marked_for_absent(model: Predictor, cases: Sequence[Case]) -> list[list[Any]]:
    """[patient, mean of the mask] for each label that a case has not and that the model does not predict."""
    method: Explainer = registry.explainers.create(OURS)
    found: list[list[Any]] = []
    for case in cases:
        batch = model.encode([case])
        given = model.probabilities(batch)[0]
        assigned = predicted(model, given)
        absent = [
            Target.label(label)
            for label, seen in zip(model.labels, assigned, strict=True)
            if label not in case.labels and not seen
        ]
        if absent:
            found += [[case.patient, float(row.mean())] for row in method(model, batch, absent)[0].scores]
    return found


def _median(work: Callable[[Case], object], cases: Sequence[Case], model: Predictor) -> float:
    work(cases[0])
    spent = []
    for case in [case for _ in range(REPEATS) for case in cases]:
        _wait(model)
        start = perf_counter()
        work(case)
        _wait(model)
        spent.append(perf_counter() - start)
    return median(spent)


def _wait(model: Predictor) -> None:
    """Until a GPU has done what it was asked; without that, clocks measure the asking."""
    if str(getattr(model, "device", "cpu")).startswith("cuda"):
        torch.cuda.synchronize()
