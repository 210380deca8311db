import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import spearmanr

from pellucid.metrics.similarity import Map, centred_ranks, cosine, first_pixels, jaccard, noise_floor, ssim

MAPS = arrays(float, (5, 6), elements=st.integers(-3, 5).map(float))


@settings(deadline=None)  # the first call imports scipy.stats
@given(MAPS, MAPS)
def test_rank_correlations_are_scipys(a, b):
    found = Map.of(a.ravel(), a.shape).like(Map.of(b.ravel(), b.shape))
    for ours, (x, y) in {found.spearman: (a, b), found.spearman_of_sizes: (np.abs(a), np.abs(b))}.items():
        if x.std() and y.std():
            assert ours == pytest.approx(spearmanr(x.ravel(), y.ravel()).statistic, abs=1e-12)
        else:
            assert np.isnan(ours)


def windowed(a: np.ndarray, b: np.ndarray) -> float:
    """Structural similarity, one window after the other."""
    a, b = a / np.abs(a).max(), b / np.abs(b).max()
    if min(a.min(), b.min()) < 0:
        a, b = (a + 1) / 2, (b + 1) / 2
    offsets = np.arange(-5, 6)
    line = np.exp(-0.5 * (offsets / 1.5) ** 2)
    weights = np.outer(line, line) / line.sum() ** 2
    c1, c2 = 0.01**2, 0.03**2
    wide_a, wide_b = (np.pad(x, 5, mode="symmetric") for x in (a, b))
    values = []
    for y in range(a.shape[0]):
        for x in range(a.shape[1]):
            p, q = wide_a[y : y + 11, x : x + 11], wide_b[y : y + 11, x : x + 11]
            mp, mq = (weights * p).sum(), (weights * q).sum()
            vp, vq, both = (
                (weights * (p - mp) ** 2).sum(),
                (weights * (q - mq) ** 2).sum(),
                (weights * (p - mp) * (q - mq)).sum(),
            )
            values.append((2 * mp * mq + c1) * (2 * both + c2) / ((mp**2 + mq**2 + c1) * (vp + vq + c2)))
    return float(np.mean(values))


@pytest.mark.parametrize("shift", [0.0, 2.0])
def test_structural_similarity_is_that_of_windows_looked_at_one_by_one(shift):
    random = np.random.default_rng(0)
    a = random.normal(size=(14, 17)) + shift * 3
    b = a + random.normal(size=(14, 17))
    assert ssim(a, b) == pytest.approx(windowed(a, b), abs=1e-9)


@settings(deadline=None)
@given(MAPS, MAPS, st.floats(1e-6, 1e6), st.floats(1e-6, 1e6))
def test_no_similarity_depends_on_the_scale_of_a_map_or_on_which_comes_first(a, b, one, other):
    before = ssim(a, b)
    scaled, turned = ssim(one * a, other * b), ssim(b, a)
    assert scaled == pytest.approx(before, nan_ok=True)
    assert turned == pytest.approx(before, nan_ok=True)
    assert np.isnan(before) == (not a.any() or not b.any())


def test_a_map_is_like_itself_and_unlike_its_opposite():
    a = np.random.default_rng(0).normal(size=(12, 12))
    same, opposite = (Map.of(a.ravel(), a.shape).like(Map.of(s * a.ravel(), a.shape)) for s in (1, -1))
    assert (same.spearman, same.spearman_of_sizes, same.ssim) == (pytest.approx(1),) * 3
    assert (opposite.spearman, opposite.spearman_of_sizes) == (pytest.approx(-1), pytest.approx(1))
    assert opposite.ssim < 0


def test_structural_similarity_takes_volumes():
    volume = np.random.default_rng(0).normal(size=(5, 6, 7))
    assert ssim(volume, volume) == pytest.approx(1)


def test_the_floor_of_a_map_is_its_likeness_to_itself_elsewhere():
    y, x = np.mgrid[:40, :40]
    blob = np.exp(-((y - 9) ** 2 + (x - 30) ** 2) / 20.0)
    floor = noise_floor(blob.ravel(), blob.shape, np.random.default_rng(0))
    assert abs(floor.spearman) < 0.5
    assert floor.ssim > 0.3  # two maps that are empty nearly everywhere look alike, whatever they say
    again = noise_floor(blob.ravel(), blob.shape, np.random.default_rng(0))
    assert floor == again


def test_pixels_tied_at_the_last_place_are_left_out():
    assert first_pixels(np.array([3.0, 1, 1, 0]), 1).tolist() == [True, False, False, False]
    assert first_pixels(np.array([3.0, 1, 1, 0]), 2).tolist() == [True, False, False, False]
    assert first_pixels(np.array([3.0, 1, 1, 0]), 3).tolist() == [True, True, True, False]
    assert not first_pixels(np.ones(4), 2).any()
    assert np.isnan(jaccard(np.zeros(3, dtype=bool), np.zeros(3, dtype=bool)))
    assert jaccard(np.array([True, True, False]), np.array([True, False, True])) == pytest.approx(1 / 3)


def test_a_constant_map_has_no_rank_correlation():
    assert np.isnan(cosine(centred_ranks(np.full(4, 0.1)), centred_ranks(np.arange(4.0))))


@pytest.mark.parametrize("seed", range(20))
def test_the_floor_of_a_row_of_few_measurements_is_never_the_row_where_it_stands(seed):
    found = noise_floor(np.array([1.0, 2.0, 3.0]), (3,), np.random.default_rng(seed))
    assert found.spearman == pytest.approx(-0.5)  # both ways of turning three numbers round
    assert np.isnan(noise_floor(np.array([1.0]), (1,), np.random.default_rng(seed)).spearman)
