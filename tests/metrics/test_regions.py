"""Faithfulness over the regions of an image, against the naive way: one image made and scored at a time."""

import itertools

import numpy as np
import pytest
import torch
from captum.metrics import infidelity as captum_infidelity
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from image_readings import reading
from images import boxed, case, classifier
from scipy.special import expit
from scipy.stats import pearsonr

from pellucid.errors import PellucidError
from pellucid.metrics.base import Reading, Subsets, Undefined
from pellucid.metrics.grid import Removal, densities
from pellucid.metrics.infidelity import beta
from pellucid.metrics.interventions import interventions
from pellucid.metrics.orders import orders
from pellucid.metrics.subsets import subsets
from pellucid.metrics.sweep import Outputs, sweep, sweep_with_cost
from pellucid.registry import metrics
from pellucid.target import Target
from pellucid.units import PixelUnits, RegionUnits, patches

MODEL = classifier()
TARGETS = [Target.label("nodule"), Target.contrast("opacity", "effusion")]
PIXELS = PixelUnits(16, 20)


def batch(name: str = "a"):
    return MODEL.encode([case(name)])


def naive(keep: np.ndarray, filler: str, targets=TARGETS) -> np.ndarray:
    """Logits of the targets on one version of the image."""
    alone = MODEL.perturb(batch(), [keep], filler)
    with torch.no_grad():
        return MODEL.scores(MODEL.features(alone), alone, targets)[0].numpy()


def test_pixels_go_with_their_region_and_those_of_none_stay():
    index = np.array([[0, 0, -1], [1, 1, 1]])
    removal = Removal(PixelUnits(2, 3), RegionUnits(index, "superpixel"))
    assert removal.group.tolist() == [0, 0, -1, 1, 1, 1]
    assert removal.keep(np.array([[True, False], [True, True]])).astype(int).tolist() == [
        [0, 0, 1, 1, 1, 1],
        [0, 0, 1, 0, 0, 0],
    ]
    assert Removal(PixelUnits(2, 3), PixelUnits(2, 3)).group.tolist() == list(range(6))
    with pytest.raises(ValueError, match="do not fit"):
        Removal(PixelUnits(3, 3), RegionUnits(index, "superpixel")).group  # noqa: B018


@pytest.mark.parametrize("filler", ["mask", "blur", "noise", "inpaint"])
def test_a_sweep_over_patches_is_one_image_after_the_other(filler):
    regions, random = patches(PIXELS, 3), np.random.default_rng(1)
    scores = random.normal(size=(2, len(regions)))
    curves = sweep(MODEL, batch(), TARGETS, regions, {"m": scores}, filler=filler, counts=range(10))["m"]
    for k in range(2):
        order = np.argsort(-scores[k])
        for j, count in enumerate(curves[k].counts):
            top = np.isin(regions.index.ravel(), order[:count])
            assert curves[k].removed[j] == pytest.approx(
                expit(naive(~top, filler)[k]), abs=1e-5 if filler == "inpaint" else 1e-12
            )
            assert curves[k].kept[j] == pytest.approx(expit(naive(top, filler)[k]), abs=1e-5 if filler == "inpaint" else 1e-12)


def test_a_sweep_over_single_pixels_and_over_volumes_works():
    model = classifier((6, 8, 10))
    volume = model.encode([case("v", (6, 8, 10))])
    regions = patches(volume.units[0], 2)
    scores = np.random.default_rng(0).normal(size=(1, len(regions)))
    (curve,) = sweep(model, volume, TARGETS[:1], regions, {"m": scores}, filler="mask")["m"]
    assert curve.counts[-1] == 8
    flat, pixel_scores = batch(), np.random.default_rng(0).normal(size=(1, len(PIXELS)))
    (curve,) = sweep(MODEL, flat, TARGETS[:1], PIXELS, {"m": pixel_scores}, filler="mask")["m"]
    assert curve.counts[-1] == len(PIXELS)


def test_explanations_that_agree_on_a_version_share_it():
    regions, one = patches(PIXELS, 3), np.arange(9.0)[None]
    _, alone = sweep_with_cost(MODEL, batch(), TARGETS[:1], regions, {"a": one}, filler="blur")
    _, both = sweep_with_cost(MODEL, batch(), TARGETS[:1], regions, {"a": one, "b": 2 * one}, filler="blur")
    assert both.scored == alone.scored
    assert both.planned == 2 * alone.planned


