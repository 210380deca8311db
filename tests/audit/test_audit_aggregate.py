from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid import finding
from pellucid.audit.aggregate import Frame, summarise
from pellucid.audit.comparing import Contest, against_baseline, against_best, best_of
from pellucid.finding import Finding
from pellucid.statistics import bootstrap_mean

AP = Contest("plausibility", "average_precision", "", True)


def rows(
    method: str, values: Sequence[float], metric: str = "average_precision", seed: int = 0, size: int = 2
) -> list[Finding]:
    """One value a case; `size` cases a patient; strata by turns."""
    strata = ("true positive", "false negative")
    return [
        Finding(f"c{i}", f"p{i // size}", "A", strata[i % 2], method, metric, "", v, seed, "") for i, v in enumerate(values)
    ]


def frame(*parts: list[Finding]) -> Frame:
    return Frame(finding.to_table([f for part in parts for f in part]))


@given(st.lists(st.floats(0, 1) | st.just(math.nan), min_size=1, max_size=30))
@settings(deadline=None, max_examples=40)
def test_figure_is_the_naive_mean_of_what_is_not_missing(values: list[float]) -> None:
    interval = frame(rows("m", values)).interval("m", "average_precision", "", 50, 0)
    known = [v for v in values if not math.isnan(v)]
    assert (interval.n, interval.excluded) == (len(known), len(values) - len(known))
    if known:
        assert interval.value == pytest.approx(np.mean(known))
    else:
        assert math.isnan(interval.value)


def test_intervals_resample_patients_and_not_cases() -> None:
    values = np.repeat(np.linspace(0, 1, 8), 4)
    clustered = frame(rows("m", values, size=4)).interval("m", "average_precision", "", 2000, 0)
    alone = bootstrap_mean(values, np.arange(len(values)), draws=2000)
    assert clustered.patients == 8
    assert clustered.high - clustered.low > 1.5 * (alone.high - alone.low)


def test_strata_are_parts_of_the_whole() -> None:
    whole = frame(rows("m", [0.0, 1.0, 0.2, 0.6]))
    found, missed = (whole.sample("m", "average_precision", "", s).values for s in ("true positive", "false negative"))
    assert found.tolist() == [0.0, 0.2]
    assert missed.tolist() == [1.0, 0.6]


def test_pooled_figures_sum_counts_before_they_divide() -> None:
    counts = {"true_positives": [3, 0], "false_positives": [1, 4], "false_negatives": [0, 2]}
    whole = frame(*(rows("m", [float(v) for v in values], metric) for metric, values in counts.items()))
    pooled = {
        ratio: whole.interval("m", ratio, "", 50, 0).value for ratio in ("pooled_precision", "pooled_recall", "pooled_f1")
    }
    assert pooled == {"pooled_precision": 3 / 8, "pooled_recall": 3 / 5, "pooled_f1": 6 / 13}


def test_nothing_measured_is_nan_and_not_an_error() -> None:
    interval = frame(rows("m", [0.5])).interval("other", "average_precision", "", 50, 0)
    assert math.isnan(interval.value)
    assert interval.n == 0


def test_empty_table_has_no_figures() -> None:
    assert list(summarise(Frame(finding.to_table([])), ("true positive",), 50, 0)) == []


def test_order_of_rows_changes_no_figure() -> None:
    table = finding.to_table([*rows("a", np.linspace(0, 1, 12).tolist()), *rows("b", [0.3] * 12)])
    order = np.random.default_rng(0).permutation(len(table))
    shuffled = table.take(pa.array(order))
    for name in ("a", "b"):
        one, other = (Frame(t).interval(name, "average_precision", "", 200, 0) for t in (table, shuffled))
        assert one.value == pytest.approx(other.value)
        assert one.patients == other.patients
    first, second = (against_best(Frame(t), AP, ["a", "b"], 0)[0] for t in (table, shuffled))
    assert first.paired.difference == pytest.approx(second.paired.difference)


def test_seeds_are_averaged_before_patients_are_drawn() -> None:
    one, two = rows("m", [0.2, 0.4, 0.6, 0.8], seed=1), rows("m", [0.4, 0.6, 0.8, 1.0], seed=2)
    both = frame(one, two).interval("m", "average_precision", "", 200, 0)
    assert (both.seeds, both.patients) == (2, 2)
    assert both.value == pytest.approx(0.6)
    assert both.seed_sd == pytest.approx(np.std([0.5, 0.7], ddof=1))


def test_summary_holds_every_metric_overall_and_by_stratum() -> None:
    found = list(summarise(frame(rows("m", [0.1, 0.9])), ("true positive", "false positive", "false negative"), 50, 0))
    assert [(r.stratum, r.interval.value) for r in found] == [("", 0.5), ("true positive", 0.1), ("false negative", 0.9)]


def test_best_method_and_best_baseline_are_told_apart() -> None:
    whole = frame(rows("good", [0.9] * 4), rows("bad", [0.1] * 4), rows("random", [0.2] * 4), rows("prior", [0.3] * 4))
    assert best_of(whole, AP, ["bad", "good", "random", "prior"]) == ("good", "prior")
    lower = Contest("faithfulness", "average_precision", "", higher=False)
    assert best_of(whole, lower, ["bad", "good", "random", "prior"]) == ("bad", "random")


def test_methods_are_tested_against_the_best_baseline_with_holm() -> None:
    noise = np.random.default_rng(0).normal(0, 0.05, 40)
    whole = frame(
        rows("good", (0.8 + noise).tolist()), rows("same", (0.3 + noise[::-1]).tolist()), rows("prior", (0.3 + noise).tolist()),
        rows("random", [0.1] * 40),
    )  # fmt: skip
    found = {c.explainer: c for c in against_baseline(whole, AP, ["good", "same", "prior", "random"], 0)}
    assert {c.against for c in found.values()} == {"prior"}
    assert (found["good"].better, found["same"].better) == (True, False)
    assert found["good"].adjusted == pytest.approx(2 * found["good"].paired.p)


def test_pairs_are_of_the_same_case_and_target() -> None:
    left, right = rows("a", [0.1, 0.2, 0.3]), rows("b", [0.0, 0.0, 0.1])[::-1]
    (comparison,) = against_best(frame(left, right[:2]), AP, ["a", "b"], 0)
    assert comparison.paired.n == 2
    assert comparison.paired.difference == pytest.approx((0.2 + 0.2) / 2)
