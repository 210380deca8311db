"""Do explanations stay where they are under noise, and do they depend on what the model has learnt and on what is asked?

Measured on the first few cases of an audit, since every method explains each of them many times over.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import product

from pellucid.attribution import Attribution
from pellucid.audit.view import Job, View
from pellucid.errors import CapabilityError, DataError
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
COVERED = "parameters_shuffled"
"""Share of the numbers of all parameters that shuffling reached: of the model, not of a method."""

NO_NUMBER = "an explanation of it is not made of finite numbers"

DRAWS = 5
"""Noisy versions of each case."""

TOP = {"feature": 0.2}
"""Share of the units whose overlap is measured, where it is not that of pixels: measurements are few."""


def sanity_findings(job: Job, view: View, said: Mapping[str, Attribution]) -> Iterator[Finding]:
    """What became of every explanation of a case under noise, in a model with shuffled weights, and for another label.

    A test that a model or method does not allow has missing values, with the reason: it costs the case nothing else.
    """
    yield from _tried(job, view, said, _stability, NOISE, STABILITY)
    yield from _tried(job, view, said, _shuffled, SHUFFLED, (ALIKE, FLOOR, RISE)[: 2 if _few(view) else 3])
    if len(job.predictor.labels) > 1:
        yield from _tried(job, view, said, _other, OTHER, (ALIKE, FLOOR))


Test = Callable[[Job, View, Mapping[str, Attribution]], Iterator[Finding]]


def _tried(
    job: Job, view: View, said: Mapping[str, Attribution], test: Test, setting: str, metrics: Sequence[str]
) -> list[Finding]:
    """The findings of a test, all or none of them."""
    try:
        return list(test(job, view, said))
    except DataError:  # of a shuffled model or a noisy image; the case itself was explained
        why = NO_NUMBER
    except CapabilityError as error:
        why = str(error).rstrip(".")
    missing = product(said, range(len(view.aims)), metrics)
    return [_finding(job, view, k, name, metric, setting, math.nan, why) for name, k, metric in missing]


def _stability(job: Job, view: View, said: Mapping[str, Attribution]) -> Iterator[Finding]:
    top = TOP.get(view.units.kind, Noise.top)
    noise = Noise(draws=DRAWS, top=top, seed=job.plan.seed)
    found, _ = robustness(job.predictor, job.lineup.explainers, view.batch, view.targets, noise, _alone(said))
    for (name, (rows,)), k in product(found.items(), range(len(view.aims))):
        values = asdict(rows[k])
        note = values.pop("note")
        for metric in STABILITY:
            yield _finding(job, view, k, name, metric, NOISE, values[metric], note)


def _shuffled(job: Job, view: View, said: Mapping[str, Attribution]) -> Iterator[Finding]:
    """All weights at once: how alike the maps still are, beside how alike a map is to itself put elsewhere."""
    about = (job.predictor, job.lineup.explainers, view.batch, view.targets)
    found = model_randomisation(*about, how="whole", seed=job.plan.seed, said=_alone(said))
    yield Finding(view.case.id, view.case.patient, "", "", "", COVERED, SHUFFLED, found.coverage.share, job.seed)
    for (name, (rows,)), k in product(found.explanations.items(), range(len(view.aims))):
        row = rows[k]
        values = {ALIKE: row.stages[-1].spearman_of_sizes, FLOOR: row.floor.spearman_of_sizes}
        if not _few(view):
            values[RISE] = row.complexity_rise
        for metric, value in values.items():
            yield _finding(job, view, k, name, metric, SHUFFLED, value, "the map is the same everywhere, or not finite")


def _other(job: Job, view: View, said: Mapping[str, Attribution]) -> Iterator[Finding]:
    found = other_label(job.predictor, job.lineup.explainers, view.batch, view.targets, seed=job.plan.seed, said=_alone(said))
    for (name, (rows,)), k in product(found.items(), range(len(view.aims))):
        values = {ALIKE: rows[k].similarity.spearman, FLOOR: rows[k].floor.spearman}
        for metric, value in values.items():
            yield _finding(job, view, k, name, metric, OTHER, value, "one of the maps is the same everywhere")


def _few(view: View) -> bool:
    """Whether there are so few scores that a histogram of them says nothing."""
    return isinstance(view.units, FeatureUnits)


def _alone(said: Mapping[str, Attribution]) -> dict[str, list[Attribution]]:
    """What was said of the one case, as of a batch."""
    return {name: [attribution] for name, attribution in said.items()}


def _finding(job: Job, view: View, k: int, name: str, metric: str, setting: str, value: float, why_not: str) -> Finding:
    aim, case = view.aims[k], view.case
    note = why_not if value != value else ""
    return Finding(case.id, case.patient, aim.label, aim.stratum, name, metric, setting, float(value), job.seed, note)
