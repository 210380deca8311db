"""Metrics applied to readings: one finding a metric, target and method."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product

import numpy as np

from pellucid.attribution import Attribution
from pellucid.audit.view import Job, View
from pellucid.finding import Finding
from pellucid.metrics.base import PERTURBED, Metric, Reading, Undefined

CAUSE = "cause"
"""Setting of findings that compare an explanation with what generated the label, instead of what people marked."""

CAUSE_METRICS = ("average_precision", "auroc")

HUMAN, CHANCE = "human evidence", "random text"
"""Names under which what people marked, and text drawn at random, stand beside the explainers in the findings."""

REFERENCE_METRICS = {HUMAN: ("punctuation_at_5",), CHANCE: ("punctuation_at_5", "evidence_of_other_labels_at_5")}
"""What is said of each of them without perturbation. Of all others they would be perfect, or at chance, by construction."""


def readings(job: Job, view: View, said: Mapping[str, Attribution]) -> Iterator[tuple[int, str, Reading]]:
    """Every (target index, explainer, reading), without perturbations."""
    for (k, _), (name, attribution) in product(enumerate(view.aims), said.items()):
        yield (
            k,
            name,
            replace(
                reading_of(view, k, attribution.scores[k], attribution.signed),
                threshold=job.thresholds.get(name),
                budget=job.budgets.get(name),
            ),
        )


def reading_of(view: View, k: int, scores: np.ndarray, signed: bool = False) -> Reading:
    """Scores for one target beside what people marked."""
    truth = view.truth[k] if view.truth[k].any() else None
    return Reading(scores, signed, view.units, truth, others=view.others[k])


def plain_findings(job: Job, view: View, said: Mapping[str, Attribution]) -> Iterator[Finding]:
    """Findings of the metrics that need no perturbation, those against known causes, and those of what stands beside."""
    plain = {name: metric for name, metric in job.lineup.metrics.items() if not PERTURBED & set(metric.needs)}
    causal = {name: metric for name, metric in plain.items() if name in CAUSE_METRICS}
    for k, name, reading in readings(job, view, said):
        yield from judge(job, view, k, name, plain, reading, "")
        if view.cause[k].any():
            yield from judge(job, view, k, name, causal, replace(reading, truth=view.cause[k]), CAUSE)
    for k, name in product(range(len(view.aims)), REFERENCE_METRICS):
        scores = np.ones(len(view.units)) if name == CHANCE else view.truth[k].astype(np.float64)
        metrics = {metric: plain[metric] for metric in REFERENCE_METRICS[name] if metric in plain}
        if scores.any():
            yield from judge(job, view, k, name, metrics, reading_of(view, k, scores), "")


def judge(
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
