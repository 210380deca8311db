"""From findings to figures: means and pooled ratios with intervals that resample patients.

The findings of several runs (training seeds) may be put together with :func:`pellucid.finding.concatenate`; intervals then
average over the seeds of each patient, and say how far the seeds differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Int

from pellucid.audit.performing import COUNTS as MODEL_COUNTS
from pellucid.finding import SCHEMA
from pellucid.statistics import Interval, bootstrap_mean, bootstrap_ratio

COUNTED = ("true_positives", "false_positives", "false_negatives")
POOLED = ("pooled_precision", "pooled_recall", "pooled_f1")
"""Ratios of sums over all targets, from the counts of words shown and marked; what the literature calls micro figures."""
BUDGET_COUNTED = ("budget_true_positives", "budget_false_positives", "budget_false_negatives")
BUDGET_POOLED = ("budget_pooled_precision", "budget_pooled_recall", "budget_pooled_f1")
"""The same at the threshold of a matched length."""
RATIOS = {**dict.fromkeys(POOLED, COUNTED), **dict.fromkeys(BUDGET_POOLED, BUDGET_COUNTED)}
"""The counts behind each pooled ratio of explanations."""
MODEL_POOLED = ("model_precision", "model_recall", "model_f1")


@dataclass(frozen=True, eq=False)
class Sample:
    """The values of one method, metric and setting.

    Attributes:
        values: NaN where the metric refused.
        patients, seeds: whose each value is, and of which training seed.
        keys: which case, target and seed each value belongs to; equal keys of two samples are about the same thing.
    """

    values: Float[np.ndarray, " N"]
    patients: Int[np.ndarray, " N"]
    seeds: Int[np.ndarray, " N"]
    keys: Int[np.ndarray, " N"]

    def interval(self, draws: int, seed: int) -> Interval:
        """The mean with its interval over patients."""
        return bootstrap_mean(self.values, self.patients, self.seeds, draws=draws, seed=seed)


class Frame:
    """A table of findings, indexed by method, metric, setting and stratum.

    Args:
        findings: with the columns of :class:`pellucid.finding.Finding`.
    """

    def __init__(self, findings: pa.Table) -> None:
        columns = {name: _encoded(findings, name) for name in SCHEMA.names if name not in ("value", "seed")}
        codes = {name: code for name, (code, _) in columns.items()}
        self._names = {name: {text: i for i, text in enumerate(names)} for name, (_, names) in columns.items()}
        self._values = findings["value"].to_numpy()
        self._seeds = findings["seed"].to_numpy()
        self._patients, self._strata = codes["patient"], codes["stratum"]
        seeds = np.unique(self._seeds, return_inverse=True)[1]
        self._keys = (codes["case"] * len(self._names["target"]) + codes["target"]) * (seeds.max(initial=0) + 1) + seeds
        self._rows = _index(codes["explainer"], codes["metric"], codes["setting"])

    def sample(self, explainer: str, metric: str, setting: str = "", stratum: str | None = None) -> Sample:
        """The values of one method, metric and setting, of all strata or one; empty if there are none."""
        address = tuple(
            self._names[column].get(text, -1)
            for column, text in (("explainer", explainer), ("metric", metric), ("setting", setting))
        )
        rows = self._rows.get(address, np.zeros(0, dtype=np.int64))
        if stratum is not None:
            rows = rows[self._strata[rows] == self._names["stratum"].get(stratum, -1)]
        return Sample(self._values[rows], self._patients[rows], self._seeds[rows], self._keys[rows])

    def addresses(self) -> list[tuple[str, str, str]]:
        """Every (explainer, metric, setting) that has findings, in order of first appearance in each column."""
        names = [list(self._names[column]) for column in ("explainer", "metric", "setting")]
        return [(names[0][e], names[1][m], names[2][s]) for e, m, s in sorted(self._rows)]

    def pooled(
        self, explainer: str, ratio: str, draws: int, seed: int, stratum: str | None = None, counts: Sequence[str] = COUNTED
    ) -> Interval:
        """Precision, recall or F1 (the last word of `ratio`) over the summed counts, with its interval over patients."""
        hits, extra, missed = (self.sample(explainer, name, "", stratum) for name in counts)
        tp, fp, fn = hits.values, extra.values, missed.values
        above, below = {"precision": (tp, tp + fp), "recall": (tp, tp + fn), "f1": (2 * tp, 2 * tp + fp + fn)}[
            ratio.rsplit("_", 1)[-1]
        ]
        return bootstrap_ratio(above, below, hits.patients, hits.seeds, draws=draws, seed=seed)

    def interval(
        self, explainer: str, metric: str, setting: str, draws: int, seed: int, stratum: str | None = None
    ) -> Interval:
        """The figure of one method: a mean, or a pooled ratio where `metric` is one of :data:`RATIOS`."""
        if metric in RATIOS:
            return self.pooled(explainer, metric, draws, seed, stratum, RATIOS[metric])
        if metric in MODEL_POOLED:
            return self.pooled("", metric, draws, seed, counts=MODEL_COUNTS)
        return self.sample(explainer, metric, setting, stratum).interval(draws, seed)


@dataclass(frozen=True)
class Row:
    """One figure of the summary.

    Attributes:
        stratum: empty for all strata together.
    """

    explainer: str
    metric: str
    setting: str
    stratum: str
    interval: Interval


def summarise(frame: Frame, strata: Sequence[str], draws: int, seed: int) -> Iterator[Row]:
    """Every figure of an audit: each method, metric and setting, overall and in each stratum, and the pooled ratios.

    Figures about the model have no strata.
    """
    addresses = frame.addresses()
    pooled = [(e, ratio, "") for ratio, parts in RATIOS.items() for e, m, _ in addresses if m == parts[0]]
    model = [("", ratio, "") for ratio in MODEL_POOLED if any(m == MODEL_COUNTS[0] for _, m, _ in addresses)]
    for explainer, metric, setting in [*addresses, *pooled, *model]:
        if metric in (*COUNTED, *BUDGET_COUNTED, *MODEL_COUNTS):
            continue
        for stratum in ("", *strata) if explainer else ("",):
            interval = frame.interval(explainer, metric, setting, draws, seed, stratum or None)
            if interval.n + interval.excluded:
                yield Row(explainer, metric, setting, stratum, interval)


def _encoded(table: pa.Table, name: str) -> tuple[Int[np.ndarray, " N"], list[str]]:
    """A column of texts as codes and the texts, in order of first appearance."""
    column = table[name].cast(pa.string()).dictionary_encode().unify_dictionaries()
    chunks: list[Any] = column.chunks
    if not chunks:
        return np.zeros(0, dtype=np.int64), []
    codes = np.concatenate([chunk.indices.to_numpy(zero_copy_only=False) for chunk in chunks])
    return codes.astype(np.int64), chunks[0].dictionary.to_pylist()


def _index(*codes: Int[np.ndarray, " N"]) -> dict[tuple[int, ...], Int[np.ndarray, " n"]]:
    """The rows of each combination of codes, in their order."""
    if not len(codes[0]):
        return {}
    order = np.lexsort((np.arange(len(codes[0])), *reversed(codes)))
    block = np.stack(codes)[:, order]
    starts = np.flatnonzero(np.append(True, (np.diff(block) != 0).any(axis=0)))
    groups = np.split(order, starts[1:])
    return {tuple(block[:, start].tolist()): rows for start, rows in zip(starts, groups, strict=True)}
