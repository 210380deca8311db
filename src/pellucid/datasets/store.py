"""A prepared data set on disk: one folder that is whole or absent.

* ``cases.arrow``: an Arrow IPC file, a row a case (:mod:`pellucid.datasets.rows`), ordered by id. It is mapped into
  memory, and the text, image or signal of a case is read only when it is asked for. The folder needs nothing of its source.
* ``splits.json``: the ids of the cases of each split, with the seed and the fractions, or the word that they were published.
* ``dataset.json``: name, format, labels, fingerprint, and `about` with counts and everything that was left out.

The folder depends on the cases, not on the order in which they were given.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from pellucid.case import Case, Evidence
from pellucid.datasets.base import SPLITS, Exclusion, Prepared, SplitName
from pellucid.datasets.fitting import fitted
from pellucid.datasets.outlines import Outline, outlines
from pellucid.datasets.rows import Row, row_digest, schema_of, to_row
from pellucid.datasets.splits import Fractions, assign, check_published
from pellucid.datasets.stored import CASES, DATASET, FORMAT, SPLITS_FILE, StoredDataset, open_dataset, total_fingerprint
from pellucid.datasets.unreadable import Unreadable
from pellucid.errors import DataError
from pellucid.files import replacing_directory, write_json

_BATCH = 256  # cases held as rows at a time while writing
_IMAGES = 16  # of them where there are images or signals


@dataclass(frozen=True)
class _Plan:
    """What is decided before anything is written."""

    cases: Sequence[Outline]
    place: Mapping[str, SplitName]
    labels: frozenset[str]
    exclusions: tuple[Exclusion, ...]


@dataclass(frozen=True)
class _Written:
    """What came of one pass over the cases."""

    digests: list[str] = field(default_factory=list)
    changes: list[Exclusion] = field(default_factory=list)
    unreadable: list[Exclusion] = field(default_factory=list)


def write(
    path: Path,
    prepared: Prepared,
    *,
    seed: int = 0,
    fractions: Fractions = (0.7, 0.1, 0.2),
    min_train_cases: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> StoredDataset:
    """Store prepared cases as the folder `path`, replacing a data set that is there; on any error nothing changes.

    Empty notes are left out and counted, and so are cases with an unreadable image, signal or mask, and masks of which nothing
    is left at the size of the data set. No more than a few images or signals are held at a time.

    With `min_train_cases`, a label is kept only if at least that many cases *of the training split* have it; a dropped label
    leaves the labels and marks of every case, and is counted. A case that has no label left stays: it is a case where none of
    the labels is true.

    Args:
        path: the folder to be.
        prepared: cases from an adapter; `prepared.assigned`, where filled, overrides `seed` and `fractions`.
        seed: of the order of patients (:func:`pellucid.datasets.splits.assign`).
        fractions: shares of the cases for train, validation and test.
        min_train_cases: least number of training cases of a label; 0 keeps all labels.
        progress: told after each case how many of how many were written.

    Raises:
        DataError: duplicate ids, no cases, a case without text, image, table and signal, marks that do not fit these or are for
            a label that the case lacks, unusable splits, or `path` is a folder that holds something else.
        StorageError: the disk refuses.
    """
    check_folder(Path(path))
    with replacing_directory(Path(path)) as folder:
        plan, digests = _write_readable(folder / CASES, prepared, seed, fractions, min_train_cases, progress or _silent)
        splits = _splits_record(plan, bool(prepared.assigned), seed, fractions)
        labels = sorted(plan.labels)
        write_json(folder / SPLITS_FILE, splits)
        write_json(
            folder / DATASET,
            {
                "format": FORMAT,
                "name": prepared.name,
                "labels": labels,
                "fingerprint": total_fingerprint(digests, splits, labels),
                "size": (folder / CASES).stat().st_size,
                "about": {**prepared.about, **_counts(plan, min_train_cases)},
            },
        )
    return open_dataset(path)


def check_folder(path: Path) -> None:
    """Refuse a place that :func:`write` would refuse, before a long reading.

    Raises:
        DataError: there is a file, or a folder that holds something other than a data set.
    """
    if path.exists() and not (path.is_dir() and ((path / DATASET).is_file() or not any(path.iterdir()))):
        raise DataError(f"{path} exists and is not a data set; choose another folder or remove it yourself.")


def _silent(done: int, total: int) -> None:
    pass


def _write_readable(
    file: Path,
    prepared: Prepared,
    seed: int,
    fractions: Fractions,
    min_train_cases: int,
    progress: Callable[[int, int], None],
) -> tuple[_Plan, list[str]]:
    """Write all cases whose images and signals can be read.

    Which cannot is known only once they were read, and splits and labels must not depend on them: where there are some, the
    rest is planned and written again.
    """
    unreadable: list[Exclusion] = []
    all_cases = outlines(prepared.cases)
    while True:
        plan = _plan(prepared, all_cases, unreadable, seed, fractions, min_train_cases)
        written = _write_cases(file, prepared, plan, progress)
        if not written.unreadable:
            return replace(plan, exclusions=(*plan.exclusions, *written.changes)), written.digests
        unreadable += written.unreadable


def _plan(
    prepared: Prepared,
    all_cases: Sequence[Outline],
    unreadable: Sequence[Exclusion],
    seed: int,
    fractions: Fractions,
    min_train_cases: int,
) -> _Plan:
    empty = [Exclusion(case.id, "the note is empty") for case in all_cases if case.empty]
    gone = {exclusion.where for exclusion in (*empty, *unreadable)}
    cases = sorted((case for case in all_cases if case.id not in gone), key=lambda case: case.id)
    if not cases:
        what, reasons = "text, image, table or signal", Counter(exclusion.reason for exclusion in unreadable)
        why = f" ({reasons.most_common(1)[0][0]})" if reasons else ""
        raise DataError(
            f"The data set {prepared.name} has no case with a {what} that can be read{why}; check folder and options."
        )
    place = _place(cases, prepared.assigned, gone, seed, fractions)
    labels, dropped = _select_labels(cases, place, min_train_cases)
    left_out = sorted((*empty, *unreadable), key=lambda exclusion: exclusion.where)
    rare = [Exclusion(label, f"label of fewer than {min_train_cases} training cases") for label in sorted(dropped)]
    return _Plan(cases, place, labels, (*prepared.exclusions, *left_out, *rare))


def _place(
    cases: Sequence[Outline], published: Mapping[str, SplitName], gone: Collection[str], seed: int, fractions: Fractions
) -> Mapping[str, SplitName]:
    patients = {case.id: case.patient for case in cases}
    assigned = {case: split for case, split in published.items() if case not in gone}
    if not assigned:
        return assign(patients, seed=seed, fractions=fractions)
    check_published(patients, assigned)
    return assigned


def _select_labels(
    cases: Sequence[Outline], place: Mapping[str, SplitName], min_train_cases: int
) -> tuple[frozenset[str], frozenset[str]]:
    """Labels kept and labels dropped; the choice sees the training split only."""
    if min_train_cases < 0:
        raise DataError(f"The least number of training cases of a label is {min_train_cases}; give 0 or more.")
    everything = frozenset(label for case in cases for label in case.labels)
    train = Counter(label for case in cases if place[case.id] == "train" for label in case.labels)
    kept = frozenset(label for label in everything if train[label] >= min_train_cases)
    if everything and not kept:
        raise DataError(f"No label has {min_train_cases} training cases; lower the least number of training cases.")
    return kept, everything - kept


def _restrict(case: Case, labels: frozenset[str]) -> Case:
    def known(mark: Evidence) -> bool:
        # A mark for a label that the case never had is a mistake to be told (in to_row), not a rare label to be dropped.
        return mark.label in labels or mark.label not in case.labels

    return replace(
        case,
        labels=case.labels & labels,
        evidence=tuple(filter(known, case.evidence)),
        causes=tuple(filter(known, case.causes)),
    )


def _write_cases(file: Path, prepared: Prepared, plan: _Plan, progress: Callable[[int, int], None]) -> _Written:
    written = _Written()
    schema = schema_of(frozenset().union(*(case.columns for case in plan.cases)))
    batch = _IMAGES if "pixels" in schema.names else _BATCH
    rows = _rows(prepared, plan, written, progress)
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        while some := list(itertools.islice(rows, batch)):
            writer.write_batch(pa.RecordBatch.from_pylist(some, schema=schema))
    return written


def _rows(prepared: Prepared, plan: _Plan, written: _Written, progress: Callable[[int, int], None]) -> Iterator[Row]:
    """The rows of the cases that can be read, one at a time; what is told of them goes into `written`."""
    for done, case in enumerate(plan.cases, start=1):
        try:
            made = fitted(_restrict(prepared.cases[case.index], plan.labels), prepared.size)
        except Unreadable as reason:
            written.unreadable.append(Exclusion(case.id, str(reason)))
        else:
            row = to_row(made.case)
            written.digests.append(row_digest(row))
            written.changes.extend(Exclusion(case.id, change) for change in made.changes)
            yield row
        progress(done, len(plan.cases))


def _splits_record(plan: _Plan, published: bool, seed: int, fractions: Fractions) -> dict[str, Any]:
    rule = {"published": True} if published else {"published": False, "seed": seed, "fractions": list(fractions)}
    return {**rule, **{split: [case.id for case in plan.cases if plan.place[case.id] == split] for split in SPLITS}}


def _counts(plan: _Plan, min_train_cases: int) -> dict[str, Any]:
    kept = [case.labels & plan.labels for case in plan.cases]
    return {
        "cases": len(plan.cases),
        "patients": len({case.patient for case in plan.cases}),
        "split_sizes": {split: sum(place == split for place in plan.place.values()) for split in SPLITS},
        "cases_without_labels": sum(not labels for labels in kept),
        "min_train_cases": min_train_cases,
        "exclusions": dict(Counter(exclusion.reason for exclusion in plan.exclusions).most_common()),
        "excluded": [[exclusion.where, exclusion.reason] for exclusion in plan.exclusions],
    }
