"""Captum's classes by name: what they are called on, what is refused, and that they are what Captum says."""

from __future__ import annotations

import sys

import captum.attr
import numpy as np
import pytest
import torch
from image_networks import CONTRAST, SIZE, TARGETS, FunctionalRelu, cases, classifier, opened, sequential
from torch import nn

from pellucid.errors import CapabilityError, PellucidError, UnknownNameError
from pellucid.explainers.base import modalities_of
from pellucid.registry import explainers
from pellucid.target import Target
from pellucid.testing import check_explainer

SETTINGS = {
    "IntegratedGradients": {"options": {"n_steps": 8}},
    "Occlusion": {"options": {"sliding_window_shapes": [1, 8, 8], "strides": [1, 8, 8]}},
    "KernelShap": {"options": {"n_samples": 6}},
    "GuidedGradCam": {},
    "LRP": {},
}


def make(member):
    return explainers.create(f"captum:{member}", **SETTINGS.get(member, {}))


def by_hand(attribution, model, given, **more):
    """Captum on one case and label at a time, summed over channels."""
    rows = [[attribution.attribute(model.encode([c]).data, target=k, **more) for k in range(3)] for c in given]
    return [np.stack([row[0].sum(0).flatten().detach().numpy() for row in case]) for case in rows]


def found(member, model, given, targets=TARGETS, **settings):
    made = explainers.create(f"captum:{member}", **settings)
    return [a.scores for a in made(model, model.encode(given), targets)]


@pytest.mark.parametrize("member", SETTINGS)
def test_every_class_keeps_the_contract(member):
    check_explainer(make(member), opened(sequential()), cases(names="ab"), [*TARGETS[:1], CONTRAST])


def test_guided_grad_cam_reads_the_last_feature_maps():
    model, given = opened(sequential()), cases()
    expected = by_hand(captum.attr.GuidedGradCam(model.module, model.module[5]), model, given)
    assert np.allclose(found("GuidedGradCam", model, given), expected, rtol=1e-12)
    early = by_hand(captum.attr.GuidedGradCam(model.module, model.module[2]), model, given)
    assert np.allclose(found("GuidedGradCam", model, given, layer="2"), early, rtol=1e-12)


def test_what_a_class_says_of_a_layer_is_interpolated_as_a_cam_is():
    model, given = opened(sequential()), cases()
    rectified = found("LayerGradCam", model, given, options={"relu_attributions": True})
    expected = [a.scores for a in explainers.create("grad_cam")(model, model.encode(given), TARGETS)]
    assert np.allclose(rectified, expected, rtol=1e-10, atol=1e-15)


def test_baselines_are_the_reference_and_options_are_passed_on():
    model, given = opened(sequential(channels=3), channels=3), cases(channels=3)
    zero = torch.zeros(1, 3, *SIZE, dtype=torch.float64)
    expected = by_hand(captum.attr.IntegratedGradients(model.module), model, given, baselines=zero, n_steps=7)
    assert np.allclose(found("IntegratedGradients", model, given, options={"n_steps": 7}), expected, rtol=1e-10)


def test_the_contrast_of_two_labels_is_the_difference_of_their_scores_where_a_method_is_linear_in_the_output():
    model, given = opened(sequential()), cases()
    for case in found("InputXGradient", model, given, [TARGETS[0], TARGETS[2], CONTRAST]):
        assert np.allclose(case[2], case[0] - case[1], rtol=1e-9, atol=1e-15)
    weighted = Target("both", (("effusion", 2.0), ("nodule", 0.5)))
    one, other, both = found("InputXGradient", model, given, [TARGETS[0], TARGETS[1], weighted])[0]
    assert np.allclose(both, 2 * one + 0.5 * other, rtol=1e-9, atol=1e-15)


