"""Reader studies: published level counts give the published figures, and agreement is what others compute."""

from __future__ import annotations

import csv
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from pellucid.errors import DataError
from pellucid.readers import (
    Levels,
    Rating,
    against,
    between_readers,
    compared,
    friedman,
    icc,
    icc_of,
    mixed_effects,
    read_ratings,
    summaries,
    weighted_kappa,
    within_readers,
)
from pellucid.readers.mixed import Design, fitted, minus_log_likelihood
from pellucid.statistics import holm

# Aggregates of the reader study of McInerney et al. 2022, report sentences: 50 a model; counts of levels 1 to 5, mean and
# standard deviation as published; and, for intuitiveness, the share of ratings of 4 and 5.
PUBLISHED = {
    "recall": {
        "GLoRIA": ((9, 9, 9, 12, 11), "3.14", "1.43"),
        "Retrained": ((30, 7, 3, 4, 6), "1.98", "1.45"),
        "+Word": ((30, 8, 7, 2, 3), "1.80", "1.20"),
        "+Clinical": ((33, 8, 3, 2, 4), "1.72", "1.25"),
        "+No-Attn": ((18, 7, 7, 7, 11), "2.72", "1.60"),
        "+Abnormal": ((9, 8, 16, 4, 13), "3.08", "1.43"),
        "+30-shot": ((9, 8, 15, 9, 9), "3.02", "1.35"),
    },
    "precision": {
        "GLoRIA": ((22, 18, 7, 2, 1), "1.84", "0.96"),
        "Retrained": ((33, 3, 5, 6, 3), "1.86", "1.34"),
        "+Word": ((32, 7, 4, 5, 2), "1.76", "1.20"),
        "+Clinical": ((33, 5, 6, 2, 4), "1.78", "1.28"),
        "+No-Attn": ((18, 7, 6, 10, 9), "2.70", "1.57"),
        "+Abnormal": ((14, 10, 14, 8, 4), "2.56", "1.28"),
        "+30-shot": ((19, 15, 7, 6, 3), "2.18", "1.24"),
    },
    "intuitiveness": {
        "GLoRIA": ((25, 17, 7, 1, 0), "1.68", "0.79"),
        "Retrained": ((32, 7, 7, 2, 2), "1.70", "1.11"),
        "+Word": ((33, 8, 7, 2, 0), "1.56", "0.88"),
        "+Clinical": ((34, 5, 9, 1, 1), "1.60", "0.99"),
        "+No-Attn": ((17, 6, 12, 11, 4), "2.58", "1.37"),
        "+Abnormal": ((12, 15, 17, 4, 2), "2.38", "1.07"),
        "+30-shot": ((15, 22, 10, 3, 0), "2.02", "0.87"),
    },
}
AT_LEAST_4 = {"GLoRIA": 2, "Retrained": 8, "+Word": 4, "+Clinical": 4, "+No-Attn": 30, "+Abnormal": 12, "+30-shot": 6}
ROWS = [(question, model, *row) for question, table in PUBLISHED.items() for model, row in table.items()]
LEVEL = st.integers(1, 5)


@pytest.mark.parametrize(("question", "model", "counts", "mean", "sd"), ROWS)
def test_published_counts_give_the_published_means_and_deviations(question, model, counts, mean, sd):
    levels = Levels(counts)
    assert levels.n == 50
    assert f"{levels.mean:.2f}" == mean
    # A deviation that lies within rounding of a half (0.955) was published rounded up.
    assert levels.sd == pytest.approx(float(sd), abs=0.00501)


@pytest.mark.parametrize(("model", "percent"), AT_LEAST_4.items())
def test_published_counts_give_the_published_share_of_intuitive_maps(model, percent):
    assert Levels(PUBLISHED["intuitiveness"][model][0]).share_from(4) == pytest.approx(percent / 100)


@pytest.mark.parametrize("question", PUBLISHED)
def test_ratings_one_by_one_give_the_same_as_their_counts(question):
    ratings = [
        Rating("r", f"i{i}", model, question, int(level))
        for model, (counts, *_) in PUBLISHED[question].items()
        for i, level in enumerate(Levels(counts).single)
    ]
    found = summaries(ratings, question, draws=200)
    assert [one.model for one in found] == list(PUBLISHED[question])
    for one in found:
        counts, mean, _ = PUBLISHED[question][one.model]
        assert one.levels.counts == counts
        assert f"{one.mean.value:.2f}" == mean
        assert one.mean.low < one.mean.value < one.mean.high


