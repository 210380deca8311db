"""What no metric of gaze may do: depend on scale, batch mates or the order of pixels, or make a value where there is none."""

import numpy as np
import pytest
import torch
from gazes import drawn, tables
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.errors import DataError
from pellucid.metrics import gaze
from pellucid.metrics.gaze import Looks, seen

RANKS = ("auc", "auc_judd", "sauc")


def test_rank_metrics_are_the_same_at_every_scale():
    data = drawn()
    maps, *rest = tables(data)
    whole = gaze.all_scores(maps, *rest)
    for exponent in range(0, 11):
        found = gaze.all_scores(maps * 10.0**-exponent, *rest)
        for name in RANKS:
            assert torch.equal(found[name], whole[name]), name
        for name in whole:
            assert torch.allclose(found[name], whole[name], rtol=0, atol=1e-12), name


@pytest.mark.parametrize("factor", [1e-300, 1e-40, 1e40, 1e300])
def test_no_metric_overflows_or_vanishes(factor):
    maps, *rest = tables(drawn())
    whole, found = gaze.all_scores(maps, *rest), gaze.all_scores(maps * factor, *rest)
    for name in whole:
        assert torch.allclose(found[name], whole[name], rtol=0, atol=1e-12), name


def test_rank_metrics_are_the_same_under_any_rising_curve():
    maps, *rest = tables(drawn())
    whole, bent = gaze.all_scores(maps, *rest), gaze.all_scores((maps / 3).exp() - 20, *rest)
    for name in RANKS:
        assert torch.equal(bent[name], whole[name]), name


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), count=st.integers(2, 6))
def test_batch_mates_never_change_a_score(seed, count):
    data = drawn(count, 200, seed)
    maps, density, looks, prior, elsewhere = tables(data)
    together = gaze.all_scores(maps, density, looks, prior, elsewhere)
    emd = gaze.emd(maps, density, (10, 20))
    for i in range(count):
        mine = [part[i : i + 1] for part in (maps, density, looks, prior, elsewhere)]
        for name, value in gaze.all_scores(*mine).items():
            assert float(value) == pytest.approx(float(together[name][i]), abs=1e-13), name
        assert float(gaze.emd(*mine[:2], (10, 20))) == pytest.approx(float(emd[i]), abs=1e-12)


def test_blocks_never_change_a_score(monkeypatch):
    arguments = tables(drawn(9))
    whole = gaze.all_scores(*arguments)
    monkeypatch.setattr(seen, "_CELLS", 600)
    for name, values in gaze.all_scores(*arguments).items():
        assert torch.allclose(values, whole[name], rtol=0, atol=1e-13), name


def test_one_row_of_looks_or_density_serves_all_maps():
    maps, density, looks, prior, elsewhere = tables(drawn())
    one = [part[:1] for part in (density, looks, prior, elsewhere)]
    spread = [
        part.expand(5, -1)
        if isinstance(part, torch.Tensor)
        else Looks.of([tuple(x[0] for x in (part.places, part.seconds))] * 5)
        for part in one
    ]
    shared, each = gaze.all_scores(maps, *one), gaze.all_scores(maps, *spread)
    for name, values in each.items():
        assert torch.allclose(shared[name], values, rtol=0, atol=1e-14), name
    emd = gaze.emd(maps, one[0], (15, 20))
    assert torch.equal(emd, gaze.emd(maps, spread[0], (15, 20)))


def test_the_order_of_pixels_and_of_fixations_is_no_matter():
    data = drawn()
    maps, density, looks, prior, elsewhere = tables(data)
    random = np.random.default_rng(3)
    order = torch.from_numpy(random.permutation(300))
    home = torch.argsort(order)
    turned = torch.from_numpy(random.permutation(looks.places.shape[1]))
    moved = [
        maps[:, order],
        density[:, order],
        Looks(home[looks.places][:, turned], looks.seconds[:, turned]),
        prior[:, order],
        Looks(home[elsewhere.places], elsewhere.seconds),
    ]
    whole, found = gaze.all_scores(maps, density, looks, prior, elsewhere), gaze.all_scores(*moved)
    for name in whole:
        assert torch.allclose(found[name], whole[name], rtol=0, atol=1e-12), name


