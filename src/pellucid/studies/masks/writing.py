"""What a study of mask networks found, for people (`tables.md`) and for programs (`tables.json`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from pellucid import registry
from pellucid.audit.models import Models, Side
from pellucid.crossed import Estimate, estimate, mean_of
from pellucid.datasets.base import Dataset
from pellucid.files import finite, read_json
from pellucid.statistics import holm
from pellucid.studies.comparing import Verdict, shown_p, verdict
from pellucid.studies.masks.study import BASELINES, FACTOR, OURS, RIVALS, WITHOUT_LABELS, Folders, MaskStudy
from pellucid.studies.shown import cell, cut, markdown, plain
from pellucid.studies.tables import each_figure, facts_of, keep

FORMAT = "pellucid.mask_study/1"
MODEL = "classifier"
COLUMNS = {
    "relevance_rank": "RRA", "relevance_mass": "RMA", "pointing_game": "pointing", "entropy": "complexity",
    "gini": "sparseness", "srg": "SRG", "sensitivity_n": "sensitivity-n", "relevance_mass_on_others": "on other findings",
}  # fmt: skip


RIGHT, WRONG = "relevance_mass", "relevance_mass_on_others"


@dataclass(frozen=True)
class Duel:
    """Ours against one rival.

    Attributes:
        claim: what the test affirms.
        found: the difference, or ours minus 1.3 times the rival's.
        adjusted: p after Holm's correction over the rivals.
    """

    claim: str
    metric: str
    rival: str
    found: Estimate
    adjusted: float

    @property
    def verdict(self) -> Verdict:
        """What may be said of the claim."""
        return verdict(self.found.value, self.adjusted, True)


@dataclass(frozen=True)
class Results:
    """Everything that a study found.

    Attributes:
        figures: of each method in each column.
        tests: ours against every rival.
        absent: mean of our mask for findings that an image does not show; None where there are none.
        seconds: an image and target, the median over seeds, by method.
        training: seconds that our mask network took, the median over seeds; None where unknown.
        device: on which seconds were measured.
        swap: relevance mass of ours on its own finding and on others of the same image, where both are marked; None where no
            image has two.
    """

    figures: Mapping[str, Mapping[str, Estimate]]
    tests: Sequence[Duel]
    absent: Estimate | None
    seconds: Mapping[str, float]
    training: float | None
    device: str
    swap: tuple[Estimate, Estimate] | None = None


def write(study: MaskStudy, dataset: Dataset, out: Path) -> Results:
    """Write the tables of a study whose seeds are all finished.

    Raises:
        DataError: a seed is not finished, or its audits differ.
    """
    results = gather(study, Folders(Path(out)))
    about = {
        "data": facts_of(dataset),
        "seeds": list(study.seeds),
        "recipe": dict(study.recipe),
        "masks": dict(study.masks),
        "plan": study.plan.to_json(),
    }
    keep(out, FORMAT, about, _json(results), page(study, dataset, results))
    return results


def gather(study: MaskStudy, folders: Folders) -> Results:
    """The results of all seeds together."""
    models = Models({MODEL: [folders.audit(seed) for seed in study.seeds]})
    probes = [read_json(folders.probe(seed)) for seed in study.seeds]
    figures = {
        name: {m: _within(models.figure(Side(MODEL, name), m), m) for m in COLUMNS if m in models.plan.metrics}
        for name in models.methods
    }
    spent = [p["training_seconds"] for p in probes if p["training_seconds"] is not None]
    return Results(
        figures,
        [test for claim in ("mass", "srg") for test in _tests(models, claim)],
        _absent(study, probes),
        {name: median(p["seconds"][name] for p in probes) for name in probes[0]["seconds"]},
        median(spent) if spent else None,
        probes[0]["device"],
        _swap(models),
    )


def _swap(models: Models) -> tuple[Estimate, Estimate] | None:
    if OURS not in models.methods or not {RIGHT, WRONG} <= set(models.plan.metrics):
        return None
    right, wrong = models.both(Side(MODEL, OURS), RIGHT, WRONG)
    return None if np.isnan(right.value) else (_within(right, RIGHT), _within(wrong, WRONG))


def _within(figure: Estimate, metric: str) -> Estimate:
    """The figure with its interval cut to the range of the metric."""
    return cut(figure, *registry.metrics.create(metric).range)


def _tests(models: Models, claim: str) -> list[Duel]:
    """Ours against every rival in one metric, corrected together."""
    metric, times = ("relevance_mass", FACTOR) if claim == "mass" else ("srg", 1.0)
    said = f"{OURS} has at least {FACTOR} times the relevance mass" if claim == "mass" else f"{OURS} has more SRG"
    rivals = [name for name in RIVALS if name in models.methods and OURS in models.methods]
    found = [models.against(Side(MODEL, OURS), Side(MODEL, name), metric, times=times) for name in rivals]
    adjusted = holm([e.p for e in found])
    return [Duel(said, metric, name, e, float(p)) for name, e, p in zip(rivals, found, adjusted, strict=True)]


def _absent(study: MaskStudy, probes: Sequence[Mapping[str, Any]]) -> Estimate | None:
    rows = [(value, patient, seed) for seed, p in zip(study.seeds, probes, strict=True) for patient, value in p["absent"]]
    if not rows:
        return None
    values, patients, seeds = zip(*rows, strict=True)
    return cut(estimate(mean_of(np.array(values), np.array(patients), np.array(seeds))))


def page(study: MaskStudy, dataset: Dataset, results: Results) -> Iterator[str]:
    """The lines of `tables.md`."""
    yield f"# Mask networks beside other methods on {dataset.name}\n"
    yield (
        f"Training seeds {', '.join(map(str, study.seeds))}. {each_figure('findings, patients and seeds')} RRA: relevance rank "
        "accuracy; RMA: relevance mass accuracy; complexity: entropy over its greatest value; sparseness: Gini; SRG: gap "
        f"between removing the least and the most important patches first (filler: {study.plan.fillers[0]}). Seconds: one "
        f"image and one finding, the median, on {results.device}.\n"
    )
    named = [name for name in results.figures if name not in (*WITHOUT_LABELS, *BASELINES)]
    for title, names in (("Supervised", named), ("Unsupervised", WITHOUT_LABELS), ("Know nothing of the model", BASELINES)):
        shown = [name for name in names if name in results.figures]
        if shown:
            yield f"## {title}\n"
            yield from _table(results, shown)
            yield ""
    yield "## Tests\n\nPaired by patient, finding and seed; p two-sided for new patients and new runs, Holm over the rivals.\n"
    head = ("claim", "against", "difference", "p", "p, Holm", "claim")
    yield from markdown(head, map(_line, results.tests))
    yield ""
    yield from _said(results)


def _table(results: Results, names: Sequence[str]) -> Iterator[str]:
    columns = [c for c in COLUMNS if c in results.figures[names[0]]]
    rows = (
        [name, *(cell(results.figures[name][c]) for c in columns), f"{results.seconds.get(name, float('nan')):.4f}"]
        for name in names
    )
    yield from markdown(("method", *(COLUMNS[c] for c in columns), "s an image"), rows)


def _line(test: Duel) -> list[str]:
    e = test.found
    difference = f"{e.value:+.3f} [{e.low:+.3f}, {e.high:+.3f}]"
    return [test.claim, test.rival, difference, shown_p(e.p), shown_p(test.adjusted), test.verdict]


def _said(results: Results) -> Iterator[str]:
    """What else was measured, in sentences."""
    if results.swap is not None and results.swap[1].value > 0:
        right, wrong = results.swap
        yield (
            f"* Where an image has marks of several findings, {OURS} puts {cell(right)} of its evidence on the finding that "
            f"was asked for, and {cell(wrong)} on what is marked for others: {right.value / wrong.value:.1f} times as much on "
            "the right one."
        )
    if results.absent is not None:
        yield f"* For findings that an image does not show, the mean of its mask is {cell(results.absent)}."
    for name, count in break_even(results).items():
        yield f"* Its training has paid for itself, in time, after {count:,.0f} explanations by {name}."


def break_even(results: Results) -> dict[str, float]:
    """After how many explanations training has paid for itself, beside each rival that is slower; empty where unknown."""
    own = results.seconds.get(OURS)
    if own is None or results.training is None:
        return {}
    slower = {name: s for name, s in results.seconds.items() if name in (*RIVALS, "relax") and s > own}
    return {name: results.training / (s - own) for name, s in slower.items()}


def _json(results: Results) -> dict[str, Any]:
    return {
        "figures": {name: {c: plain(e) for c, e in row.items()} for name, row in results.figures.items()},
        "tests": [
            {
                "claim": t.claim, "metric": t.metric, "rival": t.rival, "found": plain(t.found),
                "p_holm": finite(t.adjusted), "verdict": t.verdict,
            }
            for t in results.tests
        ],
        "absent": None if results.absent is None else plain(results.absent),
        "seconds": dict(results.seconds),
        "training_seconds": results.training,
        "break_even": break_even(results),
        "device": results.device,
        "swap": None if results.swap is None else {"own": plain(results.swap[0]), "others": plain(results.swap[1])},
    }  # fmt: skip
