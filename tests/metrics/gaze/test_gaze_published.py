"""Values that others published: those of the tests of pysaliency (MIT licence), and what its version 0.2.22 gives besides.

The first are the exact figures of its own tests: a Gaussian on two images of 40 x 40 pixels, looked at five and three times.
The others were worked out once by its functions on maps that a formula draws, since it is no dependency of this library.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from pellucid.metrics import gaze
from pellucid.metrics.gaze import Looks

SIDE = 40
FIRST = ([0, 1, 2, 2, 2], [10, 11, 12, 12, 12])
SECOND = ([1, 5, 3], [21, 25, 33])
PLACES = [np.array(y) * SIDE + np.array(x) for x, y in (FIRST, SECOND)]


def alike(places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fixations that count alike."""
    return places, np.ones(len(places))


@pytest.fixture
def bump() -> torch.Tensor:
    """Their Gaussian for both images."""
    y, x = np.mgrid[:SIDE, :SIDE]
    squared = (x - 0.5 * SIDE) ** 2 + (y - 0.5 * SIDE) ** 2
    return torch.from_numpy(np.exp(-0.5 * squared / np.hypot(SIDE, SIDE)).ravel()).expand(2, -1)


@pytest.fixture
def looks() -> Looks:
    return Looks.of([alike(places) for places in PLACES])


@pytest.fixture
def seen() -> torch.Tensor:
    """Their fixation map: each fixated pixel once, under a Gaussian of 10 pixels."""
    spots = np.zeros((2, SIDE * SIDE))
    for row, places in zip(spots, PLACES, strict=True):
        row[places] = 1
    return torch.from_numpy(np.array([gaussian_filter(row.reshape(SIDE, SIDE), 10).ravel() for row in spots]))


def each(places: np.ndarray) -> Looks:
    """One row a fixation."""
    return Looks.of([alike(place[None]) for place in places])


def test_nss_of_every_fixation_and_of_images_is_the_published(bump, looks):
    together = np.concatenate(PLACES)
    published = [-0.821596006113, -0.789526121554, *[-0.740616174533] * 3, -0.707322347863, -0.433094498355, -0.800070419267]
    found = gaze.nss(bump[:1].expand(8, -1), each(together)).numpy()
    np.testing.assert_allclose(found, published, rtol=1e-9)
    assert float(gaze.nss(bump[:1], Looks.of([alike(together)]))) == pytest.approx(-0.721682239593952, abs=1e-12)
    assert float(gaze.nss(bump, looks).mean()) == pytest.approx(-0.706711609374163, abs=1e-12)


def test_auc_over_pixels_without_a_fixation_is_the_published(bump, looks):
    first = [0.099248591108, 0.157482780213, *[0.240763932373] * 3]
    second = [0.291484032561, 0.50876643707, 0.138071383845]
    found = gaze.auc(bump, looks).numpy()
    np.testing.assert_allclose(found, [np.mean(first), np.mean(second)], rtol=1e-9)
    assert (5 * found[0] + 3 * found[1]) / 8 == pytest.approx(0.2396681277395116, abs=1e-12)


def test_shuffled_auc_of_every_fixation_is_the_published(bump, looks):
    for places, others, published in (
        (PLACES[0], PLACES[1], [0, 1 / 3, 1 / 3, 1 / 3, 1 / 3]),
        (PLACES[1], PLACES[0], [1, 1, 0.2]),
    ):
        maps = bump[:1].expand(len(places), -1)
        np.testing.assert_allclose(gaze.sauc(maps, each(places), Looks.of([alike(others)])).numpy(), published, atol=1e-12)


def test_cc_sim_and_kld_are_the_published(bump, seen):
    even = torch.ones(1, SIDE * SIDE)
    assert float(gaze.cc(bump, seen).mean()) == pytest.approx(-0.1542654, abs=5e-8)
    assert float(gaze.sim(bump, even)[0]) == pytest.approx(0.54392, abs=5e-7)
    assert float(gaze.sim(bump, seen).mean()) == pytest.approx(0.315899, abs=5e-7)
    mit = {"epsilon": gaze.MIT_EPSILON, "mix": 0.0}
    for wanted in ({"epsilon": 0.0, "mix": 0.0}, mit):
        assert float(gaze.kld(bump, even, **wanted)[0]) == pytest.approx(0.8396272788909165, abs=1e-11)
        assert float(gaze.kld(bump, seen, **wanted).mean()) == pytest.approx(2.029283206727416, abs=1e-11)


def test_gain_over_an_even_prior_is_the_published_log_likelihood(bump):
    likelihoods = [-10.276835, -9.764182, *[-9.286885] * 3, -9.057075, -8.067126, -9.905604]
    even = torch.ones(1, SIDE * SIDE)
    found = gaze.information_gain(bump[:1].expand(8, -1), each(np.concatenate(PLACES)), even, epsilon=0.0, mix=0.0)
    np.testing.assert_allclose(found.numpy(), (np.array(likelihoods) + np.log(SIDE**2)) / np.log(2), atol=1e-6)


PIXELS = np.arange(30 * 40)
SCORES = (((PIXELS * 7919 + 13) % 100003) / 100003) ** 3
DENSITY = (((PIXELS * 104729 + 7) % 99991) / 99991) ** 2
PRIOR = ((PIXELS * 15485863 + 3) % 99989) / 99989
HERE = (np.arange(25) * 389 + 17) % len(PIXELS)
TWICE = np.concatenate([HERE, HERE[:3]])
THERE = (np.arange(60) * 257 + 5) % len(PIXELS)

THEIRS = {
    "nss": 0.0315071979126574,
    "cc": -0.004150338774742727,
    "sim": 0.44041555936275956,
    "kld": 2.043432211173583,
    "auc": 0.5061702127659574,
    "sauc": 0.5119047619047619,
    "auc_judd": 0.5274042553191489,  # of fixations on different pixels: where some share one, theirs counts it again
    "information_gain": -1.680177090812742,
}


@pytest.mark.parametrize("name", THEIRS)
def test_a_map_without_ties_has_the_value_that_pysaliency_gives(name):
    scores, density, prior = (torch.from_numpy(values)[None] for values in (SCORES, DENSITY, PRIOR))
    looks, elsewhere = Looks.of([alike(TWICE)]), Looks.of([alike(THERE)])
    found = {
        "nss": lambda: gaze.nss(scores, looks),
        "cc": lambda: gaze.cc(scores, density),
        "sim": lambda: gaze.sim(scores, density),
        "kld": lambda: gaze.kld(scores, density, epsilon=gaze.MIT_EPSILON, mix=0.0),
        "auc": lambda: gaze.auc(scores, looks),
        "sauc": lambda: gaze.sauc(scores, looks, elsewhere),
        "auc_judd": lambda: gaze.auc_judd(scores, Looks.of([alike(HERE)])),
        "information_gain": lambda: gaze.information_gain(scores, looks, prior, epsilon=0.0, mix=0.0),
    }[name]()
    assert float(found) == pytest.approx(THEIRS[name], abs=1e-12)