def test_bounds_over_superpixels_are_those_of_all_orders():
    index = np.minimum(np.arange(16)[:, None] // 5, 2) + 0 * np.arange(20)
    regions = RegionUnits(index, "superpixel")
    explanations = {"m": np.array([[3.0, 1.0, 2.0]])}
    (found,) = orders(MODEL, batch(), TARGETS[:1], regions, explanations, filler="mask")["m"]
    whole = expit(naive(np.ones(320, bool), "mask")[0])

    def aopc(order: tuple[int, ...]) -> float:
        gone = (np.isin(index.ravel(), order[: n + 1]) for n in range(3))
        return float(np.mean([whole - expit(naive(~g, "mask")[0]) for g in gone]))

    every = [aopc(order) for order in itertools.permutations(range(3))]
    assert (found.lower, found.upper) == (pytest.approx(min(every)), pytest.approx(max(every)))
    assert found.most_first == pytest.approx(aopc((0, 2, 1)))
    assert found.exact


def test_marked_patches_are_removed_and_kept_beside_as_many_others():
    regions = patches(PIXELS, 4)
    marked = np.zeros((2, 16), dtype=bool)
    marked[0, [5, 6]] = True
    scores = np.random.default_rng(0).normal(size=(2, 16))
    (first, second), _ = interventions(MODEL, batch(), TARGETS, regions, marked, {"m": scores}, filler="mask", draws=3)
    assert second is None
    gone = np.isin(regions.index.ravel(), [5, 6])
    assert first.evidence.without == pytest.approx(expit(naive(~gone, "mask")[0]))
    assert first.evidence.only == pytest.approx(expit(naive(gone, "mask")[0]))
    assert first.control.size == 2


def test_regions_rank_by_sum_or_by_mean():
    regions = RegionUnits(np.array([[0, 0, 0, 1]]), "superpixel")
    sums = PixelUnits(1, 4).project(np.array([[1.0, 1.0, 1.0, 2.0]]), regions)
    assert sums.tolist() == [[3.0, 2.0]]
    assert densities(sums, regions).tolist() == [[1.0, 2.0]]


# Random sets


def test_random_sets_are_removed_once_for_all_targets():
    regions = patches(PIXELS, 5)
    found, cost = subsets(MODEL, batch(), TARGETS, regions, filler="mask", draws=4, sizes=(0.1, 0.4))
    gone = found[0].gone
    assert gone.sum(axis=1).tolist() == [2] * 4 + [10] * 4
    assert found[1].gone is gone
    assert cost.scored <= 9
    whole = expit(naive(np.ones(320, bool), "mask"))
    for row, fall in zip(gone, zip(found[0].fall, found[1].fall, strict=True), strict=True):
        keep = ~row[regions.index.ravel()]
        assert fall == pytest.approx(tuple(whole - expit(naive(keep, "mask"))))


def test_random_sets_depend_on_the_case_and_the_seed_alone():
    regions = patches(PIXELS, 5)

    def drawn(name: str, seed: int, targets=TARGETS) -> np.ndarray:
        return subsets(MODEL, batch(name), targets, regions, filler="mask", draws=2, seed=seed)[0][0].gone

    assert np.array_equal(drawn("a", 0), drawn("a", 0, TARGETS[1:]))
    assert not np.array_equal(drawn("a", 0), drawn("a", 1))
    assert not np.array_equal(drawn("a", 0), drawn("b", 0))


def test_a_case_of_one_region_has_no_sets():
    one = RegionUnits(np.zeros((16, 20), dtype=int), "superpixel")
    found, _ = subsets(MODEL, batch(), TARGETS, one, filler="mask")
    assert len(found[0].gone) == 0
    with pytest.raises(Undefined, match="fewer than two units"):
        metrics.create("infidelity")(Reading(np.ones(1), True, one, subsets=found[0]))


@pytest.mark.parametrize(("draws", "sizes"), [(1, (0.5,)), (5, ()), (5, (1.0,)), (5, (0.0,))])
def test_sets_of_no_meaning_are_refused(draws, sizes):
    with pytest.raises(PellucidError, match="Random sets need"):
        subsets(MODEL, batch(), TARGETS, patches(PIXELS), filler="mask", draws=draws, sizes=sizes)


def additive(scores: np.ndarray, gone: np.ndarray, fall: np.ndarray) -> Reading:
    return reading(np.atleast_2d(scores), subsets=Subsets(gone, fall, "logit", "mask"))


def value(name: str, r: Reading) -> float:
    return metrics.create(name)(r)


@given(arrays(float, 12, elements=st.floats(-5, 5).map(lambda x: round(x, 2))), st.floats(0.1, 50))
def test_scores_that_add_up_to_the_output_are_perfect_at_any_scale(effects, scale):
    gone = np.random.default_rng(3).random((40, 12)) < 0.3
    fall = gone @ effects
    if np.abs(fall).max() < 0.5 or fall.std() < 0.1:
        return
    r = additive(scale * effects, gone, fall)
    assert value("infidelity", r) == pytest.approx(0, abs=1e-9)
    assert value("infidelity_scale", r) == pytest.approx(np.abs(effects).sum())
    assert value("faithfulness_correlation", r) == pytest.approx(1)


def test_infidelity_is_captums_where_scores_point_the_right_way():
    random = np.random.default_rng(0)
    gone = random.random((50, 12)) < 0.3
    weights = random.normal(size=12)
    scores = weights + random.normal(size=12)
    drawn = iter(gone)

    def lost(sets):
        return sets @ weights + 0.8 * sets[:, 0] * sets[:, 1]

    def perturb(inputs):
        out = torch.tensor(np.stack([next(drawn) for _ in range(len(inputs))]), dtype=torch.float64)
        return out, inputs - out

    def forward(inputs):
        return torch.tensor(-lost(1 - inputs.numpy()))

    inputs, given_scores = torch.ones(1, 12, dtype=torch.float64), torch.tensor(scores[None])
    theirs = captum_infidelity(forward, perturb, inputs, given_scores, n_perturb_samples=50, normalize=True)
    assert value("infidelity", additive(scores, gone, lost(gone))) == pytest.approx(float(theirs[0]))


def test_a_map_that_points_the_wrong_way_is_as_unfaithful_as_one_of_zeros():
    gone = np.random.default_rng(0).random((30, 8)) < 0.4
    effects = np.arange(8.0)
    wrong, nothing = (additive(s, gone, gone @ effects) for s in (-effects, np.zeros(8)))
    assert value("infidelity", wrong) == value("infidelity", nothing) == pytest.approx(np.mean((gone @ effects) ** 2))
    assert value("infidelity_scale", wrong) == 0.0
    assert value("faithfulness_correlation", wrong) == pytest.approx(-1)
    with pytest.raises(Undefined, match="sum to 0"):
        value("infidelity_scale", nothing)
    for name in ("sensitivity_n", "faithfulness_correlation"):
        with pytest.raises(Undefined, match="differ"):
            value(name, nothing)


def test_beta_is_the_best_scale_that_is_not_negative():
    random = np.random.default_rng(0)
    for _ in range(20):
        s, d = random.normal(size=(2, 15))
        errors = [np.mean((d - b * s) ** 2) for b in np.linspace(0, 5, 2001)]
        assert np.mean((d - beta(s, d) * s) ** 2) <= min(errors) + 1e-12


def test_sensitivity_n_holds_the_size_and_the_correlation_does_not():
    random = np.random.default_rng(0)
    gone = np.array([random.permutation(np.arange(20) < n) for n in (2, 2, 2, 2, 12, 12, 12, 12)])
    fall, scores = random.normal(size=8) + gone.sum(axis=1), random.random(20)
    sums = gone @ scores
    expected = np.mean([pearsonr(sums[:4], fall[:4])[0], pearsonr(sums[4:], fall[4:])[0]])
    r = additive(scores, gone, fall)
    assert value("sensitivity_n", r) == pytest.approx(expected)
    assert value("faithfulness_correlation", r) == pytest.approx(pearsonr(sums, fall)[0])
    even = additive(np.ones(20), gone, fall)
    assert value("faithfulness_correlation", even) > 0.9
    with pytest.raises(Undefined, match="do not differ"):
        value("sensitivity_n", even)


def test_without_sets_there_is_nothing_to_say():
    for name in ("infidelity", "sensitivity_n"):
        with pytest.raises(Undefined, match="no random sets"):
            value(name, reading(np.ones((2, 2))))


def test_outputs_of_a_softmax_are_its_log_odds():
    model = classifier(exclusive=True)
    here = model.encode([boxed("b")])
    outputs = Outputs(model, here, TARGETS[:1], "mask")
    logit = outputs(np.ones((1, 320), dtype=bool))[0, 0]
    assert expit(logit) == pytest.approx(model.probabilities(here)[0, 1])