@given(st.lists(LEVEL, min_size=2, max_size=40))
def test_mean_and_deviation_are_those_of_numpy(given_levels):
    levels = Levels.of(given_levels, 5)
    assert levels.mean == pytest.approx(np.mean(given_levels))
    assert levels.sd == pytest.approx(np.std(given_levels, ddof=1), abs=1e-12)


def test_no_answer_has_no_mean_and_one_has_no_deviation():
    assert math.isnan(Levels((0, 0, 0)).mean)
    assert math.isnan(Levels((0, 1, 0)).sd)
    with pytest.raises(DataError, match="one for each level"):
        Levels((3, -1))
    with pytest.raises(DataError, match="between 1 and 5"):
        Levels.of([6], 5)
    with pytest.raises(DataError, match="between 1 and 5"):
        Rating("r", "i", "m", "q", 0)


# Agreement


@given(st.lists(st.tuples(LEVEL, LEVEL), min_size=2, max_size=40))
def test_kappa_is_that_of_scikit_learn(pairs):
    a, b = np.array(pairs).T
    ours = weighted_kappa(a, b)
    if len({*a, *b}) == 1:
        assert math.isnan(ours)
    else:
        assert ours == pytest.approx(cohen_kappa_score(a, b, weights="quadratic", labels=range(1, 6)), abs=1e-12)


def test_kappa_of_nothing_and_of_one_level_is_missing():
    assert math.isnan(weighted_kappa([], []))
    assert math.isnan(weighted_kappa([3, 3], [3, 3]))
    assert weighted_kappa([3, 3], [2, 2]) == 0
    with pytest.raises(ValueError, match="paired"):
        weighted_kappa([1], [1, 2])


@given(st.lists(st.tuples(LEVEL, LEVEL), min_size=3, max_size=30), st.integers(0, 5))
def test_the_bootstrap_of_kappa_counts_each_pair_as_often_as_it_is_drawn(pairs, seed):
    rows = [Rating(r, f"i{i}", "m", "q", int(pair[k])) for i, pair in enumerate(pairs) for k, r in enumerate("ab")]
    (found,) = between_readers(rows, "q", draws=20, seed=seed)
    assert found.n == len(pairs)
    assert found.exact.value == pytest.approx(np.mean([x == y for x, y in pairs]))
    np.testing.assert_equal(found.kappa.value, weighted_kappa(*np.array(pairs).T))
    if not math.isnan(found.kappa.low):
        assert -1 - 1e-12 <= found.kappa.low <= found.kappa.high <= 1 + 1e-12


def test_a_reader_who_repeats_is_held_against_the_first_time():
    rows = [Rating("r", f"i{i}", "m", "q", level, repeat=k) for i in range(6) for k, level in enumerate((1 + i % 5, 1 + i % 4))]
    rows += [Rating("s", "i0", "m", "q", 1)]
    (found,) = within_readers(rows, "q", draws=50)
    assert (found.readers, found.n) == (("r", "r"), 6)
    assert found.kappa.value == weighted_kappa([1 + i % 5 for i in range(6)], [1 + i % 4 for i in range(6)])
    assert len(between_readers(rows, "q")) == 1
    assert between_readers([row for row in rows if row.reader == "r"], "q") == []


SHROUT_FLEISS = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float)


def test_icc_is_that_of_the_published_example():
    found = icc(SHROUT_FLEISS)
    assert found.value == pytest.approx(0.29, abs=0.005)
    assert (found.low, found.high) == (pytest.approx(0.019, abs=0.002), pytest.approx(0.761, abs=0.002))
    assert (found.items, found.readers, found.excluded) == (6, 4, 0)


def test_icc_of_readers_who_always_agree_is_1_and_a_constant_shift_lowers_it():
    table = np.repeat(np.arange(1.0, 6.0)[:, None], 2, axis=1)
    assert icc(table).value == 1
    assert icc(table + np.array([0, 1])).value < 1
    assert math.isnan(icc(np.ones((4, 3))).value)
    assert math.isnan(icc(table[:, :1]).value)
    assert math.isnan(icc(np.zeros((0, 3))).value)


