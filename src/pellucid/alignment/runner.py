"""The audit of alignment: case after case, resumable at any moment, to findings and tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from pellucid import finding
from pellucid.alignment import judging, sensitivity
from pellucid.alignment.checking import checked
from pellucid.alignment.checks import Verdict
from pellucid.alignment.counting import counts
from pellucid.alignment.job import Job, hired
from pellucid.alignment.manifest import CASES, COUNTS, FINDINGS, TABLES, TABLES_TEXT, begin, check_same
from pellucid.alignment.measuring import measure
from pellucid.alignment.plan import AlignmentPlan
from pellucid.alignment.tables import markdown
from pellucid.audit import shard
from pellucid.audit.lineup import Chosen
from pellucid.audit.manifest import identify
from pellucid.audit.shard import Shard
from pellucid.case import Case
from pellucid.datasets.base import Dataset
from pellucid.errors import DataError
from pellucid.files import digest_json, write_json, write_text
from pellucid.predictor import Predictor

Told = Callable[[int, int], None]
"""Told of progress: how many cases are done, and how many there are."""


def run(
    predictor: Predictor, dataset: Dataset, plan: AlignmentPlan, out: Path, *, progress: Told | None = None
) -> judging.Judgement:
    """Ask a model about the sentences of a split, change sentences and pictures, and judge what its maps do.

    What is finished is on disk: killed at any moment and started again with the same arguments, it goes on where it was and
    ends with the same bytes. It writes `findings.parquet`, `counts.json` (what was left out, with ids), `tables.json`,
    `tables.md`, `checks.json` (known defects that were looked for), `sensitivity.npz` (how far words and pictures move a map),
    `align.json` (what was audited) and `cases/` (what the page shows; it holds sentences and pictures).

    Args:
        out: a folder that is new, or holds the same audit.

    Raises:
        CapabilityError: the model does not read sentences.
        DataError: `out` holds something else; or no case of the split has a sentence.
        UnknownNameError: the plan names a method or metric that does not exist.
    """
    out, tell = Path(out), progress or (lambda done, total: None)
    cases = Chosen(dataset.split(plan.split), plan.cases, plan.seed)
    if not any(case.sentences for case in cases):
        raise DataError(
            f"No case of the split {plan.split!r} of the data set {dataset.name!r} has a sentence; choose another split."
        )
    identity = identify(predictor, dataset, plan)  # type: ignore[arg-type]  # of a plan only its digest is asked
    check_same(out, identity)
    job = hired(predictor, dataset, plan)
    begin(out, identity, job, dataset)
    checks = checked(predictor, cases, out)
    key = digest_json(identity)
    paths = []
    for index, case in enumerate(cases):
        paths.append(_finished(job, case, index, out / CASES, key))
        tell(index + 1, len(cases))
    moved = sensitivity.measured(job, cases, out, key)
    return _judged(out, paths, moved, plan, job.methods, checks)


def _finished(job: Job, case: Case, index: int, folder: Path, key: str) -> Path:
    """The shard of a case, computed unless it is there."""
    path = shard.path_of(folder, index, case.id)
    if not shard.is_whole(path, key):
        measured = measure(job, case)
        shard.write(path, key, measured.facts, measured.arrays, measured.findings)
    return path


def _judged(
    out: Path, paths: list[Path], moved: Shard, plan: AlignmentPlan, methods: list[str], checks: Sequence[Verdict]
) -> judging.Judgement:
    write_json(out / COUNTS, counts(paths))
    shards = (*map(shard.read, paths), moved)
    finding.write(out / FINDINGS, finding.concatenate(one.findings() for one in shards))
    found = judging.judge(out, plan, methods)
    write_json(out / TABLES, found.to_json())
    write_text(out / TABLES_TEXT, markdown(found, checks))
    return found