@pytest.mark.parametrize("value", [0.1, 1.0, 1e-10, 1e10, -0.3, 0.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_constant_map_has_no_nss_and_no_correlation(value, dtype):
    _, density, looks, prior, elsewhere = tables(drawn(2, 400))
    found = gaze.all_scores(torch.full((2, 400), value, dtype=dtype), density, looks, prior, elsewhere)
    for name in ("nss", "shuffled_nss", "cc", "shuffled_cc"):
        assert found[name].isnan().all(), name
    for name in ("kld", "sim", "information_gain"):
        assert bool(found[name].isnan().all()) == (value <= 0), name
    assert (found["auc"] == 0.5).all()
    assert (found["sauc"] == 0.5).all()


def test_a_map_that_is_constant_but_for_rounding_is_constant():
    _, _, looks, *_ = tables(drawn(1))
    maps = 0.1 + 1e-15 * torch.rand(1, 300, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert maps.std() > 0
    assert gaze.nss(maps, looks).isnan().all()
    assert gaze.nss(maps + 1e-9 * torch.arange(300) / 300, looks).isfinite().all()


def test_a_constant_gaze_has_no_correlation():
    maps, _, _, prior, _ = tables(drawn())
    assert gaze.cc(maps, torch.full((1, 300), 0.1 / 30)).isnan().all()
    assert gaze.shuffled_cc(maps, prior, torch.full((1, 300), 1 / 300)).isnan().all()


def test_an_image_without_a_fixation_has_no_value_and_harms_no_other():
    data = drawn(3)
    maps, density, _, prior, elsewhere = tables(data)
    whole = gaze.all_scores(*tables(data))
    empty = (np.zeros(0, dtype=int), np.zeros(0))
    found = gaze.all_scores(maps, density, Looks.of([data["rows"][0], empty, data["rows"][2]]), prior, elsewhere)
    for name in ("nss", "auc", "auc_judd", "sauc", "information_gain", "shuffled_nss"):
        assert found[name].isnan().tolist() == [False, True, False], name
        assert torch.allclose(found[name][::2], whole[name][::2], rtol=0, atol=1e-13), name
    assert gaze.nss(maps[:1], Looks.of([empty])).isnan().all()


def test_where_every_pixel_is_fixated_there_is_nothing_to_outrank():
    looks = Looks.of([(np.arange(6), np.ones(6))])
    assert gaze.auc(torch.rand(1, 6), looks).isnan().all()
    assert gaze.auc_judd(torch.rand(1, 6), looks).isnan().all()


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_a_score_that_is_no_number_leaves_its_map_without_value(bad):
    data = drawn(3, 225)
    maps, *rest = tables(data)
    whole, emd = gaze.all_scores(maps, *rest), gaze.emd(maps, rest[0], (15, 15))
    maps = maps.clone()
    maps[1, 17] = bad
    found = gaze.all_scores(maps, *rest) | {"emd": gaze.emd(maps, rest[0], (15, 15))}
    for name, values in found.items():
        assert values.isnan().tolist() == [False, True, False], name
        assert torch.equal(values[::2], (whole | {"emd": emd})[name][::2]), name


def test_nothing_is_changed_in_place():
    data = drawn()
    before = [part.clone() for part in tables(data) if isinstance(part, torch.Tensor)]
    gaze.all_scores(*tables(data))
    gaze.emd(data["maps"], data["density"], (15, 20))
    after = [part for part in tables(data) if isinstance(part, torch.Tensor)]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_maps_inside_a_graph_are_measured_without_it():
    maps, *rest = tables(drawn())
    assert not any(values.requires_grad for values in gaze.all_scores(maps.clone().requires_grad_(), *rest).values())


@pytest.mark.parametrize("kind", [torch.bool, torch.uint8, torch.int64])
def test_a_mask_is_a_map_whatever_its_numbers_are_kept_as(kind):
    maps, *rest = tables(drawn())
    mask = (maps > 1).to(kind)
    whole, found = gaze.all_scores(mask.double(), *rest), gaze.all_scores(mask, *rest)
    for name in whole:
        assert torch.equal(found[name], whole[name]), name
    assert torch.equal(gaze.emd(mask, rest[0], (15, 20)), gaze.emd(mask.double(), rest[0], (15, 20)))


def test_maps_that_are_no_rows_are_refused():
    maps, density, looks, *_ = tables(drawn())
    for wrong in (maps[0], maps.view(5, 15, 20)):
        with pytest.raises(DataError, match="flatten each of them into one row"):
            gaze.cc(wrong, density)
        with pytest.raises(DataError, match="rows of pixels"):
            gaze.nss(wrong, looks)
        with pytest.raises(DataError, match="rows of pixels"):
            gaze.emd(wrong, density, (15, 20))


def test_tables_that_do_not_fit_are_refused():
    maps, density, looks, *_ = tables(drawn())
    with pytest.raises(DataError, match="5 maps and 2 rows of density"):
        gaze.cc(maps, density[:2])
    with pytest.raises(DataError, match="300 pixels and the density 299"):
        gaze.cc(maps, density[:, 1:])
    with pytest.raises(DataError, match="pixel 300 of a map of 300"):
        gaze.nss(maps, Looks(looks.places.clone().fill_(300), looks.seconds))
    with pytest.raises(DataError, match="pixel 300 of a map of 300"):
        gaze.auc(maps, Looks(looks.places.clone().fill_(300), looks.seconds))
    with pytest.raises(DataError, match="negative pixel"):
        Looks(looks.places - 1000, looks.seconds)
    with pytest.raises(DataError, match="negative or unknown time"):
        Looks(looks.places, looks.seconds * float("nan"))
    with pytest.raises(DataError, match="images x fixations"):
        Looks(looks.places[0], looks.seconds[0])


def test_a_density_below_0_is_refused():
    maps, density, looks, _, elsewhere = tables(drawn())
    wrong = density.clone()
    wrong[-1, 3] = -0.25
    asked = {
        "density": (gaze.kld, gaze.sim, gaze.cc, lambda maps, table: gaze.emd(maps, table, (15, 20))),
        "prior": (
            lambda maps, table: gaze.information_gain(maps, looks, table),
            lambda maps, table: gaze.shuffled_cc(maps, density, table),
            lambda maps, table: gaze.all_scores(maps, density, looks, table, elsewhere),
        ),
    }
    for name, metrics in asked.items():
        for metric in metrics:
            with pytest.raises(DataError, match=rf"The {name} holds -0.25, and no density is below 0"):
                metric(maps, wrong)
    assert gaze.kld(maps, gaze.as_density(wrong)).isfinite().all()


def test_no_maps_have_no_scores():
    maps, density, looks, *_ = tables(drawn())
    found = gaze.all_scores(maps[:0], density[:1], looks[:1])
    assert all(values.shape == (0,) and values.dtype == torch.float64 for values in found.values())
