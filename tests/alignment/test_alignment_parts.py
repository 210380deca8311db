"""Facts about the parts of an audit of alignment: maps, versions of pictures, the prior, rules and their words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from alignment_fakes import SIZE, SQUARES, absent, case, lung, reports, said
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import entropy
from sklearn.metrics import roc_auc_score

from pellucid.alignment import AlignmentPlan
from pellucid.alignment.asking import battery, twin
from pellucid.alignment.gallery import Half
from pellucid.alignment.maps import Areas, flipped, jensen_shannon, lean, symmetric_kl
from pellucid.alignment.optout import opt_out_auroc
from pellucid.alignment.others import Others
from pellucid.alignment.prior import SentencePrior
from pellucid.alignment.sentences import Sentence, diversity, fitted, places, sentences
from pellucid.alignment.shares import share_of
from pellucid.alignment.tops import at_percent
from pellucid.alignment.verdicts import decided, points
from pellucid.alignment.versions import elsewhere, mirrored
from pellucid.case import Boxes, Fixations, Phrase
from pellucid.errors import DataError, PellucidError
from pellucid.metrics.base import Reading, Undefined
from pellucid.statistics import Interval, bootstrap_mean
from pellucid.units import PixelUnits

UNITS = PixelUnits(SIZE, SIZE)
MAPS = hnp.arrays(np.float64, 12, elements=st.floats(0, 1)).filter(lambda a: a.sum() > 0.1)
FEW = settings(max_examples=40, deadline=None)


def seen(*phrases: Phrase) -> list[Sentence]:
    return sentences(case("a", sentences=phrases), UNITS, None, 0)


def place(side: str) -> np.ndarray:
    return Boxes(np.array([SQUARES[side]], dtype=float)).covers(UNITS)


# Maps


@FEW
@given(MAPS, MAPS)
def test_divergence_is_that_of_scipy_and_symmetric(a: np.ndarray, b: np.ndarray) -> None:
    p, q = a / a.sum(), b / b.sum()
    middle = (p + q) / 2
    assert jensen_shannon(a, b) == pytest.approx((entropy(p, middle, base=2) + entropy(q, middle, base=2)) / 2, abs=1e-9)
    assert jensen_shannon(a, b) == pytest.approx(jensen_shannon(b, a), abs=1e-12)
    assert symmetric_kl(a, b) == pytest.approx(symmetric_kl(b, a))


def test_equal_maps_do_not_diverge_and_apart_ones_wholly() -> None:
    a, b = np.array([1.0, 2, 0, 0]), np.array([0.0, 0, 3, 1])
    assert jensen_shannon(a, 7 * a) == pytest.approx(0.0, abs=1e-12)
    assert jensen_shannon(a, b) == pytest.approx(1.0)
    assert np.isfinite(symmetric_kl(a, b))
    with pytest.raises(Undefined, match="no positive score"):
        jensen_shannon(a, -b)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("factor", [1.0, 1 + 1e-12, 1 + 1e-9, 1e-200, 1e200])
def test_maps_that_are_all_but_equal_do_not_diverge_and_nothing_is_warned_of(factor: float) -> None:
    scores = np.random.default_rng(0).random(500)
    apart = jensen_shannon(scores, factor * scores + 1e-13 * factor * np.arange(500))
    assert 0.0 <= apart < 1e-12


@FEW
@given(hnp.arrays(np.float64, SIZE * SIZE, elements=st.floats(0, 1)).filter(lambda a: a.sum() > 1))
def test_a_flipped_map_leans_as_far_to_the_other_side(scores: np.ndarray) -> None:
    areas = Areas.of(case("a"), UNITS)
    assume(scores[areas.left].any() or scores[areas.right].any())  # what lies beside both lungs leans to neither
    assert lean(scores, areas, "left") == pytest.approx(-lean(scores, areas, "right"), abs=1e-12)
    turned = lean(flipped(scores, UNITS), areas.mirrored(UNITS), "left")
    assert turned == pytest.approx(-lean(scores, areas, "left"), abs=1e-12)


def test_an_even_map_leans_nowhere_though_one_lung_is_larger() -> None:
    uneven = replace(case("a"), anatomy=(replace(lung("right"), mask=np.tile(np.arange(SIZE) < 20, (SIZE, 1))), lung("left")))
    assert lean(np.ones(SIZE * SIZE), Areas.of(uneven, UNITS), "left") == pytest.approx(0.0)


def test_the_left_lung_of_a_patient_is_on_the_right_of_the_picture() -> None:
    for one, known in ((case("a"), True), (replace(case("a"), anatomy=()), False)):
        areas = Areas.of(one, UNITS)
        assert areas.known is known
        assert lean(place("left").astype(float), areas, "left") == 1.0
        assert lean(place("left").astype(float), areas, "right") == -1.0


@FEW
@given(hnp.arrays(np.int64, 40, elements=st.integers(0, 3)), st.integers(1, 99), st.integers(1, 39))
def test_what_comes_first_is_the_expectation_over_orders_of_equal_scores(scores: np.ndarray, percent: int, marked: int) -> None:
    truth = np.arange(40) < marked
    found = dict(at_percent(Reading(scores.astype(float), False, PixelUnits(5, 8), truth), percent))
    k, rng = max(1, round(40 * percent / 100)), np.random.default_rng(0)
    orders = np.array([np.lexsort((rng.random(40), -scores))[:k] for _ in range(400)])
    both = truth[orders].sum(1)
    expected = {"precision": (both / k), "recall": both / marked, "iou": both / (k + marked - both)}
    for name, drawn in expected.items():
        error = 5 * drawn.std() / 20 + 1e-9
        assert found[f"{name}_at_{percent}_percent"] == pytest.approx(drawn.mean(), abs=error)


# Versions of pictures


@FEW
@given(st.integers(0, 25), st.integers(0, 25), st.integers(1, 12), st.integers(1, 12), st.integers(0, 5))
def test_another_place_has_the_same_shape_and_is_free(y: int, x: int, height: int, width: int, seed: int) -> None:
    here = np.zeros((SIZE, SIZE), dtype=bool)
    here[y : y + height, x : x + width] = True
    taken = place("left")
    found = elsewhere(here.ravel(), [taken], UNITS, seed, "a", "s0")
    assert found is not None
    assert found.sum() == here.sum()
    assert not (found & (here.ravel() | taken)).any()
    rows, columns = np.nonzero(found.reshape(SIZE, SIZE))
    assert (np.ptp(rows), np.ptp(columns)) == (min(height, SIZE - y) - 1, min(width, SIZE - x) - 1)


def test_there_is_no_other_place_for_what_fills_the_picture() -> None:
    assert elsewhere(np.ones(SIZE * SIZE, dtype=bool), [], UNITS, 0, "a") is None


def test_a_picture_mirrored_twice_is_the_picture() -> None:
    one = case("a")
    assert np.array_equal(mirrored(mirrored(one)).picture.pixels, one.picture.pixels)
    assert not np.array_equal(mirrored(one).picture.pixels, one.picture.pixels)
    assert mirrored(one).anatomy == ()


# Sentences, and what is asked


def test_the_gaze_of_a_sentence_comes_to_the_resolution_of_the_model_with_its_place() -> None:
    looked = replace(said("left"), gaze=Fixations(np.array([[10.0, 6, 0, 1]]), 2.0))
    gaze = fitted(looked, (12, 20), PixelUnits(6, 5)).gaze
    assert gaze is not None
    assert (gaze.fixations.tolist(), np.asarray(gaze.sigma).tolist()) == ([[2.5, 3, 0, 1]], [[0.5, 1]])
    assert fitted(said("left"), (12, 20), PixelUnits(6, 5)).gaze is None


def test_sides_are_counted_and_what_is_absent_has_no_place() -> None:
    both = replace(said("left"), text="Opacities in both lungs.")
    none = replace(said("left"), text="There is an opacity.")
    found = seen(said("left"), both, none, absent())
    assert [one.stratum for one in found] == ["one side", "both sides", "no side", "absent"]
    assert [one.side for one in found] == ["left", None, None, None]
    assert [one.truth is None for one in found] == [False, False, False, True]
    assert [one.one_lung for one in found] == [True, True, True, False]  # by its region, where one is named
    assert [one.phrase.abnormal for one in found] == [True, True, True, False]


@pytest.mark.parametrize(
    ("conditions", "abnormal"),
    [
        ((("opacity", True),), True),
        ((("normal", True),), False),
        ((("abnormal", True), ("opacity", True)), True),
        ((("abnormal", False), ("tube", True)), False),  # the data set says that all is well
        ((("abnormal", False), ("abnormal", True)), True),  # of one region it is
        ((), True),  # it supports a label, and nothing else is known
    ],
)
def test_a_sentence_is_abnormal_where_the_data_set_says_so_and_else_where_a_finding_is_there(
    conditions: tuple[tuple[str, bool], ...], abnormal: bool
) -> None:
    (found,) = seen(replace(said("left"), conditions=conditions))
    assert found.phrase.abnormal is abnormal


@pytest.mark.parametrize(
    ("regions", "one"),
    [
        (("left lung",), True),
        (("right_lung", "right lower zone"), True),
        (("left lung", "right lung"), False),
        (("left lung", "right clavicle"), True),  # one lung, whatever stands beside it
        (("left clavicle",), False),
        (("cardiac silhouette",), False),
        ((), True),  # the words name the left
    ],
)
def test_a_sentence_is_about_one_lung_where_exactly_one_is_among_its_regions(regions: tuple[str, ...], one: bool) -> None:
    (found,) = seen(replace(said("left"), regions=regions))
    assert found.one_lung is one


def test_places_are_those_of_the_model_s_resolution() -> None:
    half = PixelUnits(SIZE // 2, SIZE // 2)
    (found,) = sentences(case("a", sentences=[said("left")]), half, None, 0)
    assert found.truth is not None
    assert found.truth.sum() == 16


def test_diverse_places_do_not_overlap() -> None:
    def spread(*phrases: Phrase) -> float | None:
        return diversity(places(case("a", sentences=phrases), UNITS))

    assert spread(said("left"), said("right")) == 0.0
    assert spread(said("left"), said("left", "nodule")) == 1.0
    assert spread(said("left"), absent()) is None


def test_a_draw_of_sentences_keeps_their_order_and_belongs_to_the_case() -> None:
    many = case("a", sentences=[said("left", f"finding{i}") for i in range(9)])
    drawn = sentences(many, UNITS, 4, 3)
    assert [one.index for one in drawn] == sorted({one.index for one in drawn})
    assert len(drawn) == 4
    assert [one.index for one in sentences(many, UNITS, 4, 3)] == [one.index for one in drawn]


def test_every_rewording_that_applies_is_asked_once_and_absence_is_left_as_it_is() -> None:
    one, plan = case("a"), AlignmentPlan()
    found = sentences(one, UNITS, None, 0)
    asked = battery(one, found, (said("right"),), plan, "<mask>")
    settings_of = {name: [a.setting for a in asked.asked if a.target == name] for name in ("s0", "s1")}
    assert settings_of["s1"] == [""]
    assert settings_of["s0"][0] == ""
    assert {"side_swap", "random_sentence", "word_masking"} <= set(settings_of["s0"])
    assert set(settings_of["s0"]) | set(asked.unfit) == {"", *plan.rewordings}
    assert not set(settings_of["s0"]) & set(asked.unfit)
    masked = next(a for a in asked.asked if a.setting == "word_masking")
    assert "<mask>" in masked.text
    swap = next(a for a in asked.asked if a.setting == "side_swap")
    assert (swap.text, swap.regions) == ("There is a small right opacity.", ("right lung",))


def test_the_twin_of_a_sentence_without_a_side_is_itself() -> None:
    sided, plain = seen(said("left"), replace(said("left"), text="There is an opacity."))
    assert twin(sided).text == "There is a small right opacity."
    assert twin(plain).text == plain.phrase.text


# Other patients


def test_others_are_never_the_same_patient() -> None:
    cases = [case("a", patient="p"), case("b", "right", patient="p"), case("c", "right"), case("d", sentences=())]
    others = Others.of(cases, 0)
    assert {phrase.text for phrase in others.sentences(cases[0], 9)} == {phrase.text for phrase in cases[2].sentences}
    assert others.any_case(cases[0]) is cases[2]
    assert Others.of(cases[:2], 0).any_case(cases[0]) is None


def test_the_same_finding_is_looked_for_on_the_other_side() -> None:
    left, right, nodule = case("l", "left"), case("r", "right"), case("n", "right", [said("right", "nodule")])
    others = Others.of([left, right, nodule, case("l2", "left")], 0)
    assert others.alike(left, said("left")) is right
    assert others.alike(left, absent()) is None
    assert Others.of([left, case("l2", "left")], 0).alike(left, said("left")) is None


# The prior


def test_the_prior_is_the_mean_place_of_sentences_about_the_same_regions() -> None:
    moved = replace(said("left"), boxes=Boxes(np.array([[16.0, 12, 24, 20]])))
    prior = SentencePrior.of([case("a"), case("b", sentences=[moved, absent()]), case("c", "right")], UNITS)
    assert prior.sentences == 3
    left, unknown = prior([("left lung",), ("heart",)])
    assert left.reshape(SIZE, SIZE)[15, 17:27].tolist() == [0.5] * 3 + [1.0] * 4 + [0.5] * 3
    assert unknown[place("right")].tolist() == [pytest.approx(1 / 3)] * 64
    with pytest.raises(DataError, match="no training sentence has a place"):
        SentencePrior.of([case("d", sentences=[absent()])], UNITS)


# Judging


@FEW
@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=4, max_size=30))
def test_opting_out_is_the_area_of_scikit_learn(rows: Sequence[tuple[int, bool]]) -> None:
    null, gone = np.array([float(v) for v, _ in rows]), np.array([g for _, g in rows])
    found = opt_out_auroc(null, gone, list(range(len(rows))), 20, 0)
    if gone.all() or not gone.any():
        assert math.isnan(found.value)
    else:
        assert found.value == pytest.approx(roc_auc_score(gone, null))


def test_a_share_of_all_or_none_is_not_certain() -> None:
    patients = np.repeat(np.arange(11), 2)
    for value, bounds in ((1.0, (0.715, 1.0)), (0.0, (0.0, 0.285))):  # of 11 trials
        found = share_of(np.append(np.full(21, value), np.nan), patients, 50, 0)
        assert (found.value, found.n, found.excluded) == (value, 21, 1)
        assert (found.low, found.high) == pytest.approx(bounds, abs=0.001)
    mixed = np.arange(22) % 3 == 0.0
    assert repr(share_of(mixed.astype(float), patients, 50, 0)) == repr(bootstrap_mean(mixed.astype(float), patients, draws=50))
    assert math.isnan(share_of(np.ones(3), np.zeros(3), 50, 0).low)  # one patient


def interval(low: float, high: float, n: int = 20) -> Interval:
    return Interval((low + high) / 2, low, high, n, n)


@pytest.mark.parametrize(
    ("low", "high", "kind"),
    [
        (0.04, 0.2, "listens"),
        (-0.01, 0.02, "insensitive"),
        (0.01, 0.02, "insensitive"),  # surely more than nothing, and still less than the margin
        (0.01, 0.2, "unclear"),
        (-0.2, -0.04, "contrary"),
        (math.nan, math.nan, "unclear"),
    ],
)
def test_a_verdict_is_given_only_where_the_interval_allows_it(low: float, high: float, kind: str) -> None:
    assert decided(interval(low, high), 0.03) == kind


def test_points_are_hundredths() -> None:
    assert points(interval(-0.012, 0.052)) == "2.0 points [−1.2, 5.2]"


def test_where_a_map_lies_is_said_by_the_side_that_has_more() -> None:
    assert Half("", "left", 80, "").where == "80 % on the left"
    assert Half("", "left", 20, "").where == "80 % on the right"
    assert Half("", "right", 50, "").where == "on both sides alike"


# The plan


def test_a_plan_survives_json_and_says_what_it_cannot_hold() -> None:
    plan = AlignmentPlan(methods=("uniform", "uniform"), metrics=("cnr",), cases=3)
    assert plan.methods == ("uniform",)
    assert plan.metrics == ("auroc", "cnr")  # without it nothing can be said about a swap
    assert AlignmentPlan.from_json(plan.to_json()) == plan
    assert AlignmentPlan.from_json(plan.to_json()).digest == plan.digest
    assert replace(plan, draws=3).digest != plan.digest
    assert replace(plan, sensitivity_cases=3).digest == plan.digest  # it decides no finding of a case
    for wrong, message in (
        ({"methods": ()}, "names no methods"),
        ({"rewordings": ("side_flip",)}, "no 'side_flip'"),
        ({"images": ("turn",)}, "no 'turn'"),
        ({"split": "all"}, "no 'all'"),
        ({"cases": 0}, "at least 1"),
        ({"margin": -1.0}, "at least 0"),
        ({"sensitivity_cases": -1}, "at least 0"),
        ({"percents": (0,)}, "between 0 and 100"),
    ):
        with pytest.raises(PellucidError, match=message):
            AlignmentPlan(**wrong)  # type: ignore[arg-type]
    with pytest.raises(PellucidError, match="no field 'speed'"):
        AlignmentPlan.from_json({"speed": 1})


def test_cases_of_the_fakes_are_what_the_other_tests_take_them_for() -> None:
    one = reports().test[0]
    assert one.sentences[0].groundable
    assert one.sentences[1].absent