def test_icc_leaves_out_items_that_not_everybody_rated():
    missing = np.vstack([SHROUT_FLEISS, [1, np.nan, 2, 3]])
    assert (icc(missing).value, icc(missing).excluded) == (icc(SHROUT_FLEISS).value, 1)
    levels = np.ceil(SHROUT_FLEISS / 2).astype(int)
    rows = [Rating(f"r{j}", f"i{i}", "m", "q", int(levels[i, j])) for i in range(6) for j in range(4)]
    assert icc_of(rows, "q").value == pytest.approx(icc(levels.astype(float)).value)


def test_the_interval_of_icc_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    inside = []
    for _ in range(400):
        items, readers = rng.normal(0, 1, (30, 1)), rng.normal(0, 0.5, (1, 4))
        found = icc(items + readers + rng.normal(0, 1, (30, 4)))
        inside.append(found.low <= 1 / 2.25 <= found.high)
    assert 0.90 <= np.mean(inside) <= 0.99


# Comparisons


def paired(a, b, clusters=None) -> list[Rating]:
    columns = {"new": a, "old": b}
    return [
        Rating("r", f"i{i:03d}", model, "q", int(level), cluster=clusters[i] if clusters else "")
        for model, levels in columns.items()
        for i, level in enumerate(levels)
    ]


@settings(max_examples=25, deadline=None)  # scipy tries all signs of few pairs
@given(st.lists(st.tuples(LEVEL, LEVEL), min_size=1, max_size=30))
def test_wins_ties_and_losses_are_counted_and_p_is_wilcoxons(pairs):
    a, b = np.array(pairs).T
    found = compared(paired(a, b), "q", "new", "old", draws=20)
    assert (found.wins, found.ties, found.losses) == ((a > b).sum(), (a == b).sum(), (a < b).sum())
    assert found.difference.value == pytest.approx((a - b).mean())
    assert found.p == (pytest.approx(scipy.stats.wilcoxon(a, b).pvalue) if (a != b).any() else 1.0)


def test_items_of_one_image_count_as_one_pair():
    rng = np.random.default_rng(0)
    a, b = rng.integers(1, 6, size=(2, 40))
    clusters = [f"c{i // 4}" for i in range(40)]
    found = compared(paired(a, b, clusters), "q", "new", "old")
    assert found.p == pytest.approx(scipy.stats.wilcoxon((a - b).reshape(10, 4).mean(1)).pvalue)
    assert found.difference.patients == 10
    twice = [replace(rating, reader=reader) for reader in ("r", "s") for rating in paired(a, b, clusters)]
    assert compared(twice, "q", "new", "old").p == found.p  # a second reader who agrees adds no pair


def test_all_others_are_compared_with_the_baseline_and_adjusted_together():
    rng = np.random.default_rng(1)
    rows = [Rating("r", f"i{i}", model, "q", int(rng.integers(1, 6))) for model in "abcd" for i in range(20)]
    found = against(rows, "q", "b", draws=50)
    assert [one.model for one in found] == ["a", "c", "d"]
    np.testing.assert_allclose([one.p_holm for one in found], holm([one.p for one in found]))


def test_friedman_is_that_of_scipy_on_complete_items():
    rng = np.random.default_rng(2)
    levels = rng.integers(1, 6, size=(15, 3))
    rows = [Rating("r", f"i{i:02d}", "abc"[m], "q", int(levels[i, m])) for i in range(15) for m in range(3)]
    expected = scipy.stats.friedmanchisquare(*levels.T).pvalue
    assert friedman(rows, "q") == pytest.approx(expected)
    assert friedman([*rows, Rating("r", "alone", "a", "q", 5)], "q") == pytest.approx(expected)


def test_degenerate_comparisons_say_so():
    same = [Rating("r", f"i{i}", model, "q", 3) for model in "abc" for i in range(5)]
    assert friedman(same, "q") == 1.0
    assert math.isnan(friedman(same[:10], "q"))
    assert math.isnan(compared(same, "q", "a", "nobody").p)
    with pytest.raises(DataError, match="No rating answers the question 'p'"):
        friedman(same, "p")
    with pytest.raises(DataError, match="on 3 levels and on 5"):
        summaries([*same, Rating("r", "i9", "a", "q", 3, levels=3)], "q")
    with pytest.raises(DataError, match="two clusters"):
        compared([Rating("r", "i", "a", "q", 3, cluster="x"), Rating("r", "i", "b", "q", 3, cluster="y")], "q", "a", "b")


