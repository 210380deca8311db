"""What the model says when parts of a case are taken away: the sweep, the orders and the interventions with one filler."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from pellucid.attribution import Attribution
from pellucid.audit.explaining import stacked
from pellucid.audit.judging import CHANCE, HUMAN, judge, reading_of, readings
from pellucid.audit.view import Job, View
from pellucid.finding import Finding
from pellucid.metrics.base import PERTURBED, Curves, Orders, Reading, Subsets
from pellucid.metrics.interventions import Interventions, interventions
from pellucid.metrics.orders import orders_with_cost
from pellucid.metrics.subsets import subsets
from pellucid.metrics.sweep import sweep_with_cost
from pellucid.predictor import Filler


@dataclass(eq=False)
class Perturbed:
    """What was measured with one filler, as far as a metric needs it.

    Attributes:
        curves, orders: by explainer, one a target.
        interventions: one a target, None where nothing is marked.
        subsets: random removals, one a target.
        costs: what each part took.
    """

    curves: Mapping[str, list[Curves]] = field(default_factory=dict)
    orders: Mapping[str, list[Orders]] = field(default_factory=dict)
    interventions: list[Interventions | None] = field(default_factory=list)
    subsets: list[Subsets] = field(default_factory=list)
    costs: dict[str, Any] = field(default_factory=dict)


def perturb(job: Job, view: View, said: Mapping[str, Attribution], filler: Filler) -> Perturbed:
    """Ask the model about perturbed versions of the case."""
    about, plan = (job.predictor, view.batch, view.targets, view.units), job.plan
    result = Perturbed()
    if job.lineup.needs("curves"):
        result.curves, cost = sweep_with_cost(
            *about, stacked(said), filler=filler, scale=plan.scale, counts=plan.grid, seed=plan.seed
        )
        result.costs["sweep"] = asdict(cost)
    if job.lineup.needs("orders"):
        result.orders, cost = orders_with_cost(
            *about, stacked(said), filler=filler, scale=plan.scale, candidates=plan.candidates, seed=plan.seed
        )
        result.costs["orders"] = asdict(cost)
    if job.lineup.needs("intervention"):
        result.interventions, cost = interventions(
            *about, view.truth, stacked(said), filler=filler, scale=plan.scale, draws=plan.random_texts, seed=plan.seed
        )
        result.costs["interventions"] = asdict(cost)
    if job.lineup.needs("subsets"):
        result.subsets, cost = subsets(*about, filler=filler, scale=plan.scale, seed=plan.seed)
        result.costs["random sets"] = asdict(cost)
    return result


def arrays_of(perturbed: Perturbed, filler: Filler) -> dict[str, np.ndarray]:
    """The curves, for the report."""
    arrays = {}
    for name, rows in perturbed.curves.items():
        arrays[f"counts/{filler}"] = rows[0].counts.astype(np.int32)
        arrays[f"curves/{filler}/{name}"] = np.array([[c.removed, c.kept] for c in rows], dtype=np.float32)
    return arrays


def perturbed_findings(
    job: Job, view: View, said: Mapping[str, Attribution], perturbed: Perturbed, filler: Filler
) -> Iterator[Finding]:
    """Findings of the metrics that need perturbations, of every explainer, of what people marked, and of random text."""
    metrics = {name: metric for name, metric in job.lineup.metrics.items() if PERTURBED & set(metric.needs)}
    for k, name, reading in readings(job, view, said):
        whole = replace(
            reading,
            curves=perturbed.curves[name][k] if perturbed.curves else None,
            orders=perturbed.orders[name][k] if perturbed.orders else None,
            subsets=perturbed.subsets[k] if perturbed.subsets else None,
        )
        yield from judge(job, view, k, name, metrics, _intervened(whole, perturbed, k, name), filler)
    for k, name in ((k, name) for k in range(len(view.aims)) for name in (HUMAN, CHANCE)):
        yield from judge(job, view, k, name, metrics, _beside(view, perturbed, k, name), filler)


def wanted(job: Job) -> bool:
    """Whether a metric of the plan needs perturbations at all."""
    return any(job.lineup.needs(need) for need in PERTURBED)


def _intervened(reading: Reading, perturbed: Perturbed, k: int, name: str) -> Reading:
    found = perturbed.interventions[k] if perturbed.interventions else None
    return reading if found is None else replace(reading, intervention=found.explanations[name], control=found.control)


def _beside(view: View, perturbed: Perturbed, k: int, name: str) -> Reading:
    """The evidence, or random text of its length. Random text has no control but itself."""
    reading = reading_of(view, k, view.truth[k].astype(np.float64))
    found = perturbed.interventions[k] if perturbed.interventions else None
    if found is None:
        return reading
    if name == CHANCE:
        return replace(reading, intervention=found.control)
    return replace(reading, intervention=found.evidence, control=found.control)
