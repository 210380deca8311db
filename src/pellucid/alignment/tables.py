"""The tables of an audit of alignment, as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from pellucid.alignment import moves
from pellucid.alignment.answers import ALL, SUBSETS
from pellucid.alignment.checks import Verdict
from pellucid.alignment.findings import AUROC, JS, JS_FLIPPED, KL, LEAN, RANDOM
from pellucid.alignment.judging import NAMED, TSI, Figure, Judgement
from pellucid.alignment.passing import Passed
from pellucid.alignment.plan import OTHER_PATIENT
from pellucid.audit.wording import EMPTY, figure, p_value
from pellucid.statistics import Interval

Cells = Sequence[str]
K = TypeVar("K")


def markdown(found: Judgement, checks: Sequence[Verdict] = ()) -> str:
    """All tables, for a reader of text.

    Args:
        checks: what was looked for in data and model.
    """
    parts = ["# Alignment\n", *(f"- {one.sentence}\n" for one in found.verdicts)]
    looked = ("Known defects, looked for", ("check", "", "says"), map(_check_row, checks))
    for title, head, rows in (*tables(found), looked):
        body = [tuple(row) for row in rows]
        if body:
            parts += [f"\n## {title}\n\n", _line(head), _line(["---"] * len(head)), *map(_line, body)]
    return "".join(parts) + "\nSquare brackets are 95 % intervals over patients; p is corrected for all tests (Holm).\n"


def tables(found: Judgement) -> Iterator[tuple[str, Cells, Iterable[Cells]]]:
    """Every table: its title, its heads and its rows."""
    methods = found.methods
    for metric in (AUROC, "average_precision", "relevance_mass", "cnr", "iou_at_10_percent"):
        cells = {(f.method, f.subset): f.interval for f in found.localisation if f.metric == metric}
        if cells:
            yield metric.replace("_", " "), ("method", *SUBSETS), _grid(methods, SUBSETS, cells)
    skills = {(s.method, s.subset): s.interval for s in found.skills}
    yield "AUROC above the prior", ("method", *SUBSETS), _grid([m for m in methods if (m, ALL) in skills], SUBSETS, skills)
    yield "Pass rates", ("method", "perturbation", "expected", "by", "passed", "effect", "p"), map(_passed_row, found.passed)
    columns = ((JS, RANDOM), (KL, RANDOM), (JS, OTHER_PATIENT), (TSI, ""), (JS_FLIPPED, "mirror"), (LEAN, ""), (NAMED, ""))
    own = {(f.method, (f.metric, f.setting)): f.interval for f in (*found.sensitivity, *found.laterality)}
    heads = ("method", *(f"{metric} {setting}".replace("_", " ").strip() for metric, setting in columns))
    yield "Does the text move the map?", heads, _grid(methods, columns, own)
    yield "How far do words and pictures move one map, in lengths of the map?", moves.HEAD, moves.rows(found)
    yield "The model", ("", "figure"), map(_model_row, found.model)


def _passed_row(one: Passed) -> Cells:
    """One line of the pass rates."""
    name = one.method or "the model"
    numbers = (figure(one.rate), figure(one.effect), p_value(one.p_holm))
    return name, one.setting.replace("_", " "), one.expected, one.by, *numbers


def _check_row(one: Verdict) -> Cells:
    return one.name, "no sign" if one.passed else "found", one.says


def _model_row(one: Figure) -> Cells:
    name = ", ".join(filter(None, [one.metric.replace("_", " "), one.method, one.subset]))
    return name, figure(one.interval)


def _grid(methods: Sequence[str], columns: Sequence[K], cells: dict[tuple[str, K], Interval]) -> Iterator[Cells]:
    for method in methods:
        yield method, *(figure(cells[method, c]) if (method, c) in cells else EMPTY for c in columns)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |\n"