# Files

COLUMNS = (
    "dicom_sent_id",
    "dicom_id",
    "sent_id",
    "checkpoint_name",
    "prompt",
    "has_good_recall",
    "has_good_precision",
    "is_intuitive",
    "is_custom_prompt",
    "no_attn_score",
)


def write(path: Path, rows: list[tuple], columns=COLUMNS) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


def test_a_file_of_levels_is_read(tmp_path):
    path = write(
        tmp_path / "reader1.csv",
        [
            ("d1_s0", "d1", "s0", "model-a", "a secret sentence", "4", "20-40", "5.0", "False", "0.01"),
            ("d1_s0", "d1", "s0", "model-a", "a secret sentence", "5", "", "1", "False", "0.01"),
            ("d1_s1", "d1", "s1", "model-a", "typed by hand", "80-100%", "1 (misleading)", "2", "True", ""),
        ],
    )
    found = read_ratings(path)
    assert [(r.question, r.level) for r in found[:3]] == [("recall", 4), ("precision", 2), ("intuitiveness", 5)]
    assert {r.reader for r in found} == {"reader1"}
    assert {r.cluster for r in found} == {"d1"}
    assert [(r.question, r.repeat) for r in found[3:5]] == [("recall", 1), ("intuitiveness", 1)]
    assert [r.level for r in found[5:]] == [5, 1, 2]
    assert all(r.custom and r.item.startswith("d1_s1#") for r in found[5:])
    assert "secret" not in repr(found)
    assert "typed" not in repr(found)


def test_the_words_of_the_pilot_are_three_levels_and_bad_precision_is_turned_round(tmp_path):
    columns = tuple("has_bad_precision" if name == "has_good_precision" else name for name in COLUMNS)
    rows = [("d_s", "d", "s", "m", "x", "partially", bad, "yes", "", "") for bad in ("yes", "no")]
    found = read_ratings(write(tmp_path / "pilot.csv", rows, columns), reader="geo")
    assert [(r.question, r.level, r.levels) for r in found[:3]] == [
        ("recall", 2, 3),
        ("precision", 1, 3),
        ("intuitiveness", 3, 3),
    ]
    assert found[4].level == 3
    assert found[0].reader == "geo"


def test_a_study_of_several_readers_says_who_rated_and_under_which_alias(tmp_path):
    rows = [
        ("d_s", "d", "s", "m", "x", "1", "2", "3", "False", "", who, "p1", alias) for who, alias in (("r1", "A"), ("r2", ""))
    ]
    found = read_ratings(write(tmp_path / "x.csv", rows, (*COLUMNS, "reader", "patient", "alias")))
    assert [(r.reader, r.cluster, r.alias) for r in found[::3]] == [("r1", "p1", "A"), ("r2", "p1", None)]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("d_s", "d", "s", "m", "secret", "6", "1", "1", "False", ""), "x.csv row 2, column has_good_recall, holds no level"),
        (
            ("d_s", "d", "s", "m", "secret", "The left lung", "1", "1", "False", ""),
            "x.csv row 2, column has_good_recall, holds no",
        ),
        (
            ("d_s", "d", "s", "m", "secret", "0-40", "1", "1", "False", ""),
            "x.csv row 2, column has_good_recall, holds no level",
        ),
        (("d_s", "d", "s", "", "secret", "1", "1", "1", "False", ""), "x.csv row 2 has no checkpoint_name"),
        (("", "d", "s", "m", "secret", "1", "1", "1", "False", ""), "x.csv row 2 has no dicom_sent_id"),
        (("d_s", "d", "s", "m", "secret", "1", "1", "1", "perhaps", ""), "x.csv row 2, column is_custom_prompt, is neither"),
        (("d_s", "d", "s", "m", "secret", "", "", "", "False", ""), "x.csv holds no rating"),
    ],
)
def test_a_row_that_holds_something_else_is_named_and_not_quoted(tmp_path, row, message):
    with pytest.raises(DataError, match=message) as refusal:
        read_ratings(write(tmp_path / "x.csv", [row]))
    assert "secret" not in str(refusal.value)
    assert "left lung" not in str(refusal.value)


