"""What a study of Jacobians found, for people (`tables.md`) and for programs (`tables.json`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, TypeVar

import numpy as np
from scipy.stats import binomtest

from pellucid.crossed import Estimate, Ratio, difference, estimate, mean_of
from pellucid.datasets.base import Dataset
from pellucid.studies import predictions, ranking
from pellucid.studies.claims import HEAD, Claim, corrected
from pellucid.studies.comparing import shown_p
from pellucid.studies.pbx.probing import Probe, read
from pellucid.studies.pbx.study import IGR, JACOBIAN, MARKED, PLAIN, Folders, PbxStudy
from pellucid.studies.predictions import Predictions
from pellucid.studies.shown import markdown
from pellucid.studies.study import Part
from pellucid.studies.tables import Table, each_figure, facts_of, keep

T = TypeVar("T")
FORMAT = "pellucid.pbx_study/1"
LOST = 0.01
"""AUROC that a penalty may cost."""

_ALL = "jacobians"  # the one family of all claims


@dataclass(frozen=True)
class Separation:
    """In how many seeds the model that learned the mark has the larger share outside anatomy, each against its pair.

    Attributes:
        p: one-sided sign test.
    """

    seeds: int
    separated: int
    p: float


@dataclass(frozen=True)
class Results:
    """Everything that a study found."""

    table: Table
    claims: Sequence[Claim]
    separation: Separation | None


@dataclass(frozen=True)
class _Found:
    """What was kept of each strategy and seed.

    Attributes:
        without, marked: what each model says of the test split without marks, and with them.
    """

    study: PbxStudy
    probes: Mapping[str, Mapping[int, Probe]]
    without: Mapping[str, Mapping[int, Predictions]]
    marked: Mapping[str, Mapping[int, Predictions]]

    def rows(self, strategy: str, figure: str) -> Ratio:
        """One row a picture and seed."""
        probes = self.probes[strategy]
        patients: list[Any] = [np.asarray(p.patients) for p in probes.values()]
        seeds = np.repeat(list(probes), [len(p.patients) for p in probes.values()])
        values = np.concatenate([p.figures[figure] for p in probes.values()])
        return mean_of(values, np.concatenate(patients), seeds)


def write(study: PbxStudy, data: Mapping[str, Dataset], out: Path) -> Results:
    """Write the tables of a study whose parts are all finished.

    Raises:
        DataError: a part is not finished.
    """
    found = _read(study, Folders(Path(out)))
    results = Results(_table(found), corrected(list(_claimed(found))), _separation(found))
    about = {
        "data": {kind: facts_of(one) for kind, one in data.items()},
        "strategies": {name: study.weights.objective_of(name) for name in study.strategies},
        "label": study.label,
        "cases": study.cases,
        "weights": asdict(study.weights),
        "seeds": list(study.seeds),
        "recipe": dict(study.recipe),
    }
    keep(out, FORMAT, about, _json(results), _page(study, data, results))
    return results


def _read(study: PbxStudy, folders: Folders) -> _Found:
    def each(read_one: Callable[[Path], T], where: Callable[[Part], Path]) -> dict[str, dict[int, T]]:
        return {name: {seed: read_one(where(Part(name, seed))) for seed in study.seeds} for name in study.strategies}

    without, marked = each(predictions.read, folders.predictions), each(predictions.read, folders.on_marked)
    return _Found(study, each(read, folders.probe), without, marked)


def _table(found: _Found) -> Table:
    heads = (
        "strategy", "objective", "AUROC, no marks", "AUROC, marks", "outside anatomy, marks", "outside anatomy, no marks",
        "unexplained, no marks", "slope, logits a shade",
    )  # fmt: skip
    rows = tuple(((name, f"`{found.study.weights.objective_of(name)}`"), _row(found, name)) for name in found.study.strategies)
    chance = fmean(probe.chance for runs in found.probes.values() for probe in runs.values())
    note = (
        f"AUROC: mean over labels, all test pictures. The rest: the Jacobian of the logit of {found.study.label} on the "
        f"first test pictures ({found.study.cases or 'all'}). Outside anatomy: share of the squared sensitivity outside lungs "
        f"and heart, which hold {1 - chance:.0%} of the pixels. Unexplained: share that lies in no named clinical direction. "
        "Slope: length of the gradient."
    )
    return Table("jacobians", "Models and their Jacobians", note, heads, rows)


def _row(found: _Found, name: str) -> tuple[Estimate, ...]:
    figures = (f"{MARKED}/outside", f"{PLAIN}/outside", f"{PLAIN}/unexplained", f"{PLAIN}/slope")
    aurocs = ranking.macro_auroc(found.without[name]), ranking.macro_auroc(found.marked[name])
    return (*aurocs, *(estimate(found.rows(name, figure)) for figure in figures))


def _claimed(found: _Found) -> Iterator[Claim]:
    if MARKED in found.study.strategies:
        more = difference(found.rows(MARKED, f"{MARKED}/outside"), found.rows(PLAIN, f"{MARKED}/outside"))
        text = "the model that learned the mark has more of its sensitivity outside anatomy, on marked pictures"
        yield Claim(_ALL, text, more)
    for name in (IGR, JACOBIAN):
        if name in found.study.strategies:
            less = difference(found.rows(PLAIN, f"{PLAIN}/unexplained"), found.rows(name, f"{PLAIN}/unexplained"))
            yield Claim(_ALL, f"{name} lowers the unexplained share", less)
            kept = ranking.difference(found.without[name], found.without[PLAIN], spare=LOST)
            yield Claim(_ALL, f"{name} loses under {LOST:g} of AUROC (difference + {LOST:g})", kept)


def _separation(found: _Found) -> Separation | None:
    if MARKED not in found.study.strategies:
        return None
    marked, unmarked = ([_mean(found.probes[name][seed]) for seed in found.study.seeds] for name in (MARKED, PLAIN))
    separated = sum(one > other for one, other in zip(marked, unmarked, strict=True))
    return Separation(len(marked), separated, float(binomtest(separated, len(marked), 0.5, "greater").pvalue))


def _mean(probe: Probe) -> float:
    return float(np.nanmean(probe.figures[f"{MARKED}/outside"]))


def _page(study: PbxStudy, data: Mapping[str, Dataset], results: Results) -> Iterator[str]:
    yield f"# Jacobians on {data[PLAIN].name}\n"
    yield f"Training seeds {', '.join(map(str, study.seeds))}. {each_figure('patients and seeds')}\n"
    yield from results.table.page()
    yield (
        "## Claims\n\nEach is that a figure lies above 0. Paired by patient and seed; p two-sided for new patients and new "
        "runs, Holm over all claims.\n"
    )
    yield from markdown(HEAD[1:], (claim.line[1:] for claim in results.claims))  # they are all of one family
    if results.separation is not None:
        s = results.separation
        yield (
            f"\nIn {s.separated} of {s.seeds} seeds the mean share outside anatomy is larger in the model that learned the "
            f"mark (sign test, one-sided: p {shown_p(s.p)})."
        )


def _json(results: Results) -> dict[str, Any]:
    claims = [{name: value for name, value in claim.to_json().items() if name != "family"} for claim in results.claims]
    separation = None if results.separation is None else asdict(results.separation)
    return {"tables": [results.table.to_json()], "claims": claims, "separation": separation}
