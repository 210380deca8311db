"""Densities, the prior of other patients, and the same map blurred."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from pellucid.metrics import gaze
from pellucid.metrics.gaze import Looks, as_density, blurred, leave_one_out


def test_a_density_is_the_positive_part_at_any_scale():
    maps = torch.tensor([[1.0, -2.0, 3.0], [0.0, 0.0, 0.0], [-1.0, -1.0, -1.0]])
    for scale in (1.0, 1e-300, 1e300, 1e-38):
        found = as_density(maps.double() * scale)
        assert torch.allclose(found[0], torch.tensor([0.25, 0.0, 0.75]).double(), atol=1e-15)
        assert found[1:].isnan().all()


def test_a_prior_leaves_out_all_images_of_the_patient():
    densities = as_density(torch.rand(6, 40, generator=torch.Generator().manual_seed(0)))
    patients = ["a", "b", "a", "c", "c", "a"]
    found = leave_one_out(densities, patients)
    for i, patient in enumerate(patients):
        others = [j for j, other in enumerate(patients) if other != patient]
        assert torch.allclose(found[i], densities[others].mean(0), atol=1e-15)
    assert torch.allclose(found.sum(1), torch.ones(6).double(), atol=1e-14)


def test_what_only_one_patient_looked_at_is_nothing_to_the_prior():
    densities = torch.full((3, 10), 0.1, dtype=torch.float64)
    densities[0] = torch.tensor([0.3] + [0.7 / 9] * 9)
    densities[1:, 0] = 0
    prior = leave_one_out(densities, [0, 1, 2])
    assert (prior >= 0).all()
    assert prior[0, 0] < 1e-16


def test_the_only_patient_has_no_prior():
    assert leave_one_out(torch.rand(2, 4), ["a", "a"]).isnan().all()
    found = gaze.information_gain(
        torch.rand(2, 4), Looks.of([(np.array([1]), np.ones(1))]), leave_one_out(torch.rand(2, 4), [1, 1])
    )
    assert found.isnan().all()


def test_where_people_look_at_the_prior_alone_it_is_chance_by_the_shuffled_metrics():
    """Readers who see nothing in any image: by the plain AUC the centre prior does well, by the shuffled one it is 0.5."""
    side, random = 32, np.random.default_rng(0)
    line = np.exp(-0.5 * (((np.arange(side) + 0.5) / side - 0.5) / 0.25) ** 2)
    centre = np.outer(line, line).ravel() / line.sum() ** 2
    rows = [(random.choice(side * side, 40, p=centre), np.ones(40)) for _ in range(400)]
    elsewhere = Looks.of([(np.concatenate([rows[(i + k) % 400][0] for k in range(1, 11)]), np.ones(400)) for i in range(400)])
    maps, looks = torch.from_numpy(centre).expand(400, -1), Looks.of(rows)
    assert float(gaze.sauc(maps, looks, elsewhere).mean()) == pytest.approx(0.5, abs=0.01)
    assert abs(float(gaze.shuffled_nss(maps, looks, elsewhere).mean())) < 0.03
    assert float(gaze.auc(maps, looks).mean()) > 0.6


@pytest.mark.parametrize("sigma", [0.5, 2.0, 7.5])
def test_blur_is_that_of_scipy(sigma):
    image = torch.rand(1, 20 * 31, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    expected = gaussian_filter(image[0].numpy().reshape(20, 31), sigma, mode="reflect", truncate=12)
    assert np.allclose(blurred(image, (20, 31), sigma)[0].numpy().reshape(20, 31), expected, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(sigma=st.floats(0.1, 60), height=st.integers(1, 12), width=st.integers(1, 12))
def test_blur_keeps_the_mass_and_a_constant(sigma, height, width):
    maps = torch.rand(2, height * width, generator=torch.Generator().manual_seed(0))
    found = blurred(maps, (height, width), sigma)
    assert torch.allclose(found.sum(1), maps.double().sum(1), rtol=1e-12)
    assert (found >= 0).all()
    even = torch.ones(1, height * width)
    assert torch.allclose(blurred(even, (height, width), sigma), even.double(), atol=1e-12)


def test_no_blur_is_the_map_itself():
    maps = torch.rand(2, 12)
    assert torch.equal(blurred(maps, (3, 4), 0.0), maps.double())
    assert gaze.widths((100, 200)) == (0, 2, 4, 8, 16, 32)


def test_blur_alone_lowers_the_divergence_of_a_crisp_map():
    size = (40, 40)
    random = np.random.default_rng(0)
    looks = torch.zeros(1, 1600)
    looks[0, random.integers(0, 1600, 12)] = 1
    density = as_density(blurred(looks, size, 4.0))
    crisp = torch.zeros(40, 40)
    crisp[10:20, 10:20] = 1
    crisp = crisp.flatten()[None]
    mit = {"epsilon": gaze.MIT_EPSILON, "mix": 0.0}
    raw, soft = gaze.kld(crisp, density, **mit), gaze.kld(blurred(crisp, size, 6.0), density, **mit)
    assert float(soft) < 0.2 * float(raw)
