"""The batched metrics of gaze against one map at a time, against other libraries, and against closed forms."""

from operator import attrgetter, methodcaller

import gaze_formulas as formulas
import numpy as np
import pytest
import torch
from gazes import drawn, tables
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr
from sklearn.metrics import roc_auc_score

from pellucid.metrics import gaze
from pellucid.metrics.gaze import Looks, as_density, prior_of
from pellucid.metrics.gaze.block import by_blocks, by_rows
from pellucid.metrics.gaze.densities import factor_of
from pellucid.metrics.gaze.ranks import by_sorting, counted, levels_of


def single(data, i):
    """Every metric of one map by its definition."""
    s, q, a = (data[name][i].numpy() for name in ("maps", "density", "prior"))
    here, there = data["rows"][i], data["others"][i]
    return {
        "kld": formulas.kld(s, q),
        "nss": formulas.nss(s, *here),
        "cc": formulas.cc(s, q),
        "sim": formulas.sim(s, q),
        "auc": formulas.auc(s, *here),
        "auc_judd": formulas.auc_judd(s, here[0]),
        "sauc": formulas.sauc(s, *here, *there),
        "information_gain": formulas.information_gain(s, *here, a),
        "shuffled_nss": formulas.shuffled_nss(s, *here, *there),
        "shuffled_cc": formulas.shuffled_cc(s, q, a),
    }


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_batch_gives_what_the_definitions_give_map_by_map(dtype):
    data = drawn(7)
    data["maps"] = data["maps"].to(dtype)
    found = gaze.all_scores(*tables(data))
    for i in range(7):
        for name, value in single(data, i).items():
            assert float(found[name][i]) == pytest.approx(value, abs=1e-12), name


def test_each_function_alone_gives_what_all_together_give():
    data = drawn()
    maps, density, looks, prior, elsewhere = tables(data)
    alone = {
        "kld": gaze.kld(maps, density),
        "nss": gaze.nss(maps, looks),
        "cc": gaze.cc(maps, density),
        "sim": gaze.sim(maps, density),
        "auc": gaze.auc(maps, looks),
        "auc_judd": gaze.auc_judd(maps, looks),
        "sauc": gaze.sauc(maps, looks, elsewhere),
        "information_gain": gaze.information_gain(maps, looks, prior),
        "shuffled_nss": gaze.shuffled_nss(maps, looks, elsewhere),
        "shuffled_cc": gaze.shuffled_cc(maps, density, prior),
    }
    together = gaze.all_scores(maps, density, looks, prior, elsewhere)
    assert list(alone) == list(together)
    for name, values in alone.items():
        assert torch.equal(values, together[name])
    assert set(gaze.all_scores(maps, density, looks)) == {"kld", "nss", "cc", "sim", "auc", "auc_judd"}


def test_other_libraries_agree():
    data = drawn(4)
    looks = data["rows"]
    for i, scores in enumerate(data["maps"].numpy()):
        places, seconds = looks[i]
        bare = np.delete(scores, np.unique(places))
        labels = np.r_[np.ones(len(places)), np.zeros(len(bare))]
        expected = roc_auc_score(labels, np.r_[scores[places], bare], sample_weight=np.r_[seconds, np.ones(len(bare))])
        assert float(gaze.auc(data["maps"], data["looks"])[i]) == pytest.approx(expected, abs=1e-12)
        there, weights = data["others"][i]
        labels = np.r_[np.ones(len(places)), np.zeros(len(there))]
        expected = roc_auc_score(labels, np.r_[scores[places], scores[there]], sample_weight=np.r_[seconds, weights])
        assert float(gaze.sauc(data["maps"], data["looks"], data["elsewhere"])[i]) == pytest.approx(expected, abs=1e-12)
        expected = pearsonr(scores, data["density"][i].numpy()).statistic
        assert float(gaze.cc(data["maps"], data["density"])[i]) == pytest.approx(expected, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(scores=st.lists(st.integers(-3, 3), min_size=4, max_size=12), seed=st.integers(0, 99))
def test_tied_pixels_count_half_in_every_area(scores, seed):
    random = np.random.default_rng(seed)
    values = np.array(scores, dtype=float)
    places, seconds = random.integers(0, len(values), 3), random.random(3) + 0.1
    if len(np.unique(places)) == len(values):
        return
    maps, looks = torch.from_numpy(values[None]), Looks.of([(places, seconds)])
    assert float(gaze.auc(maps, looks)) == pytest.approx(formulas.auc(values, places, seconds), abs=1e-12)
    draws = [formulas.auc_judd(values + 1e-6 * random.random(len(values)), places) for _ in range(400)]
    error = np.std(draws) / np.sqrt(len(draws))
    assert float(gaze.auc_judd(maps, looks)) == pytest.approx(np.mean(draws), abs=5 * error + 1e-12)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), power=st.sampled_from([1, 5, 15]), signed=st.booleans())
