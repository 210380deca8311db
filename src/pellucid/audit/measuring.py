"""One case measured: every explainer by every metric, and what the report will want to show of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np
from jaxtyping import Bool

from pellucid.attribution import Attribution
from pellucid.audit.aims import Aim, aims
from pellucid.audit.explaining import explain, marks, read_units, stacked, tokens_of
from pellucid.audit.lineup import Lineup
from pellucid.audit.performing import performance_of
from pellucid.audit.plan import Plan
from pellucid.case import Case
from pellucid.errors import DataError
from pellucid.finding import Finding
from pellucid.metrics.base import Curves, Metric, Orders, Reading, Undefined
from pellucid.metrics.orders import orders_with_cost
from pellucid.metrics.sweep import sweep_with_cost
from pellucid.predictor import Batch, Filler, Predictor
from pellucid.target import Target
from pellucid.units import TextUnits

CAUSE = "cause"
"""Setting of findings that compare an explanation with what generated the label, instead of what people marked."""

CAUSE_METRICS = ("average_precision", "auroc")


@dataclass(frozen=True)
class Job:
    """What is the same for all cases of an audit.

    Attributes:
        thresholds: share above which a unit counts as shown, by explainer; empty where none was tuned.
        seed: the training seed of the model, for the findings.
    """

    predictor: Predictor
    plan: Plan
    lineup: Lineup
    thresholds: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0


@dataclass(eq=False)
class Measured:
    """What a shard will hold of one case."""

    facts: dict[str, Any]
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class View:
    """One case as the audit sees it: encoded, with the labels to explain and what is marked for each.

    Attributes:
        units: those that the model read.
        beyond: how many units the model did not read, because the note is longer than its limit.
        truth: what people marked. A row without any mark is a target without evidence.
        cause: what generated the label, where that is known.
        lost: targets whose marked evidence lies wholly beyond what the model read.
    """

    case: Case
    batch: Batch
    given: np.ndarray
    aims: tuple[Aim, ...]
    units: TextUnits
    beyond: int
    truth: Bool[np.ndarray, "K U"]
    cause: Bool[np.ndarray, "K U"]
    lost: int

    @property
    def targets(self) -> list[Target]:
        """The labels to explain."""
        return [Target.label(aim.label) for aim in self.aims]


def look(predictor: Predictor, case: Case, plan: Plan) -> View:
    """Encode a case and find what there is to explain.

    Raises:
        DataError: the predictor cannot read the case.
    """
    batch = predictor.encode([case])
    given = predictor.probabilities(batch)[0]
    found = tuple(aims(case, given, predictor.labels, predictor.threshold, plan.max_targets, plan.seed))
    units, whole = read_units(batch, plan.unit)
    targets = [Target.label(aim.label) for aim in found]
    everywhere = marks(case, case.evidence, targets, whole)
    truth, cause = everywhere[:, : len(units)], marks(case, case.causes, targets, units)
    lost = int((everywhere.any(1) & ~truth.any(1)).sum())
    return View(case, batch, given, found, units, len(whole) - len(units), truth, cause, lost)


def measure(job: Job, case: Case) -> Measured:
    """Explain a case, judge the explanations, and keep what the report needs."""
    try:
        view = look(job.predictor, case, job.plan)
    except DataError as error:
        unread = {"excluded": "the model cannot read it", "detail": str(error)}
        return Measured({"case": case.id, "patient": case.patient, **unread})
    gold = np.array([label in case.labels for label in job.predictor.labels], dtype=bool)
    performance = performance_of(case, view.given, gold, job.predictor.threshold, job.seed)
    result = Measured(_facts(view, job), _basics(view, gold), list(performance))
    if result.facts["excluded"]:
        return result
    said, costs = explain(job.lineup.explainers, job.predictor, view.batch, view.targets, view.units)
    result.arrays |= {f"scores/{name}": a.scores.astype(np.float32) for name, a in said.items()}
    result.arrays |= {f"facts/{name}/{fact}": v for name, a in said.items() for fact, v in a.facts.items()}
    result.facts["cost"] = {"explainers": {name: asdict(cost) for name, cost in costs.items()}, "perturbation": {}}
    result.findings += _plain_findings(job, view, said)
    for filler in job.plan.fillers:
        result.findings += _perturb(job, view, said, filler, result)
    return result


def _facts(view: View, job: Job) -> dict[str, Any]:
    unknown = len(view.case.labels - set(job.predictor.labels))
    excluded = "" if view.aims else "no label to explain: none is gold and known to the model, and none is predicted"
    if not len(view.units):
        excluded = "the model reads no unit of it"
    evidence, cause = np.any(view.truth, axis=1), np.any(view.cause, axis=1)
    planted = cause & np.any(view.cause != view.truth, axis=1)
    flags = zip(view.aims, evidence.tolist(), cause.tolist(), planted.tolist(), strict=True)
    return {
        "case": view.case.id,
        "patient": view.case.patient,
        "excluded": excluded,
        "text": tokens_of(view.batch).text,
        "targets": [{**asdict(aim), "evidence": e, "cause": c, "planted": p} for aim, e, c, p in flags],
        "units_read": len(view.units),
        "units_beyond": view.beyond,
        "targets_lost": view.lost,
        "unknown_labels": unknown,
    }


def _basics(view: View, gold: Bool[np.ndarray, " C"]) -> dict[str, np.ndarray]:
    return {
        "probabilities": view.given.astype(np.float32),
        "gold": gold,
        "offsets": view.units.offsets.astype(np.int32),
        "truth": view.truth,
        "cause": view.cause,
    }


def _readings(job: Job, view: View, said: Mapping[str, Attribution]) -> Iterator[tuple[int, str, Reading]]:
    """Every (target index, explainer, reading), without perturbations."""
    for (k, _), (name, attribution) in product(enumerate(view.aims), said.items()):
        truth = view.truth[k] if view.truth[k].any() else None
        yield k, name, Reading(attribution.scores[k], attribution.signed, view.units, truth, job.thresholds.get(name))


def _plain_findings(job: Job, view: View, said: Mapping[str, Attribution]) -> Iterator[Finding]:
    """Findings of the metrics that need no perturbation, and those against known causes."""
    plain = {name: metric for name, metric in job.lineup.metrics.items() if not {"curves", "orders"} & set(metric.needs)}
    causal = {name: metric for name, metric in plain.items() if name in CAUSE_METRICS}
    for k, name, reading in _readings(job, view, said):
        yield from _judge(job, view, k, name, plain, reading, "")
        if view.cause[k].any():
            yield from _judge(job, view, k, name, causal, replace(reading, truth=view.cause[k]), CAUSE)


def _perturb(job: Job, view: View, said: Mapping[str, Attribution], filler: Filler, result: Measured) -> Iterator[Finding]:
    """Findings of the metrics that need perturbations with one filler; curves and costs go into `result`."""
    metrics = {name: metric for name, metric in job.lineup.metrics.items() if {"curves", "orders"} & set(metric.needs)}
    if not metrics or not said:
        return
    curves, orders, cost = _perturbations(job, view, said, filler)
    result.facts["cost"]["perturbation"][filler] = cost
    for name, rows in curves.items():
        result.arrays[f"counts/{filler}"] = rows[0].counts.astype(np.int32)
        result.arrays[f"curves/{filler}/{name}"] = np.array([[c.removed, c.kept] for c in rows], dtype=np.float32)
    for k, name, reading in _readings(job, view, said):
        whole = replace(
            reading,
            curves=curves[name][k] if curves else None,
            orders=orders[name][k] if orders else None,
        )
        yield from _judge(job, view, k, name, metrics, whole, filler)


def _perturbations(
    job: Job, view: View, said: Mapping[str, Attribution], filler: Filler
) -> tuple[dict[str, list[Curves]], dict[str, list[Orders]], dict[str, Any]]:
    """The sweep and the orders of all explanations with one filler, as far as a metric needs them, and what they cost."""
    about = (job.predictor, view.batch, view.targets, view.units, stacked(said))
    curves: dict[str, list[Curves]] = {}
    orders: dict[str, list[Orders]] = {}
    costs: dict[str, Any] = {}
    if job.lineup.needs("curves"):
        curves, cost = sweep_with_cost(*about, filler=filler, scale=job.plan.scale, seed=job.plan.seed)
        costs["sweep"] = asdict(cost)
    if job.lineup.needs("orders"):
        orders, cost = orders_with_cost(
            *about, filler=filler, scale=job.plan.scale, candidates=job.plan.candidates, seed=job.plan.seed
        )
        costs["orders"] = asdict(cost)
    return curves, orders, costs


def _judge(
    job: Job, view: View, k: int, explainer: str, metrics: Mapping[str, Metric], reading: Reading, setting: str
) -> Iterator[Finding]:
    """One finding a metric on one reading; none where the reading lacks what the metric needs."""
    case, aim = view.case, view.aims[k]
    for name, metric in metrics.items():
        if any(getattr(reading, "truth" if need == "evidence" else need) is None for need in metric.needs):
            continue
        value, note = np.nan, ""
        try:
            value = float(metric(reading))
        except Undefined as refusal:
            note = str(refusal)
        yield Finding(case.id, case.patient, aim.label, aim.stratum, explainer, name, setting, value, job.seed, note)
