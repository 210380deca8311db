"""Methods made of pixel gradients are what their names say: against Captum, closed forms, and sums that must come out."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from captum.attr import DeepLift as CaptumDeepLift
from captum.attr import GuidedBackprop
from captum.attr import Saliency as CaptumSaliency
from image_networks import (
    CONTRAST,
    SIZE,
    TARGETS,
    Blind,
    FunctionalRelu,
    Gated,
    Named,
    Patched,
    Reused,
    cases,
    classifier,
    opened,
    sequential,
)
from torch import nn
from torch.nn import functional

from pellucid.case import Case
from pellucid.errors import CapabilityError, PellucidError
from pellucid.explainers.base import refusals_when_tried
from pellucid.picture import Picture
from pellucid.registry import explainers

GRADIENTS = (
    "saliency", "smoothgrad", "guided_backpropagation", "input_x_gradient", "input_x_gradient_signed", "integrated_gradients",
    "deep_lift",
)  # fmt: skip


def scores(name, model, given, targets=TARGETS, **settings):
    return [a.scores for a in explainers.create(name, **settings)(model, model.encode(given), targets)]


def by_captum(kind, model, given, reduce, **more):
    """Captum on one case and label at a time."""
    rows = [[kind(model.module).attribute(model.encode([c]).data, target=k, **more) for k in range(3)] for c in given]
    return [np.stack([reduce(row[0]).flatten().detach().numpy() for row in case]) for case in rows]


def largest(attribution):
    return attribution.abs().amax(0)


@pytest.mark.parametrize("size", [SIZE, (6, 8, 7)])
@pytest.mark.parametrize("channels", [1, 3])
def test_saliency_is_captums(size, channels):
    model, given = classifier(size, channels), cases(size, "ab", channels)
    expected = by_captum(CaptumSaliency, model, given, largest)
    assert np.allclose(scores("saliency", model, given), expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("channels", [1, 3])
def test_guided_backpropagation_is_captums(channels):
    model, given = opened(sequential(channels=channels), channels=channels), cases(channels=channels)
    expected = by_captum(GuidedBackprop, model, given, largest)
    assert np.allclose(scores("guided_backpropagation", model, given), expected, rtol=1e-12, atol=1e-15)


def test_guided_backpropagation_drops_what_gradients_keep():
    model = classifier()
    assert not np.allclose(scores("guided_backpropagation", model, cases()), scores("saliency", model, cases()))


def test_guided_backpropagation_is_the_same_where_rectifiers_work_in_place():
    module = sequential()
    model = opened(module)
    expected = scores("guided_backpropagation", model, cases())
    for part in module:
        if isinstance(part, nn.ReLU):
            part.inplace = True
    assert np.array_equal(scores("guided_backpropagation", model, cases()), expected)


@pytest.mark.parametrize(
    ("module", "message"), [(FunctionalRelu(), "as a function"), (sequential(activation=nn.GELU), "nn.ReLU")]
)
def test_guided_backpropagation_refuses_rectifiers_that_it_cannot_reach(module, message):
    with pytest.raises(CapabilityError, match=message):
        scores("guided_backpropagation", opened(module), cases())


@pytest.mark.parametrize("activation", [nn.ReLU, nn.ELU, nn.Sigmoid, nn.Tanh, nn.Softplus, nn.LeakyReLU])
def test_deep_lift_is_captums_where_captum_has_the_rule(activation):
    model, given = opened(sequential(activation=activation, pool=nn.AvgPool2d(2))), cases()
    expected = by_captum(CaptumDeepLift, model, given, lambda a: a.sum(0), baselines=torch.zeros(1, 1, *SIZE).double())
    assert np.allclose(scores("deep_lift", model, given), expected, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize(
    "module",
    [
        sequential(activation=nn.GELU), sequential(activation=nn.SiLU), sequential(activation=nn.Hardswish), Reused(),
        sequential(activation=nn.ReLU6), sequential(pool=nn.MaxPool2d(3, 2)), sequential(pool=nn.MaxPool2d(3, 2, 1)),
    ],
)  # fmt: skip
def test_deep_lift_adds_up_where_captum_does_not(module):
    """Other activations, an activation that is run twice, and pooling windows that overlap."""
    model = opened(module)
    for attribution in explainers.create("deep_lift")(model, model.encode(cases()), [*TARGETS, CONTRAST]):
        gap = attribution.facts["completeness_gap"]
        assert np.abs(gap).max() <= 1e-12 * (1 + np.abs(attribution.scores).sum(1).max())


def test_deep_lift_through_maximum_pooling_is_the_papers_rule_written_as_loops():
    """Captum adds up here as well, but shares out otherwise: with pooling between two activations its multipliers are wrong."""
    model, (given,) = opened(sequential()), cases(names="a")
    net, x = model.module, model.encode([given]).data
    with torch.no_grad():
        above, below = [x], [torch.zeros_like(x)]
        for layer in net:
            above.append(layer(above[-1]))
            below.append(layer(below[-1]))

        def line(i):
            changed = above[i] != below[i]
            slope = (above[i + 1] - below[i + 1]) / torch.where(changed, above[i] - below[i], 1.0)
            return torch.where(changed, slope, (above[i] > 0).double())

        m = (net[8].weight[0] / above[6][0, 0].numel()).view(1, -1, 1, 1) * line(5)
        m = functional.conv_transpose2d(m, net[4].weight, padding=1)
        m = through_pool(m, above[3], below[3]) * line(2)
        m = m * (net[1].weight / (net[1].running_var + net[1].eps).sqrt()).view(1, -1, 1, 1)
        m = functional.conv_transpose2d(m, net[0].weight, padding=1)
    assert np.allclose(scores("deep_lift", model, [given])[0][0], (m * x)[0, 0].flatten(), rtol=1e-9, atol=1e-15)


def through_pool(m, above, below):
    """A rise goes to the largest pixel of the image's window, a fall to that of the reference's."""
    result = torch.zeros_like(above)
    for channel, i, j in np.ndindex(*m.shape[1:]):
        window = (0, channel, slice(2 * i, 2 * i + 2), slice(2 * j, 2 * j + 2))
        x, reference = above[window], below[window]
        place = int((x if x.max() >= reference.max() else reference).argmax())
        change = float((x - reference).flatten()[place])
        slope = float(x.max() - reference.max()) / change if change else 1.0
        result[0, channel, 2 * i + place // 2, 2 * j + place % 2] = slope * m[0, channel, i, j]
    return result


def test_deep_lift_of_a_reused_activation_is_that_of_two_activations():
    shared = opened(Reused())
    net = shared.module
    apart = nn.Sequential(net.one, nn.ReLU(), net.two, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), net.head)
    assert np.allclose(scores("deep_lift", shared, cases()), scores("deep_lift", opened_as_it_is(apart), cases()), atol=1e-14)


def opened_as_it_is(module):
    from image_networks import FINDINGS

    from pellucid.predictors.image_classifier import ImageClassifier

    return ImageClassifier(module, FINDINGS, exclusive=False, size=SIZE)


def test_deep_lift_of_one_neuron_is_the_hand_calculation():
    """relu(x1 + x2 - 1) from (0, 0): each input gets its share of the line from 0 to the output."""
    net = nn.Sequential(nn.Conv2d(1, 1, (1, 2)), nn.ReLU(), nn.Flatten(), nn.Linear(1, 3, bias=False)).double()
    with torch.no_grad():
        net[0].weight.fill_(1.0)
        net[0].bias.fill_(-1.0)
        net[3].weight.copy_(torch.tensor([[1.0], [2.0], [-1.0]]))
    model = opened_as_it_is(net)
    model.size = (1, 2)
    batch = model.encode([cases((1, 2), "a")[0]])
    batch.data = torch.tensor([[[[3.0, 0.5]]]], dtype=torch.float64)
    (found,) = explainers.create("deep_lift")(model, batch, TARGETS)
    slope = 2.5 / 3.5  # the output rises from 0 to 2.5 while the sum rises from -1 to 2.5
    assert np.allclose(found.scores[0], [3.0 * slope, 0.5 * slope])
    assert np.allclose(found.scores, np.outer([1, 2, -1], found.scores[0]))


@pytest.mark.parametrize(
    ("module", "operation"), [(FunctionalRelu(), "relu"), (Gated(), "mul"), (sequential(pool=nn.LPPool2d(2, 2)), "pow")]
)
def test_deep_lift_names_the_operation_that_it_has_no_rule_for(module, operation):
    with pytest.raises(CapabilityError, match=f"'{operation}'"):
        scores("deep_lift", opened(module), cases())


def test_deep_lift_refuses_a_norm_that_looks_at_the_batch():
    net = sequential()
    net[1] = nn.BatchNorm2d(6, track_running_stats=False)
    with pytest.raises(CapabilityError, match="'nativebatchnorm'"):
        scores("deep_lift", opened(net), cases())


class Turned(nn.Module):
    """Runs its ReLU over channels first, then cases."""

    def __init__(self):
        super().__init__()
        self.conv, self.relu, self.head = nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Linear(6, 3)

    def forward(self, x):
        return self.head(self.relu(self.conv(x).transpose(0, 1)).transpose(0, 1).flatten(2).mean(-1))


def test_deep_lift_refuses_an_activation_that_does_not_read_one_image_after_the_other():
    """Its lines would be drawn between channels, and the scores would not add up."""
    with pytest.raises(CapabilityError, match="do not add up"):
        scores("deep_lift", opened(Turned()), cases())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("shade", [0, 127, 128, 255])
def test_deep_lift_does_not_take_rounding_for_a_mistake(dtype, shade):
    """Images near the reference have small scores beside large logits."""
    model = opened(sequential(activation=nn.GELU))
    model.to(dtype=dtype)
    flat = Case("flat", "flat", {"image": Picture(np.full((*SIZE, 1), shade, dtype=np.uint8))}, frozenset())
    assert np.isfinite(scores("deep_lift", model, [*cases(), flat])[-1]).all()


def test_deep_lift_of_parts_that_are_called_by_keyword_is_that_of_others():
    named = Named()
    by_place = nn.Sequential(named.conv, named.relu, named.pool, nn.AdaptiveAvgPool2d(1), nn.Flatten(), named.head)
    expected = scores("deep_lift", opened(by_place), cases())
    assert np.allclose(scores("deep_lift", opened(named), cases()), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "module", "message"),
    [
        ("deep_lift", FunctionalRelu(), "'relu'"),
        ("deep_lift", Patched(), "'softmax'|'bmm'"),
        ("deep_lift", Turned(), "one image after the other"),
        ("guided_backpropagation", FunctionalRelu(), "all of them nn.ReLU modules"),
        ("guided_backpropagation", sequential(activation=nn.GELU), "nn.ReLU modules"),
    ],
)
def test_what_rules_cannot_reach_is_known_before_anything_is_explained(name, module, message):
    """So that an audit leaves the method out and goes on with the others."""
    assert re.search(message, refusals_when_tried(opened(module), explainers.create(name))[0])
    assert refusals_when_tried(opened(sequential()), explainers.create(name)) == []


def test_integrated_gradients_add_up_in_three_dimensions_too():
    for size in (SIZE, (5, 6, 7)):
        model = classifier(size)
        for found in explainers.create("integrated_gradients", steps=64)(model, model.encode(cases(size, "ab")), TARGETS):
            assert np.abs(found.facts["completeness_gap"]).max() < 0.02 * np.abs(found.scores).sum(1).max()


def test_integrated_gradients_of_a_linear_network_are_exact_at_once():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(2 * 14 * 18, 3))
    model = opened(net)
    (found,) = explainers.create("integrated_gradients")(model, model.encode(cases(names="a")), TARGETS)
    assert np.allclose(found.scores, scores("input_x_gradient_signed", model, cases(names="a"))[0], atol=1e-12)
    assert np.abs(found.facts["completeness_gap"]).max() < 1e-12
    assert (found.facts["steps"] == 9).all(), "two levels must agree, even if the first adds up"


@pytest.mark.parametrize("name", GRADIENTS)
def test_a_pixel_that_the_network_does_not_read_gets_nothing(name):
    (found,) = scores(name, opened(Blind()), cases(names="a"))
    maps = found.reshape(3, *SIZE)
    assert (maps[..., :5] == 0).all()
    assert (np.abs(maps[..., 5:]).sum((1, 2)) > 0).all()


def test_smoothgrad_without_noise_is_saliency():
    model = classifier()
    assert np.allclose(
        scores("smoothgrad", model, cases(), noise=0.0, samples=2), scores("saliency", model, cases()), rtol=1e-12
    )


def test_smoothgrad_is_the_mean_gradient_of_its_copies_before_the_sign_goes():
    """One target and sample at a time, with noise read from the stream that the method documents."""
    from pellucid.randomness import stream

    model, (given,) = classifier(), cases(names="a")
    batch = model.encode([given])
    random, total = stream(3, "smoothgrad", "a"), 0.0
    for _ in range(2):
        noise = torch.from_numpy(random.normal(0.0, 0.7, (SIZE[0] * SIZE[1], 1)))
        for sign in (1, -1):
            at = (model.features(batch) + sign * noise).requires_grad_()
            total = total + torch.autograd.grad(model.scores(at, batch, TARGETS[:1]).sum(), at)[0] / 4
    (found,) = scores("smoothgrad", model, [given], TARGETS[:1], noise=0.7, samples=4, seed=3)
    assert np.allclose(found[0], total.abs().amax(-1)[0], rtol=1e-12)


def test_pairs_of_noise_leave_the_gradient_of_a_quadratic_as_it_is():
    """Its gradient is linear, so that the noise cancels within each pair; drawn one by one it would not."""

    class Quadratic(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(SIZE[0] * SIZE[1], 3)

        def forward(self, x):
            return self.head(x.flatten(1) ** 2)

    model = opened(Quadratic())
    assert np.allclose(scores("smoothgrad", model, cases(), samples=2), scores("saliency", model, cases()), rtol=1e-9)


@pytest.mark.parametrize("settings", [{"samples": 3}, {"samples": 0}, {"noise": -1.0}])
def test_smoothgrad_refuses_samples_without_a_partner(settings):
    with pytest.raises(PellucidError, match=r"SmoothGrad|standard deviation"):
        explainers.create("smoothgrad", **settings)