def test_relevance_without_biases_is_input_times_gradient_and_adds_up_to_the_logit():
    """Of a network of ReLUs without biases and norms the epsilon rule is that, for a vanishing epsilon."""
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, bias=False), nn.ReLU(), nn.Conv2d(4, 4, 3, bias=False), nn.ReLU(), nn.Flatten(), nn.Identity(),
        nn.Linear(4 * 12 * 16, 3, bias=False),
    )  # fmt: skip
    model, given = opened(net), cases()
    expected = [a.scores for a in explainers.create("input_x_gradient_signed")(model, model.encode(given), TARGETS)]
    relevance = found("LRP", model, given)
    assert np.allclose(relevance, expected, rtol=1e-4, atol=1e-6 * np.abs(expected).max())
    logits = model.module(model.encode(given).data).detach().numpy()
    assert np.allclose(np.stack(relevance).sum(-1), logits, rtol=1e-5)


def test_random_classes_depend_on_seed_and_case_alone():
    model = opened(sequential())
    one, other = found("GradientShap", model, cases()), found("GradientShap", model, cases(), seed=1)
    assert not np.allclose(one, other)
    torch.manual_seed(5)
    assert np.array_equal(one, found("GradientShap", model, cases()))


def test_removal_of_regions_works_on_a_grid():
    model = opened(sequential())
    scores = found("FeatureAblation", model, cases(names="a"))[0].reshape(3, *SIZE)
    assert len(np.unique(scores[0])) <= 49
    assert (scores[:, :2, :2] == scores[:, :1, :1]).all()


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        ("NoiseTunnel", "made from attribution_method"),
        ("NeuronGradient", "does not ask for a target"),
        ("LayerActivation", "does not ask for a target"),
        ("FeaturePermutation", "between cases"),
        ("ShapleyValues", "all orders"),
        ("DataLoaderAttribution", "made from attr_method"),
        ("GradientAttribution", "other classes are made from"),
    ],
)
def test_classes_that_cannot_explain_a_target_of_one_image_are_refused(member, reason):
    with pytest.raises(CapabilityError, match=f"Captum's {member} .*{reason}"):
        make(member)


def test_unknown_classes_and_options_bring_what_there_is():
    with pytest.raises(UnknownNameError, match="IntegratedGradients"):
        explainers.create("captum:IntegratedGradient")
    with pytest.raises(PellucidError, match=r"takes no 'steps'; it takes .*n_steps"):
        explainers.create("captum:IntegratedGradients", options={"steps": 3})
    with pytest.raises(PellucidError, match="does not take these settings"):
        explainers.create("captum:LRP", colour="red")


def test_a_network_that_captum_cannot_explain_is_refused_in_one_sentence():
    with pytest.raises(CapabilityError, match="Captum's LRP cannot explain this network"):
        found("LRP", opened(sequential(activation=nn.GELU)), cases())
    with pytest.raises(CapabilityError, match="maps over the image"):
        found("GuidedGradCam", opened(nn.Sequential(nn.Flatten(), nn.Linear(SIZE[0] * SIZE[1], 3))), cases())
    with pytest.raises(PellucidError, match="no layer 'nowhere'"):
        found("GuidedGradCam", opened(sequential()), cases(), layer="nowhere")


def test_without_captum_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "captum", None)
    with pytest.raises(CapabilityError, match=r"pellucid\[captum\]"):
        explainers.create("captum:LRP")


def test_the_family_is_known_but_not_listed_and_is_for_images():
    assert "captum:LRP" in explainers
    assert "captum" not in explainers
    assert not any(name.startswith("captum") for name in explainers.names())
    assert modalities_of(explainers.factory("captum:LRP")) == ("image",)
    assert make("LRP").name == "captum:LRP"
    assert not explainers.create("captum:Saliency").signed


def test_where_captum_would_be_silently_wrong_so_is_the_bridge_but_our_own_is_not():
    """Captum does not see a ReLU that is called as a function; ours says so."""
    model = opened(FunctionalRelu())
    assert found("DeepLift", model, cases())
    with pytest.raises(CapabilityError, match="relu"):
        explainers.create("deep_lift")(model, model.encode(cases()), TARGETS)


def test_residual_networks_go_through_the_bridge():
    model = classifier()
    expected = by_hand(captum.attr.GuidedBackprop(model.module), model, cases())
    assert np.allclose(found("GuidedBackprop", model, cases()), expected, rtol=1e-12)
