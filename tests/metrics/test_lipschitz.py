"""The Lipschitz constant of an explanation: exact where it can be written down, and above all that sampling finds."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from images import FINDINGS, case
from pairs import SENTENCES, pair_model
from torch import nn

from pellucid.errors import PellucidError
from pellucid.jacobians import Jacobian
from pellucid.jacobians.heatmaps import of_heatmap
from pellucid.metrics.lipschitz import explanation_lipschitz
from pellucid.metrics.robustness import Noise, robustness
from pellucid.predictors.image_classifier import ImageClassifier
from pellucid.registry import explainers
from pellucid.target import Target

sys.path.insert(0, str(Path(__file__).parent.parent / "explainers"))
from image_networks import opened, sequential

SIZE = (10, 12)
ONE = case(size=SIZE)
TARGET = FINDINGS[0]


def smooth():
    return opened(sequential(activation=nn.SiLU, pool=nn.AvgPool2d(2)), SIZE)


@pytest.mark.parametrize("heatmap", ["gradient", "input_x_gradient", "grad_cam"])
def test_it_is_the_largest_singular_value_of_the_whole_jacobian(heatmap):
    model = smooth()
    jacobian = Jacobian(of_heatmap(model, ONE, heatmap, TARGET))
    values = torch.linalg.svdvals(jacobian.dense().flatten(1))
    found = explanation_lipschitz(model, ONE, heatmap, TARGET, tolerance=1e-6, most=300)
    assert found.converged
    assert found.constant == pytest.approx(float(values[0]), rel=1e-6)
    size, length = float(jacobian.function.at.norm()), float(jacobian.value.norm())
    assert found.scaled == pytest.approx(found.constant / length)
    assert found.relative == pytest.approx(found.constant * size / length)
    moved = jacobian.jvp(found.pattern).norm()
    assert float(found.pattern.norm()) == pytest.approx(1.0)
    assert float(moved) == pytest.approx(found.constant, rel=1e-5)


def test_input_times_gradient_of_a_linear_model_moves_by_its_largest_weight():
    net = nn.Sequential(nn.Flatten(), nn.Linear(SIZE[0] * SIZE[1], 1)).double().eval()
    model = ImageClassifier(net, ("a",), exclusive=False, size=SIZE, mean=(0.5,), std=(0.25,))
    weights = net[1].weight.detach().abs()
    found = explanation_lipschitz(model, ONE, "input_x_gradient", "a", tolerance=1e-4, most=300)
    assert found.constant == pytest.approx(float(weights.max()) / 0.25, rel=1e-3)  # of a shade, which is four deviations


@pytest.mark.parametrize("method", ["input_x_gradient_signed"])
@pytest.mark.parametrize("radius", [0.001, 0.01])
def test_no_small_noise_that_is_drawn_moves_a_map_further(method, radius):
    model = smooth()
    batch, targets = model.encode([ONE]), [Target.label(TARGET)]
    noise = Noise(draws=20, radius=radius, tau=1.0)
    sampled = robustness(model, {"m": explainers.create(method)}, batch, targets, noise)[0]["m"][0][0]
    found = explanation_lipschitz(model, ONE, "input_x_gradient", TARGET)
    exact = found.scaled * 0.25  # noise is in deviations of the pixels, 0.25 of a shade each
    assert 0 < sampled.lipschitz <= exact * (1 + found.residual + 0.02)
    assert sampled.lipschitz < 0.8 * exact  # drawn directions are far from the worst


def test_the_worst_pattern_reaches_the_constant_where_noise_does_not():
    model = smooth()
    function = of_heatmap(model, ONE, "input_x_gradient", TARGET)
    found = explanation_lipschitz(model, ONE, "input_x_gradient", TARGET)
    step = 1e-4
    moved = (function.value((function.at + step * found.pattern)[None]) - function.value()).norm() / step
    assert float(moved) == pytest.approx(found.constant, rel=0.02)


def test_too_few_products_are_said_and_still_a_lower_bound():
    model = smooth()
    whole = explanation_lipschitz(model, ONE, "input_x_gradient", TARGET, tolerance=1e-6, most=300)
    short = explanation_lipschitz(model, ONE, "input_x_gradient", TARGET, tolerance=1e-6, most=4)
    assert not short.converged
    assert short.residual > 1e-6
    assert short.products < whole.products
    assert 0 < short.constant <= whole.constant * (1 + 1e-9)


def test_the_map_of_a_sentence_has_one_too():
    model, one = pair_model(), case(size=(32, 40))
    found = explanation_lipschitz(model, one, "local_attention", SENTENCES[0])
    assert found.converged
    assert found.constant > 0
    assert math.isfinite(found.relative)


def test_a_map_that_nothing_moves_has_a_constant_of_0_and_no_pattern():
    model, one = pair_model(), case(size=(32, 40))
    with torch.no_grad():
        for weight in model.module.image.region.parameters():
            weight.zero_()
    found = explanation_lipschitz(model, one, "local_attention", SENTENCES[0])
    assert (found.constant, found.scaled, found.relative, found.pattern) == (0, 0, 0, None)
    assert found.converged


def test_a_map_of_zeros_has_no_relative_constant():
    net = sequential(activation=nn.Softplus, pool=nn.AvgPool2d(2))
    model = opened(net, SIZE)
    with torch.no_grad():
        net[-1].weight.fill_(-1.0)  # Grad-CAM keeps what speaks for the label, and nothing does
    found = explanation_lipschitz(model, ONE, "grad_cam", TARGET)
    assert found.constant == 0
    assert np.isnan([found.scaled, found.relative]).all()


def test_the_gradient_of_a_network_of_rectifiers_is_refused():
    with pytest.raises(PellucidError, match="does not answer to the input"):
        explanation_lipschitz(opened(sequential(pool=nn.AvgPool2d(2)), SIZE), ONE, "gradient", TARGET)
