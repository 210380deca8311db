"""Who is judged by what: the plan's names made into explainers and metrics, and what had to be left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np

from pellucid import registry
from pellucid.audit.plan import Plan
from pellucid.case import Case
from pellucid.datasets.base import Dataset
from pellucid.errors import DataError
from pellucid.explainers.base import Explainer, Fittable, refusals_when_tried
from pellucid.metrics.base import Metric
from pellucid.predictor import Predictor

BASELINES = ("random", "uniform", "prior", "random_smooth", "centre_prior", "edges", "lungs")
"""Explainers that know nothing of what the model does with the case. Every other method should beat them."""


@dataclass(frozen=True)
class Skipped:
    """Something of the plan that was not measured.

    Attributes:
        kind: "explainer" or "metric".
        name: its registered name.
        reason: why, in one clause.
    """

    kind: str
    name: str
    reason: str


@dataclass(frozen=True)
class Lineup:
    """The explainers and metrics of an audit, by name and in the plan's order."""

    explainers: Mapping[str, Explainer]
    metrics: Mapping[str, Metric]
    skipped: tuple[Skipped, ...]

    def needs(self, need: str) -> bool:
        """Whether any metric needs that."""
        return any(need in metric.needs for metric in self.metrics.values())


class Chosen(Sequence[Case]):
    """Some cases of a sequence, each read when it is asked for.

    Args:
        cases: what is chosen from.
        most: draw at most so many without replacement; None for all. The order of the sequence is kept.
        seed: of the draw.
    """

    def __init__(self, cases: Sequence[Case], most: int | None, seed: int) -> None:
        self._cases = cases
        indices = np.arange(len(cases))
        if most is not None and most < len(cases):
            indices = np.sort(np.random.default_rng(seed).permutation(len(cases))[:most])
        self._indices: list[int] = indices.tolist()

    def __len__(self) -> int:
        return len(self._indices)

    @overload
    def __getitem__(self, index: int) -> Case: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Case]: ...
    def __getitem__(self, index: int | slice) -> Case | Sequence[Case]:
        if isinstance(index, slice):
            return [self._cases[i] for i in self._indices[index]]
        return self._cases[self._indices[index]]

    def __iter__(self) -> Iterator[Case]:
        return (self._cases[i] for i in self._indices)


def assemble(predictor: Predictor, dataset: Dataset, plan: Plan) -> Lineup:
    """Make the plan's explainers and metrics; leave out, with the reason, what this model or data set cannot serve.

    Raises:
        UnknownNameError: a name is not registered.
    """
    explainers: dict[str, Explainer] = {}
    skipped: list[Skipped] = []
    for name in plan.explainers:
        explainer = registry.explainers.create(name)
        missing = refusals_when_tried(predictor, explainer)
        if missing:
            skipped.append(Skipped("explainer", name, f"it needs a model with {missing[0]}"))
        elif not isinstance(explainer, Fittable):
            explainers[name] = explainer
        else:
            fitted = _fit(explainer, dataset, plan)
            if isinstance(fitted, str):
                skipped.append(Skipped("explainer", name, fitted))
            else:
                explainers[name] = fitted
    metrics = {name: registry.metrics.create(name) for name in plan.metrics}
    return Lineup(explainers, metrics, tuple(skipped))


def _fit(explainer: Fittable, dataset: Dataset, plan: Plan) -> Explainer | str:
    """The explainer that has seen training cases, or why it cannot learn from them."""
    cases = Chosen(dataset.split("train"), plan.fit_cases, plan.seed)
    if not cases:
        return "it learns from training cases, and the data set has none"
    try:
        return explainer.fit(cases)  # type: ignore[return-value]  # a Fittable of the registry is an Explainer
    except DataError as error:
        return f"it could not learn from the training cases: {error}"
