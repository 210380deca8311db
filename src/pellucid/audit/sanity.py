"""Do explanations stay where they are under noise, and do they depend on what the model has learnt and on what is asked?

Measured on the first few cases of an audit, since every method explains each of them many times over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import product

from pellucid.attribution import Attribution
from pellucid.audit.view import Job, View
from pellucid.finding import Finding
from pellucid.metrics.randomisation import model_randomisation, other_label
from pellucid.metrics.robustness import Noise, robustness
from pellucid.units import FeatureUnits

NOISE, SHUFFLED, OTHER = "noise", "shuffled model", "other label"
"""Settings of the findings: what was changed."""

STABILITY = (
    "max_sensitivity", "mean_sensitivity", "rank_stability", "top_overlap", "lipschitz", "relative_input", "relative_output",
    "retained",
)  # fmt: skip
ALIKE, FLOOR, RISE = "similarity", "similarity_floor", "complexity_rise"

DRAWS = 5
"""Noisy versions of each case."""

TOP = {"feature": 0.2}
"""Share of the units whose overlap is measured, where it is not that of pixels: measurements are few."""


def sanity_findings(job: Job, view: View, said: Mapping[str, Attribution]) -> Iterator[Finding]:
    """What became of every explanation of a case under noise, in a model with shuffled weights, and for another label."""
    yield from _stability(job, view, said)
    own = {name: [attribution] for name, attribution in said.items()}
    yield from _shuffled(job, view, own)
    if len(job.predictor.labels) > 1:
        yield from _other(job, view, own)


def _stability(job: Job, view: View, said: Mapping[str, Attribution]) -> Iterator[Finding]:
    top = TOP.get(view.units.kind, Noise.top)
    noise, clean = Noise(draws=DRAWS, top=top, seed=job.plan.seed), {name: [a] for name, a in said.items()}
    found, _ = robustness(job.predictor, job.lineup.explainers, view.batch, view.targets, noise, clean)
    for (name, (rows,)), k in product(found.items(), range(len(view.aims))):
        values = asdict(rows[k])
        note = values.pop("note")
        for metric in STABILITY:
            yield _finding(job, view, k, name, metric, NOISE, values[metric], note)


def _shuffled(job: Job, view: View, own: Mapping[str, Sequence[Attribution]]) -> Iterator[Finding]:
    """All weights at once: how alike the maps still are, beside how alike a map is to itself put elsewhere."""
    about = (job.predictor, job.lineup.explainers, view.batch, view.targets)
    found = model_randomisation(*about, how="whole", seed=job.plan.seed, said=own)
    for (name, (rows,)), k in product(found.explanations.items(), range(len(view.aims))):
        row = rows[k]
        values = {ALIKE: row.stages[-1].spearman_of_sizes, FLOOR: row.floor.spearman_of_sizes}
        if not isinstance(view.units, FeatureUnits):  # a histogram of so few scores says nothing
            values[RISE] = row.complexity_rise
        for metric, value in values.items():
            yield _finding(job, view, k, name, metric, SHUFFLED, value, "the map is the same everywhere, or not finite")


def _other(job: Job, view: View, own: Mapping[str, Sequence[Attribution]]) -> Iterator[Finding]:
    found = other_label(job.predictor, job.lineup.explainers, view.batch, view.targets, seed=job.plan.seed, said=own)
    for (name, (rows,)), k in product(found.items(), range(len(view.aims))):
        values = {ALIKE: rows[k].similarity.spearman, FLOOR: rows[k].floor.spearman}
        for metric, value in values.items():
            yield _finding(job, view, k, name, metric, OTHER, value, "one of the maps is the same everywhere")


def _finding(job: Job, view: View, k: int, name: str, metric: str, setting: str, value: float, why_not: str) -> Finding:
    aim, case = view.aims[k], view.case
    note = why_not if value != value else ""
    return Finding(case.id, case.patient, aim.label, aim.stratum, name, metric, setting, float(value), job.seed, note)
