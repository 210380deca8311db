import time

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from image_readings import drawn, marked_images, reading
from sklearn.metrics import average_precision_score, f1_score, jaccard_score, roc_auc_score

from pellucid.errors import PellucidError
from pellucid.metrics.base import Metric, Undefined
from pellucid.metrics.overlap import otsu
from pellucid.metrics.places import widened
from pellucid.registry import metrics

CORNER = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]], dtype=bool)


def named(name: str) -> Metric:
    return metrics.create(name)


# Mass


def test_relevance_mass_counts_the_positive_part_alone():
    scores = np.array([[3.0, -100.0], [1.0, -7.0]])
    assert named("relevance_mass")(reading(scores, [[1, 1], [0, 0]])) == 0.75


@given(st.integers(1, 15), st.floats(1e-6, 1e6))
def test_an_even_map_has_the_relevance_mass_of_chance(marked, height):
    truth = np.arange(16).reshape(4, 4) < marked
    even = reading(np.full((4, 4), height), truth)
    assert named("relevance_mass")(even) == pytest.approx(marked / 16)
    assert named("relevance_mass_gain")(even) == pytest.approx(1.0)
    assert named("evidence_share")(even) == marked / 16


def test_random_maps_have_the_relevance_mass_of_chance_on_average():
    random = np.random.default_rng(0)
    values = [named("relevance_mass")(reading(random.exponential(size=(8, 8)), np.arange(64) < 16)) for _ in range(400)]
    assert np.mean(values) == pytest.approx(0.25, abs=4 * np.std(values) / 20)


@pytest.mark.parametrize("scores", [np.zeros((4, 4)), np.full((4, 4), -1.0)])
@pytest.mark.parametrize("name", ["relevance_mass", "relevance_mass_gain", "k90_share"])
def test_a_map_without_positive_score_has_no_mass(name, scores):
    with pytest.raises(Undefined, match="no score is positive"):
        named(name)(reading(scores, CORNER))


def test_mass_on_evidence_of_other_labels_is_measured_where_they_have_any():
    scores = np.array([[3.0, 1.0], [0.0, 0.0]])
    beside = reading(scores, [[1, 0], [0, 0]], others=np.array([False, True, False, False]))
    assert named("relevance_mass_on_others")(beside) == 0.25
    with pytest.raises(Undefined, match="no other label"):
        named("relevance_mass_on_others")(reading(scores, CORNER[:2, :2], others=np.zeros(4, dtype=bool)))


def test_where_everything_is_marked_all_of_the_mass_is_right_and_every_place():
    everywhere = reading(drawn(5)[0], np.ones((5, 5)))
    names = [
        "relevance_mass",
        "relevance_mass_gain",
        "relevance_rank",
        "pointing_game",
        "pointing_game_15",
        "top_intersection_2",
    ]
    assert [named(name)(everywhere) for name in names] == [pytest.approx(1.0)] * len(names)
    for name in ("cnr", "auroc"):
        with pytest.raises(Undefined, match="every unit is evidence"):
            named(name)(everywhere)


# Places


@pytest.mark.parametrize("turns", range(4))
def test_a_constant_map_stands_at_chance_wherever_the_evidence_lies(turns):
    constant = reading(np.zeros((4, 4)), np.rot90(CORNER, turns))
    for name in ("relevance_rank", "pointing_game", "top_intersection_2"):
        assert named(name)(constant) == 0.25


@given(marked_images())
def test_relevance_rank_is_the_mean_over_random_orders_of_equal_scores(case):
    scores, truth = case
    random, size = np.random.default_rng(0), int(truth.sum())
    found = []
    for _ in range(300):
        order = np.lexsort((random.random(scores.size), -scores.ravel()))
        found.append(truth.ravel()[order[:size]].mean())
    spread = 4 * np.std(found) / np.sqrt(300) + 1e-9
    assert named("relevance_rank")(reading(scores, truth)) == pytest.approx(np.mean(found), abs=max(spread, 0.02))


