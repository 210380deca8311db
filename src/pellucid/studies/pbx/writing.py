"""What a study of Jacobians found, for people (`tables.md`) and for programs (`tables.json`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from scipy.stats import binomtest

from pellucid.crossed import Estimate, Ratio, difference, estimate, mean_of
from pellucid.datasets.base import Dataset
from pellucid.files import write_json, write_text
from pellucid.statistics import holm
from pellucid.studies import predictions, ranking
from pellucid.studies.comparing import Verdict, shown_p, verdict
from pellucid.studies.pbx.probing import Probe, read
from pellucid.studies.pbx.study import IGR, JACOBIAN, MARKED, PLAIN, Folders, PbxStudy
from pellucid.studies.predictions import Predictions
from pellucid.studies.shown import markdown, plain, without_nan
from pellucid.studies.study import Part
from pellucid.studies.tables import Table

FORMAT = "pellucid.pbx_study/1"
LOST = 0.01
"""AUROC that a penalty may cost."""


@dataclass(frozen=True)
class Claim:
    """One claim: that a figure lies above 0.

    Attributes:
        adjusted: p after Holm's correction over all claims.
    """

    text: str
    found: Estimate
    adjusted: float = float("nan")

    @property
    def verdict(self) -> Verdict:
        """What p and sign say."""
        return verdict(self.found.value, self.adjusted, True)


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
    results = Results(_table(found), _claims(found), _separation(found))
    about = {
        "data": {kind: {"name": one.name, "fingerprint": one.fingerprint, "cases": len(one)} for kind, one in data.items()},
        "strategies": {name: study.weights.objective_of(name) for name in study.strategies},
        "label": study.label,
        "cases": study.cases,
        "weights": asdict(study.weights),
        "seeds": list(study.seeds),
        "recipe": dict(study.recipe),
    }
    write_json(Path(out) / "tables.json", {"format": FORMAT, "study": about, **_json(results)})
    write_text(Path(out) / "tables.md", "\n".join(_page(study, data, results)) + "\n")
    return results


def _read(study: PbxStudy, folders: Folders) -> _Found:
    grid = {name: {seed: Part(name, seed) for seed in study.seeds} for name in study.strategies}
    return _Found(
        study,
        {name: {seed: read(folders.probe(part)) for seed, part in parts.items()} for name, parts in grid.items()},
        {n: {seed: predictions.read(folders.predictions(p)) for seed, p in parts.items()} for n, parts in grid.items()},
        {n: {seed: predictions.read(folders.on_marked(p)) for seed, p in parts.items()} for n, parts in grid.items()},
    )


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


def _claims(found: _Found) -> list[Claim]:
    """Every claim, with p corrected over all of them."""
    claims = list(_claimed(found))
    adjusted = holm([claim.found.p for claim in claims])
    return [replace(claim, adjusted=float(p)) for claim, p in zip(claims, adjusted, strict=True)]


def _claimed(found: _Found) -> Iterator[Claim]:
    if MARKED in found.study.strategies:
        more = difference(found.rows(MARKED, f"{MARKED}/outside"), found.rows(PLAIN, f"{MARKED}/outside"))
        yield Claim("the model that learned the mark has more of its sensitivity outside anatomy, on marked pictures", more)
    for name in (IGR, JACOBIAN):
        if name in found.study.strategies:
            less = difference(found.rows(PLAIN, f"{PLAIN}/unexplained"), found.rows(name, f"{PLAIN}/unexplained"))
            yield Claim(f"{name} lowers the unexplained share", less)
            kept = ranking.difference(found.without[name], found.without[PLAIN], spare=LOST)
            yield Claim(f"{name} loses under {LOST:g} of AUROC (difference + {LOST:g})", kept)


def _separation(found: _Found) -> Separation | None:
    if MARKED not in found.study.strategies:
        return None
    marked, plain_ones = ([_mean(found.probes[name][seed]) for seed in found.study.seeds] for name in (MARKED, PLAIN))
    separated = sum(one > other for one, other in zip(marked, plain_ones, strict=True))
    return Separation(len(marked), separated, float(binomtest(separated, len(marked), 0.5, "greater").pvalue))


def _mean(probe: Probe) -> float:
    return float(np.nanmean(probe.figures[f"{MARKED}/outside"]))


def _page(study: PbxStudy, data: Mapping[str, Dataset], results: Results) -> Iterator[str]:
    yield f"# Jacobians on {data[PLAIN].name}\n"
    yield (
        f"Training seeds {', '.join(map(str, study.seeds))}. Each figure is a mean over patients and seeds with its 95 % "
        "interval for new patients and new training runs (with one seed: for new patients alone), ± the standard deviation "
        "between seeds.\n"
    )
    yield from results.table.page()
    yield (
        "## Claims\n\nEach is that a figure lies above 0. Paired by patient and seed; p two-sided for new patients and new "
        "runs, Holm over all claims.\n"
    )
    yield from markdown(("claim", "figure", "p", "p, Holm", "may be said"), map(_line, results.claims))
    if results.separation is not None:
        s = results.separation
        yield (
            f"\nIn {s.separated} of {s.seeds} seeds the mean share outside anatomy is larger in the model that learned the "
            f"mark (sign test, one-sided: p {shown_p(s.p)})."
        )


def _line(claim: Claim) -> list[str]:
    e = claim.found
    return [claim.text, f"{e.value:+.3f} [{e.low:+.3f}, {e.high:+.3f}]", shown_p(e.p), shown_p(claim.adjusted), claim.verdict]


def _json(results: Results) -> dict[str, Any]:
    claims = [
        {"claim": c.text, "found": plain(c.found), **without_nan({"p_holm": c.adjusted}), "verdict": c.verdict}
        for c in results.claims
    ]
    separation = None if results.separation is None else asdict(results.separation)
    return {"tables": [results.table.to_json()], "claims": claims, "separation": separation}
