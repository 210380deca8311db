"""The audit itself: case after case, resumable at any moment, to a table of findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pellucid import finding
from pellucid.audit import shard, tallies
from pellucid.audit.lineup import Chosen, assemble
from pellucid.audit.looking import elsewhere
from pellucid.audit.manifest import (
    CASES,
    COST,
    COUNTS,
    FINDINGS,
    THRESHOLDS,
    VALIDATION,
    begin,
    check_labels,
    check_same,
    identify,
    training_seed,
)
from pellucid.audit.measuring import measure
from pellucid.audit.moved import write_moved
from pellucid.audit.plan import Plan, check_unit
from pellucid.audit.tuning import Thresholds, thresholds
from pellucid.audit.view import Job
from pellucid.audit.wording import plural
from pellucid.case import Case
from pellucid.datasets.base import Dataset
from pellucid.errors import DataError
from pellucid.files import digest_json, replacing, write_json
from pellucid.predictor import Predictor, modality_of

ROWS_AT_ONCE = 200_000


@dataclass(frozen=True)
class Event:
    """Something of an audit is done.

    Attributes:
        stage: "validation" (thresholds of evidence), "cases", or "jacobian" (of the first cases, where `pbx` is asked for).
        done, total: finished cases of that stage.
    """

    stage: str
    done: int
    total: int


Progress = Callable[[Event], None]


def run(predictor: Predictor, dataset: Dataset, plan: Plan, out: Path, *, progress: Progress | None = None) -> Path:
    """Explain the cases of a split by every method of the plan and measure the explanations.

    What is finished is on disk: killed at any moment and started again with the same arguments, the audit goes on where it was
    and ends with the same bytes. It writes `findings.parquet`, `thresholds.json`, `counts.json` (exclusions), `cost.json`
    (timings, which differ from run to run), `audit.json` (what was audited) and `cases/` (what the report shows; it holds the
    text of the cases). Where `pbx` is among the methods, it writes `pbx/` too: a page of each of the first cases.

    Args:
        out: a folder that is new, or holds the same audit.

    Returns:
        The path of `findings.parquet`.

    Raises:
        DataError: `out` holds an audit of another model, data set or plan, or something else; the split has no cases, or none
            that can be explained; or the model knows none of its labels.
        UnknownNameError: the plan names an explainer or metric that does not exist.
        PellucidError: the plan is for another kind of model.
    """
    out, tell = Path(out), progress or (lambda event: None)
    check_unit(plan.unit, modality_of(predictor))
    identity = identify(predictor, dataset, plan)
    check_same(out, identity)
    check_labels(predictor, dataset)
    cases = Chosen(dataset.split(plan.split), plan.cases, plan.seed)
    if not cases:
        raise DataError(f"The split {plan.split!r} of the data set {dataset.name!r} has no cases; choose another split.")
    lineup = assemble(predictor, dataset, plan)
    begin(out, identity, predictor, dataset, plan, lineup)
    key = digest_json(identity)
    others = None
    if lineup.needs("gaze"):
        others = elsewhere(predictor, Chosen(dataset.split("train"), plan.fit_cases, plan.seed), cases, plan.seed)
    job = Job(predictor, plan, lineup, seed=training_seed(predictor), elsewhere=others)
    tuned = _tune(job, dataset, out, key, tell)
    job = replace(job, thresholds=tuned.values, budgets=tuned.budgets, blurs=tuned.blurs)
    paths = [_finished(job, case, index, out / CASES, key, tell, len(cases)) for index, case in enumerate(cases)]
    counts = tallies.counts(paths)
    _check_explained(counts, plan.split)
    write_json(out / COUNTS, counts)
    write_json(out / COST, tallies.cost(paths))
    write_moved(predictor, plan, cases, paths, out, key, lambda done, total: tell(Event("jacobian", done, total)))
    _write_findings(out / FINDINGS, paths)
    return out / FINDINGS


def _tune(job: Job, dataset: Dataset, out: Path, key: str, tell: Progress) -> Thresholds:
    cases = Chosen(dataset.split("validation"), job.plan.validation_cases, job.plan.seed)
    total = len(cases)
    tuned = thresholds(job, cases, out / VALIDATION, key, lambda done: tell(Event("validation", done, total)))
    write_json(out / THRESHOLDS, tuned.to_json())
    return tuned


def _finished(job: Job, case: Case, index: int, folder: Path, key: str, tell: Progress, total: int) -> Path:
    """The shard of a case, computed unless it is there."""
    path = shard.path_of(folder, index, case.id)
    if not shard.is_whole(path, key):
        measured = measure(job, case, sanity=index < job.plan.sanity_cases)
        shard.write(path, key, measured.facts, measured.arrays, measured.findings)
    tell(Event("cases", index + 1, total))
    return path


def _check_explained(counts: Mapping[str, Any], split: str) -> None:
    """Of cases that all were left out there is nothing to report."""
    if not counts.get("cases explained"):
        why = next(iter(counts["unreadable"].values()), ", ".join(counts["excluded"])).rstrip(".")
        raise DataError(f"None of {plural(counts['cases'], 'case')} of the split {split!r} can be explained: {why}.")


def _write_findings(path: Path, paths: Sequence[Path]) -> None:
    """All shards' findings in one file, in the order of the cases, a bounded number of rows in memory."""
    with replacing(path) as temporary, pq.ParquetWriter(temporary, finding.SCHEMA, compression="zstd") as writer:
        for table in _bundles(shard.read(p).findings() for p in paths):
            writer.write_table(table)


def _bundles(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    held: list[pa.Table] = []
    for table in tables:
        held.append(table)
        if sum(len(t) for t in held) >= ROWS_AT_ONCE:
            yield finding.concatenate(held)
            held = []
    if held:
        yield finding.concatenate(held)
