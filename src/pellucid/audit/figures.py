"""The figures of the report, as SVG that is the same on every run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from pellucid.audit.comparing import Contest, means
from pellucid.audit.finished import Finished
from pellucid.audit.wording import SETTINGS, heading, listed, number
from pellucid.metrics.base import shares
from pellucid.metrics.pooled import Pooled
from pellucid.overlay import svg_of
from pellucid.statistics import Interval, bootstrap_mean

# Okabe and Ito's colours, told apart by colour-blind readers; line styles repeat the difference for print.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9")
STYLES = ("-", "--", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (3, 1)))
BASELINE_STYLES: Mapping[str, Any] = {"random": ":", "uniform": (0, (1, 3)), "prior": (0, (6, 2))}
GREY = "#6b7280"
DRAWN = len(COLOURS)
GRID = np.linspace(0.0, 1.0, 26) ** 2  # fine where few words are gone
TICKS = (0, 1, 5, 10, 25, 50, 100)
RECALLS = np.linspace(0.01, 1.0, 100)


@dataclass(frozen=True)
class Drawing:
    """One figure.

    Attributes:
        svg: the picture, safe to place into a page.
        title: a short heading.
        alt: what the picture shows, in words.
        caption: how to read it.
    """

    svg: str
    title: str
    alt: str
    caption: str


def drawn(audit: Finished) -> list[str]:
    """The methods that curves are drawn of: the best on each primary metric in turn, at most five, then all baselines."""
    rankings = []
    for contest in audit.contests:
        found = means(audit.frame, contest, audit.methods)
        rankings.append(sorted(found, key=lambda name: found[name], reverse=contest.higher))
    turns = [name for place in zip(*rankings, strict=False) for name in place] or audit.methods
    return list(dict.fromkeys(turns))[:DRAWN] + audit.baselines


def recall_curves(audit: Finished) -> Drawing | None:
    """Precision and recall of the marked words, all targets pooled; None without evidence."""
    figure, axes = _axes()
    areas = {}
    for name, style in _styles(audit):
        rows = list(_evidence_rows(audit, name))
        if not rows:
            return None
        pool = Pooled.of(rows)
        areas[name] = float(pool.average_precision(np.ones((1, pool.rows)))[0])
        axes.plot(RECALLS, pool.curve().precision_at(RECALLS), label=f"{name} ({number(areas[name])})", **style)
    axes.set(xlabel="recall: share of marked words found", ylabel="precision: share of shown words marked")
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    _legend(figure, "method (pooled average precision)")
    ranked = sorted(areas, key=lambda name: -areas[name])
    said = listed([f"{name} {number(areas[name])}" for name in ranked])
    return Drawing(
        svg_of(figure, "recall"),
        "Finding what people marked",
        f"Precision-recall curves of the evidence. Pooled average precision: {said}.",
        "Words of all notes in one ranking by their share of the explanation. The higher the curve, the fewer unmarked words "
        "a reader meets before the marked ones.",
    )


def perturbation_curves(audit: Finished) -> Drawing | None:
    """Mean output of the model as words are removed or kept, with 95 % bands over patients; None where not measured."""
    filler = audit.plan.fillers[0]
    curves = {name: _curves(audit, filler, name) for name in drawn(audit)}
    if not curves or not all(len(rows) for rows, _ in curves.values()):
        return None
    figure = Figure(figsize=(9.0, 3.6), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    banded = [names[0] for names in ([n for n in curves if n not in audit.baselines], audit.baselines) if names]
    for name, style in _styles(audit):
        for side, axes in enumerate(panels):
            axes.plot(100 * GRID, curves[name][0][:, side].mean(axis=0), label=name, **style)
            if name in banded:
                low, high = _band(*curves[name], side, audit)
                axes.fill_between(100 * GRID, low, high, color=style["color"], alpha=0.13, lw=0)
    panels[0].set(xlabel="% of words removed, top ones first", ylabel=f"mean {audit.plan.scale}")
    panels[1].set(xlabel="% of words kept, top ones first")
    for axes in panels:
        _tidy(axes)
        axes.set_xlim(0, 100)
        axes.set_xscale("function", functions=(np.sqrt, np.square))
        axes.set_xticks(TICKS, [str(tick) for tick in TICKS])
    _legend(figure, "method", panels[0])
    return Drawing(
        svg_of(figure, "perturbation"),
        "What the model loses without the words",
        "Two panels of curves, one line a method: the model's mean output as the highest ranked words are removed (left) and "
        "as only they are kept (right). " + _ends({name: rows for name, (rows, _) in curves.items()}),
        "Left: a good explanation lets the output fall fast. Right: it lets the output rise fast. Bands, for the first method "
        "and the best baseline, are 95 % intervals over patients. The axis is stretched where few words are gone. "
        f"Removed words are {SETTINGS[filler].removeprefix('words ')}.",
    )


def trade(audit: Finished) -> Drawing | None:
    """Faithfulness against plausibility, one point a method with both intervals; None unless both were measured."""
    across, up = audit.contest("plausibility"), audit.contest("faithfulness")
    if across is None or up is None:
        return None
    figure, axes = _axes()
    for index, name in enumerate([*audit.methods, *audit.baselines], start=1):
        x, y = (_interval(audit, contest, name) for contest in (across, up))
        if np.isnan(x.value) or np.isnan(y.value):
            continue
        colour = GREY if name in audit.baselines else COLOURS[(index - 1) % DRAWN]
        axes.plot([x.low, x.high], [y.value] * 2, color=colour, lw=1, alpha=0.35)
        axes.plot([x.value] * 2, [y.low, y.high], color=colour, lw=1, alpha=0.35)
        shape = "s" if name in audit.baselines else "o"
        axes.plot(x.value, y.value, shape, color=colour, ms=11, mec="white", label=f"{index}  {name}")
        axes.annotate(str(index), (x.value, y.value), ha="center", va="center", fontsize=7, color="white", fontweight="bold")
    _legend(figure, "method", marker=False)
    axes.set(xlabel=f"{heading(across.metric).short} (agrees with people) →")
    axes.set(ylabel=f"{'' if up.higher else 'low '}{heading(up.metric).short} (agrees with the model) →")
    return Drawing(
        svg_of(figure, "trade"),
        "Faithful or merely plausible?",
        f"Scatter of methods: {heading(across.metric).short} across, {heading(up.metric).short} up. Numbers are in the tables.",
        "Far right: points at what people marked. Far up: points at what the model uses. A method at the right but low tells a "
        "story that pleases people more than it describes the model. Squares are baselines; bars are 95 % intervals.",
    )


def _interval(audit: Finished, contest: Contest, name: str) -> Interval:
    return audit.frame.interval(name, contest.metric, contest.setting, audit.plan.draws, audit.plan.seed)


def _evidence_rows(audit: Finished, name: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Shares and marks of one method on every target with evidence; one method's scores in memory at a time."""
    for whole in audit.explained():
        for scores, truth in zip(whole.array(f"scores/{name}"), whole.array("truth"), strict=True):
            if truth.any():
                yield shares(scores), truth