def test_of_several_highest_pixels_the_pointing_game_counts_the_share_that_hits():
    scores = np.array([[5.0, 0.0, 5.0], [0.0, 5.0, 0.0], [0.0, 0.0, 5.0]])
    truth = np.array([[1, 0, 0], [0, 0, 0], [0, 1, 0]])
    assert named("pointing_game")(reading(scores, truth)) == 0.25


@settings(deadline=None)  # the first call imports scipy.ndimage
@given(marked_images(), st.integers(0, 60))
def test_tolerance_reaches_exactly_the_pixels_that_lie_near_enough(case, tolerance):
    scores, truth = case
    radius = tolerance * max(truth.shape) / 224
    places = np.stack(np.meshgrid(*map(np.arange, truth.shape), indexing="ij"), -1).reshape(-1, 2)
    away = np.linalg.norm(places[:, None] - places[truth.ravel()][None], axis=-1).min(axis=1)
    assume(not np.isclose(away, radius).any())
    assert np.array_equal(widened(truth, radius).ravel(), away <= radius)
    first = scores.ravel() == scores.max()
    game = metrics.create("pointing_game", tolerance=tolerance)
    assert game(reading(scores, truth)) == pytest.approx((away <= radius)[first].mean())


def test_fifteen_pixels_are_meant_at_224_a_side():
    scores, truth = np.zeros((112, 50)), np.zeros((112, 50))
    truth[0, 0] = 1
    near, far = scores.copy(), scores.copy()
    near[7, 0] = far[8, 0] = 1.0
    assert named("pointing_game_15")(reading(near, truth)) == 1.0
    assert named("pointing_game_15")(reading(far, truth)) == 0.0


def test_the_pointing_game_works_on_volumes():
    scores, truth = np.zeros((5, 6, 7)), np.zeros((5, 6, 7))
    truth[1, 1, 1] = scores[2, 1, 1] = 1.0
    assert named("pointing_game")(reading(scores, truth)) == 0.0
    assert metrics.create("pointing_game", tolerance=40)(reading(scores, truth)) == 1.0


def test_top_intersection_of_a_map_that_puts_the_evidence_first_is_1_however_small_the_evidence():
    scores, _ = drawn(20)
    for marked in (1, 3, 8, 50):
        truth = scores >= np.sort(scores.ravel())[-marked]
        assert named("top_intersection_2")(reading(scores, truth)) == 1.0


def test_top_intersection_takes_two_in_a_hundred_pixels():
    scores = -np.arange(400.0).reshape(20, 20)
    truth = np.zeros((20, 20), dtype=bool)
    truth.ravel()[[0, 3, 7, 8, 9, 10, 11, 12, 13, 14]] = True
    assert named("top_intersection_2")(reading(scores, truth)) == 3 / 8


@pytest.mark.parametrize(("name", "setting"), [("pointing_game", {"tolerance": -1}), ("top_intersection_2", {"percent": 0})])
def test_settings_without_meaning_are_refused(name, setting):
    with pytest.raises(PellucidError):
        metrics.create(name, **setting)


# Overlap


@given(marked_images(), st.sampled_from([0.0, 0.0123456789, 0.0567891234]))
def test_iou_and_dice_agree_with_scikit_learn(case, threshold):
    scores, truth = case
    positive = np.maximum(scores, 0)
    shown = positive / max(positive.sum(), 1e-300) > threshold
    r = reading(scores, truth, threshold)
    assert named("iou")(r) == pytest.approx(jaccard_score(truth.ravel(), shown.ravel(), zero_division=0))
    assert named("dice")(r) == pytest.approx(f1_score(truth.ravel(), shown.ravel(), zero_division=0))


@given(marked_images())
def test_otsus_cut_leaves_the_least_variance_within_the_classes(case):
    values = np.maximum(case[0].ravel(), 0)
    shown = otsu(values)
    assume(len(set(values)) > 1)

    def within(at: float) -> float:
        upper = values >= at
        return float(values[upper].var() * upper.sum() + values[~upper].var() * (~upper).sum())

    cuts = sorted(set(values))[1:]
    assert within(values[shown].min()) == pytest.approx(min(map(within, cuts)))
    assert values[shown].min() > values[~shown].max()