def test_counting_on_levels_is_sorting_all_pixels(seed, power, signed):
    random = np.random.default_rng(seed)
    values = random.normal(size=3000) ** power * (random.random(3000) < 0.7)
    values = values if signed else np.abs(values)
    places, seconds = random.integers(0, 3000, 50), random.random(50)
    found = gaze.auc(torch.from_numpy(values[None]), Looks.of([(places, seconds)]))
    assert float(found) == pytest.approx(formulas.auc(values, places, seconds), abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(
    scores=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=30),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_levels_never_fall_as_scores_rise(scores, dtype):
    limit = np.finfo(dtype).max
    values = np.sort(np.clip(np.array(scores), -limit, limit).astype(dtype))
    levels, top = levels_of(values, float(np.abs(values).max()), bool(values[0] < 0))
    assert (np.diff(levels) >= 0).all()
    assert 0 <= levels[0] <= levels[-1] <= top


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    power=st.sampled_from([1, 5, 15]),
    signed=st.booleans(),
    scale=st.sampled_from([1e-44, 1e-30, 1.0, 1e30]),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
def test_counting_map_by_map_is_sorting_all_maps(seed, power, signed, scale, dtype):
    random = np.random.default_rng(seed)
    values = np.clip(random.normal(size=(3, 800)), -3, 3) ** power / 3**power * (random.random((3, 800)) < 0.7)
    maps = torch.from_numpy((values if signed else np.abs(values)) * scale).to(dtype)
    places, kept = torch.from_numpy(random.integers(0, 800, (3, 40))), torch.from_numpy(random.random((3, 40)) < 0.8)
    expected = by_sorting(maps, places, kept).numpy()
    for i in range(3):
        assert np.array_equal(counted(maps[i].numpy(), places[i].numpy(), kept[i].numpy()), expected[:, i])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_map_by_map_gives_what_many_maps_at_once_give(dtype):
    data = drawn(6)
    maps, density, _, prior, _ = tables(data)
    maps = (maps - maps.mean()).to(dtype)
    maps[1], maps[2], maps[3, 5], maps[4] = 0.3, -1.0, torch.nan, -maps[4].abs()
    asked = {name: attrgetter(name) for name in ("factor", "mean", "spread", "mass", "usual_mass", "sim", "cc", "shuffled_cc")}
    asked |= {"kld": methodcaller("kld", 1e-7, 0.01), "crisp": methodcaller("kld", 0.0, 0.0)}
    for densities in ({"density": density, "prior": prior}, {"density": density.float()[:1], "prior": prior.float()[:1]}):
        rows, blocks = (how(asked, maps, factor_of(maps), densities) for how in (by_rows, by_blocks))
        for name in asked:
            assert torch.allclose(rows[name], blocks[name], rtol=1e-12, atol=1e-12, equal_nan=True), name


def test_the_gaze_itself_is_perfect():
    data = drawn()
    density = data["density"]
    assert torch.allclose(gaze.kld(density, density, epsilon=0.0, mix=0.0), torch.zeros(5).double(), atol=1e-14)
    assert gaze.kld(density, density, epsilon=gaze.MIT_EPSILON, mix=0.0).abs().max() < 1e-12
    assert torch.allclose(gaze.cc(density, density), torch.ones(5).double(), atol=1e-14)
    assert torch.allclose(gaze.sim(density, density), torch.ones(5).double(), atol=1e-14)
    assert torch.allclose(gaze.shuffled_cc(density, density, data["prior"]), 1 - gaze.cc(data["prior"], density), atol=1e-14)


def test_the_prior_gains_nothing_over_itself():
    data = drawn()
    assert torch.equal(gaze.information_gain(data["prior"], data["looks"], data["prior"]), torch.zeros(5).double())
    expected = gaze.cc(data["prior"], data["density"]) - 1
    assert torch.allclose(gaze.shuffled_cc(data["prior"], data["density"], data["prior"]), expected, atol=1e-14)


def test_an_even_map_costs_the_entropy_that_the_gaze_lacks():
    data = drawn()
    even, q = torch.ones(5, 300), data["density"]
    expected = np.log(300) + (q * q.log()).sum(1)
    assert torch.allclose(gaze.kld(even, q, epsilon=0.0, mix=0.0), expected, atol=1e-13)
    assert torch.equal(gaze.auc(even, data["looks"]), torch.full((5,), 0.5).double())
    assert torch.equal(gaze.sauc(even, data["looks"], data["elsewhere"]), torch.full((5,), 0.5).double())
    forth = gaze.information_gain(even, data["looks"], data["prior"])
    back = gaze.information_gain(data["prior"], data["looks"], torch.full((1, 300), 1 / 300))
    assert torch.allclose(forth, -back, atol=1e-13)
    pixels = torch.tensor([len(np.unique(places)) for places, _ in data["rows"]])
    assert torch.allclose(gaze.auc_judd(even, data["looks"]), (pixels + 2) / (2 * pixels + 2).double(), atol=1e-13)


def test_the_map_of_fixated_pixels_has_the_greatest_areas():
    data = drawn()
    hit = torch.zeros(5, 300)
    for row, (places, _) in zip(hit, data["rows"], strict=True):
        row[places] = 1
    assert torch.equal(gaze.auc(hit, data["looks"]), torch.ones(5).double())
    assert torch.equal(gaze.auc_judd(hit, data["looks"]), torch.ones(5).double())
    assert torch.equal(gaze.auc(-hit, data["looks"]), torch.zeros(5).double())


def test_sum_and_stretch_before_the_similarity_is_the_mit_figure():
    data = drawn(1)
    s, q = data["maps"][0].numpy(), data["density"][0].numpy()
    p, g = ((x - x.min()) / (x.max() - x.min()) for x in (s, q))
    expected = np.minimum(p / p.sum(), g / g.sum()).sum()
    found = gaze.sim(gaze.rescaled(data["maps"]), gaze.rescaled(data["density"]))
    assert float(found) == pytest.approx(expected, abs=1e-12)


def test_crisp_maps_owe_their_divergence_to_the_epsilon():
    density = as_density(torch.rand(1, 400, generator=torch.Generator().manual_seed(0)))
    crisp = torch.zeros(1, 400)
    crisp[0, :20] = 1
    mit, protocol = (float(gaze.kld(crisp, density, epsilon=e, mix=m)) for e, m in ((gaze.MIT_EPSILON, 0.0), (1e-7, 0.01)))
    assert mit > 20 > 7 > protocol
    for e, m, value in ((gaze.MIT_EPSILON, 0.0, mit), (1e-7, 0.01, protocol)):
        assert value == pytest.approx(formulas.kld(crisp[0].numpy(), density[0].numpy(), e, m), abs=1e-12)


def test_pixels_without_gaze_cost_nothing_without_an_epsilon_too():
    density = torch.tensor([[0.5, 0.5, 0.0, 0.0]])
    found = gaze.kld(torch.ones(1, 4), density, epsilon=0.0, mix=0.0)
    assert float(found) == pytest.approx(np.log(2), abs=1e-15)


def test_dwell_weighs_fixations_and_repeats_count():
    maps = torch.tensor([[0.0, 1.0, 2.0, 3.0]])
    twice = Looks.of([(np.array([3, 3, 1]), np.ones(3))])
    longer = Looks.of([(np.array([3, 1]), np.array([2.0, 1.0]))])
    for metric in (gaze.nss, gaze.auc):
        assert torch.allclose(metric(maps, twice), metric(maps, longer), atol=1e-15)
    assert torch.equal(gaze.auc_judd(maps, twice), gaze.auc_judd(maps, Looks.of([(np.array([3, 1]), np.ones(2))])))


def test_normalised_says_how_far_from_prior_to_ceiling():
    score, prior, ceiling = torch.tensor([0.3, 0.1, 0.5, 0.4]), torch.tensor(0.1), torch.tensor([0.5, 0.5, 0.1, 0.05])
    found = gaze.normalised(score, prior, ceiling)
    assert torch.allclose(found[:2], torch.tensor([0.5, 0.0]))
    assert found[2:].isnan().all()


def test_a_prior_counts_each_image_once():
    densities = drawn()["density"]
    assert torch.allclose(prior_of(densities), densities.sum(0) / 5)
