"""What the Jacobian says of the first cases: a page each beside the report, and a block of each in it.

Written while the model is at hand, where `pbx` is among the methods; the report is made anew from what was written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pellucid.audit import shard
from pellucid.audit.plan import Plan
from pellucid.case import Case
from pellucid.errors import PellucidError
from pellucid.files import make_folder, read_json, write_json
from pellucid.predictor import Predictor

METHOD, FOLDER = "pbx", "pbx"
FIRST = 3
"""Cases of which there is a page."""

LABELS, TOP = 5, 3
"""Labels of a case that are read, and directions of each that the report shows."""


@dataclass(frozen=True)
class Moved:
    """What the report shows of one case.

    Attributes:
        case: its id.
        page: where its page lies, from the report; empty where there is none, for the reason in `why`.
        alarm, belief: whether the model is sensitive outside the anatomy, and how far the rest may be believed.
        rows: label, direction, its step, change of the logit, probability before and after.
    """

    case: str
    page: str
    why: str
    alarm: str
    belief: str
    rows: list[tuple[str, str, str, str, str]]


def write_moved(
    predictor: Predictor,
    plan: Plan,
    cases: Sequence[Case],
    shards: Sequence[Path],
    out: Path,
    key: str,
    tell: Callable[[int, int], None],
) -> None:
    """Read the Jacobian at the first explained cases, unless that was done; nothing where the plan has no `pbx`.

    Args:
        shards: of the cases, in their order.
        key: digest of the model, the data and the plan.
        tell: is told how many of how many are done.
    """
    if METHOD not in plan.explainers:
        return
    wanted = list(_first(cases, shards))
    make_folder(out / FOLDER)
    for done, (case, path, labels) in enumerate(wanted):
        tell(done, len(wanted))
        record = out / FOLDER / f"{path.stem}.json"
        if not _is_whole(record, key):
            write_json(record, {"identity": key, **_read(predictor, case, labels, record.with_suffix(".html"))})
    tell(len(wanted), len(wanted))


def _first(cases: Sequence[Case], shards: Sequence[Path]) -> Iterator[tuple[Case, Path, list[str]]]:
    count = 0
    for index, path in enumerate(shards):
        facts = shard.read(path).facts
        if facts["excluded"]:
            continue
        yield cases[index], path, [target["label"] for target in facts["targets"]][:LABELS]
        count += 1
        if count == FIRST:
            return


def _is_whole(record: Path, key: str) -> bool:
    if not record.exists():
        return False
    there = read_json(record)
    return isinstance(there, dict) and there.get("identity") == key and ("why" in there or record.with_suffix(".html").exists())


def _read(predictor: Predictor, case: Case, labels: Sequence[str], page: Path) -> dict[str, Any]:
    """The record of a case, its page written; or why there is none."""
    from pellucid.pbx import as_json, read, write_page  # here, since few audits need it and it is slow to import

    try:
        reading = read(predictor, case, labels)
    except PellucidError as error:
        return {"case": case.id, "why": str(error)}
    write_page(reading, page)
    return as_json(reading, maps=False)


def moved(out: Path, key: str) -> list[Moved]:
    """What was written, for the report; none where the audit has none."""
    found = [(path, read_json(path)) for path in sorted((out / FOLDER).glob("*.json"))]
    return [_moved(path, record) for path, record in found if record["identity"] == key]


def _moved(path: Path, record: dict[str, Any]) -> Moved:
    if "why" in record:
        return Moved(record["case"], "", record["why"], "", "", [])
    rows = [row for number in range(len(record["labels"])) for row in _rows(record["effects"], number)]
    said = record["summary"]
    return Moved(record["case"], f"{FOLDER}/{path.stem}.html", "", said["alarm"], said["belief"], rows)


def _rows(effects: Sequence[dict[str, Any]], number: int) -> Iterator[tuple[str, str, str, str, str]]:
    """The largest changes of one label."""
    from pellucid.jacobians.directions.table import signed
    from pellucid.pbx.tabulating import Cell
    from pellucid.pbx.wording import passage

    ranked = sorted(effects, key=lambda line: -abs(line["cells"][number]["change"]))
    for line in ranked[:TOP]:
        cell = Cell(**line["cells"][number])
        doubt = "" if cell.trusted else f" (really {signed(cell.truth)})"
        yield cell.label, line["name"], line["unit"], signed(cell.change) + doubt, passage(cell)