def test_a_map_that_shows_nothing_overlaps_nothing_and_an_even_one_shows_everything():
    for name in ("iou_otsu", "dice_otsu"):
        assert named(name)(reading(-np.ones((4, 4)), CORNER)) == 0.0
    assert named("iou_otsu")(reading(np.ones((4, 4)), CORNER)) == 0.25
    assert named("iou")(reading(-np.ones((4, 4)), CORNER, threshold=0.0)) == 0.0
    with pytest.raises(Undefined, match="no threshold"):
        named("iou")(reading(np.ones((4, 4)), CORNER))


# Contrast


def test_contrast_is_signed_and_counts_the_spread_on_both_sides():
    scores, truth = np.array([[4.0, 6.0], [1.0, 1.0]]), [[1, 1], [0, 0]]
    assert named("cnr")(reading(scores, truth)) == pytest.approx(4.0)
    assert named("cnr")(reading(-scores, truth)) == pytest.approx(-4.0)
    assert named("cnr_absolute")(reading(-scores, truth)) == pytest.approx(4.0)


@pytest.mark.parametrize("scores", [np.zeros((4, 4)), np.full((4, 4), 0.1), CORNER.astype(float)])
def test_a_map_without_spread_has_no_contrast(scores):
    with pytest.raises(Undefined, match="vary"):
        named("cnr")(reading(scores, CORNER))


@given(marked_images(), st.floats(-100, 100))
def test_contrast_does_not_change_when_all_scores_are_shifted(case, shift):
    scores, truth = case
    assume(not truth.all() and scores[truth].std() + scores[~truth].std() > 0)
    before, after = (named("cnr")(reading(s, truth)) for s in (scores, scores + shift))
    assert after == pytest.approx(before, rel=1e-6, abs=1e-6)


# Complexity


@given(marked_images())
def test_k90_share_is_the_smallest_set_that_holds_nine_tenths(case):
    positive = np.sort(np.maximum(case[0].ravel(), 0))[::-1]
    assume(positive.any())
    enough = [k for k in range(1, positive.size + 1) if positive[:k].sum() * 10 >= 9 * positive.sum() - 1e-9]
    assert named("k90_share")(reading(case[0])) == enough[0] / positive.size


# All of them


@given(marked_images(), st.integers(0, 2**32 - 1))
def test_moving_pixels_and_marks_together_changes_no_metric_of_sets(case, seed):
    scores, truth = case
    order = np.random.default_rng(seed).permutation(scores.size)
    moved = [x.ravel()[order].reshape(x.shape) for x in (scores, truth)]
    for name in (
        "relevance_mass",
        "relevance_rank",
        "pointing_game",
        "top_intersection_2",
        "iou_otsu",
        "iou",
        "auroc",
        "k90_share",
    ):
        values = []
        for r in (reading(scores, truth, 0.0123456789), reading(*moved, 0.0123456789)):
            try:
                values.append(named(name)(r))
            except Undefined as reason:
                values.append(str(reason))
        assert values[0] == (values[1] if isinstance(values[1], str) else pytest.approx(values[1]))


@pytest.mark.parametrize("ties", [False, True])
def test_ranking_metrics_of_pixels_agree_with_scikit_learn_and_take_milliseconds(ties):
    scores, truth = drawn(224)
    r = reading(np.round(scores, 1) if ties else scores, truth)
    assert named("auroc")(r) == pytest.approx(roc_auc_score(r.truth, r.scores), abs=1e-12)
    assert named("average_precision")(r) == pytest.approx(average_precision_score(r.truth, r.scores), abs=1e-12)
    for name in ("auroc", "average_precision", "relevance_rank", "iou_otsu", "pointing_game_15"):
        spent = []
        for _ in range(5):
            start = time.process_time()
            named(name)(r)
            spent.append(time.process_time() - start)
        assert min(spent) < 0.05, name  # about 5 ms on an idle core