# The mixed-effects model


def simulated(rng, items=40, readers=3, item_sd=1.2, effect=1.0) -> list[Rating]:
    of_item, of_reader = rng.normal(0, item_sd, items), rng.normal(0, 0.4, readers)
    cuts = np.array([-1.0, 0.0, 1.0, 2.0])
    return [
        Rating(f"r{r}", f"i{i}", model, "q", int((gain + of_item[i] + of_reader[r] + rng.logistic() > cuts).sum()) + 1)
        for i in range(items)
        for r in range(readers)
        for model, gain in (("old", 0.0), ("new", effect))
    ]


def test_the_mixed_model_finds_what_was_simulated():
    found = mixed_effects(simulated(np.random.default_rng(0)), "q", "old")
    (effect,) = found.effects
    assert found.converged
    assert effect.low < 1.0 < effect.high
    assert effect.p < 0.01
    assert 0.7 < found.item_sd < 1.8
    assert (found.n, found.items, found.readers) == (240, 40, 3)


def test_the_interval_of_the_mixed_model_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(1)
    runs = [mixed_effects(simulated(rng, items=20, readers=1), "q", "old") for _ in range(20)]
    assert np.mean([run.effects[0].low <= 1.0 <= run.effects[0].high for run in runs]) >= 0.85
    assert abs(np.mean([run.effects[0].value for run in runs]) - 1.0) < 0.3


def design(seed=0, items=12, each=4) -> Design:
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(items), each)
    fixed = np.tile([0.0, 1.0], items * each // 2)[:, None]
    latent = fixed[:, 0] + rng.normal(0, 1, items)[group] + rng.logistic(size=items * each)
    return Design((latent[:, None] > [-0.5, 1.0]).sum(1), fixed, (group,))


def test_without_random_intercepts_the_likelihood_is_that_of_the_cumulative_logit():
    data, parameters = design(), np.array([-0.5, np.log(1.5), 0.7, 0.0])
    cumulative = scipy.stats.logistic.cdf(np.array([-np.inf, -0.5, 1.0, np.inf]) - 0.7 * data.fixed)
    expected = np.log(np.diff(cumulative, axis=1)[np.arange(len(data.levels)), data.levels]).sum()
    assert minus_log_likelihood(parameters, data) == pytest.approx(-expected, abs=1e-10)


def test_laplaces_approximation_is_near_the_integral_over_intercepts():
    data, parameters = design(), np.array([-0.5, np.log(1.5), 0.7, 1.1])
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    edges = np.array([-np.inf, -0.5, 1.0, np.inf])
    eta = 0.7 * data.fixed + 1.1 * nodes  # ratings x nodes
    p = scipy.stats.logistic.cdf(edges[data.levels + 1][:, None] - eta) - scipy.stats.logistic.cdf(
        edges[data.levels][:, None] - eta
    )
    by_item = [p[data.groups[0] == i].prod(axis=0) @ weights / weights.sum() for i in range(12)]
    assert minus_log_likelihood(parameters, data) == pytest.approx(-np.log(by_item).sum(), abs=0.3)


def test_the_fit_is_a_maximum_of_the_likelihood():
    data = design()
    best, value, converged = fitted(data)
    assert converged
    for step in 0.05 * np.eye(len(best)):
        assert min(minus_log_likelihood(best + step, data), minus_log_likelihood(best - step, data)) > value


def test_a_model_that_is_told_apart_completely_has_no_finite_effect():
    rows = [
        Rating("r", f"i{i}", model, "q", level) for i in range(12) for model, level in (("old", 1 + i % 2), ("new", 4 + i % 2))
    ]
    (effect,) = mixed_effects(rows, "q", "old").effects
    assert math.isnan(effect.value)
    assert math.isnan(effect.p)


def test_the_mixed_model_refuses_what_it_cannot_compare():
    rows = [Rating("r", f"i{i}", model, "q", 3) for i in range(4) for model in ("old", "new")]
    with pytest.raises(DataError, match="are equal"):
        mixed_effects(rows, "q", "old")
    with pytest.raises(DataError, match="choose a baseline"):
        mixed_effects(rows, "q", "other")