def _curves(audit: Finished, filler: str, name: str) -> tuple[Float[np.ndarray, "N 2 G"], list[str]]:
    """One method's curves of removing and of keeping words on a common grid of fractions, and whose they are."""
    rows: list[Float[np.ndarray, "2 G"]] = []
    patients: list[str] = []
    for whole in audit.explained():
        if "sweep" not in whole.facts["cost"]["perturbation"].get(filler, {}):
            continue
        counts = whole.array(f"counts/{filler}")
        if len(counts) < 2:  # nothing could be removed
            continue
        both = whole.array(f"curves/{filler}/{name}")
        rows += [np.array([np.interp(GRID, counts / counts[-1], side) for side in sides]) for sides in both]
        patients += [whole.facts["patient"]] * len(both)
    return np.array(rows).reshape(len(rows), 2, len(GRID)), patients


def _band(
    rows: Float[np.ndarray, "N 2 G"], patients: Sequence[str], side: int, audit: Finished
) -> tuple[list[float], list[float]]:
    """Pointwise intervals of the mean."""
    draws, seed = min(500, audit.plan.draws), audit.plan.seed
    found = [bootstrap_mean(rows[:, side, g], patients, draws=draws, seed=seed) for g in range(len(GRID))]
    return [i.low for i in found], [i.high for i in found]


def _ends(curves: Mapping[str, Float[np.ndarray, "N 2 G"]]) -> str:
    tenth = int(np.argmin(np.abs(GRID - 0.1)))
    said = listed([f"{name} {number(float(rows[:, 0, tenth].mean()))}" for name, rows in curves.items()])
    return f"After removing a tenth of the words: {said}."


def _styles(audit: Finished) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every drawn method with its colour and line."""
    methods = [name for name in drawn(audit) if name not in audit.baselines]
    for i, name in enumerate(methods):
        yield name, {"color": COLOURS[i], "ls": STYLES[i], "lw": 1.8}
    for name in audit.baselines:
        yield name, {"color": GREY, "ls": BASELINE_STYLES.get(name, ":"), "lw": 1.3}


def _axes() -> tuple[Figure, Any]:
    figure = Figure(figsize=(7.4, 3.9), layout="constrained")
    axes = figure.subplots()
    _tidy(axes)
    return figure, axes


def _tidy(axes: Any) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e5e7eb", lw=0.8)
    axes.set_axisbelow(True)


def _legend(figure: Figure, title: str, axes: Any = None, marker: bool = True) -> None:
    handles, labels = (axes or figure.axes[0]).get_legend_handles_labels()
    size = {} if marker else {"markerscale": 0.6}
    figure.legend(
        handles, labels, title=title, loc="outside right center", frameon=False, fontsize=8, title_fontsize=8, **size,
        alignment="left",
    )  # fmt: skip
