"""What every gradient and CAM method for images promises, and that the model is afterwards as it was."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from image_networks import (
    CONTRAST,
    SIZE,
    TARGETS,
    Answering,
    Breaking,
    Checkpointed,
    Severed,
    cases,
    classifier,
    opened,
    sequential,
)
from torch import nn

from pellucid.errors import CapabilityError, DataError, PellucidError
from pellucid.explainers.base import modalities_of
from pellucid.registry import explainers
from pellucid.testing import check_explainer

NAMES = (
    "saliency", "input_x_gradient", "input_x_gradient_signed", "integrated_gradients", "smoothgrad", "guided_backpropagation",
    "deep_lift", "grad_cam", "grad_cam_plus_plus", "layer_cam", "score_cam", "eigen_cam", "jacobian", "pbx", "logit_difference",
)  # fmt: skip
BRIDGED = ("captum:GuidedGradCam", "captum:DeepLift", "captum:LRP", "captum:GradientShap")
SETTINGS = {"smoothgrad": {"samples": 4}, "integrated_gradients": {"most": 8}}


def make(name):
    return explainers.create(name, **SETTINGS.get(name, {}))


def explain(name, model, given, targets=TARGETS):
    return make(name)(model, model.encode(given), targets)


def state(module):
    """All that an explainer could have left behind."""
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks", "_forward_hooks_always_called")
    tensors = [*module.named_parameters(), *module.named_buffers()]
    weights = {name: (t.detach().numpy().tobytes(), t._version, t.requires_grad) for name, t in tensors}
    grads = {name: None if p.grad is None else p.grad.numpy().tobytes() for name, p in module.named_parameters()}
    parts = {
        name: (part.training, getattr(part, "inplace", None), sorted(vars(part)), [len(getattr(part, h)) for h in hooks])
        for name, part in module.named_modules()
    }
    return weights, grads, parts


@pytest.mark.parametrize("name", NAMES)
def test_every_method_keeps_its_contract(name):
    check_explainer(make(name), classifier(), cases(), [*TARGETS[:2], CONTRAST])


@pytest.mark.parametrize("name", ["saliency", "integrated_gradients", "deep_lift", "grad_cam", "score_cam", "eigen_cam"])
def test_every_method_keeps_its_contract_on_volumes(name):
    size = (5, 6, 7)
    check_explainer(make(name), classifier(size), cases(size, "ab"))


@pytest.mark.parametrize("name", NAMES)
def test_every_method_is_registered_for_images_under_its_own_name(name):
    assert make(name).name == name
    assert make(name).cites
    assert "image" in modalities_of(explainers.factory(name))


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", [*NAMES, *BRIDGED])
def test_the_model_is_afterwards_as_it_was(name, training):
    model = opened(sequential())
    model.module[0].weight.requires_grad_(False)
    for parameter in model.module.parameters():
        parameter.grad = torch.ones_like(parameter)
    model.module.train(training)
    before = state(model.module)
    explain(name, model, cases())
    assert state(model.module) == before


@pytest.mark.parametrize("name", [*NAMES, *BRIDGED])
def test_the_model_is_as_it_was_after_a_pass_that_failed(name):
    model = opened(Breaking())
    assert model.map_layers
    model.module.train()
    model.module.armed = True
    before = state(model.module)
    with pytest.raises((RuntimeError, PellucidError), match="out of order"):
        explain(name, model, cases())
    assert state(model.module) == before


@pytest.mark.parametrize("name", NAMES)
def test_training_mode_and_batch_mates_change_nothing(name):
    """Norms go by what they learnt, whatever mode the network is in."""
    model = opened(sequential())
    expected = explain(name, model, cases())
    model.module.train()
    for one, other in zip(expected, explain(name, model, cases()), strict=True):
        assert np.array_equal(one.scores, other.scores)


@pytest.mark.parametrize("name", NAMES)
def test_rectifiers_that_work_in_place_change_nothing(name):
    model = opened(Breaking())
    found = explain(name, model, cases())
    model.module.relu.inplace = False
    for one, other in zip(found, explain(name, model, cases()), strict=True):
        assert np.allclose(one.scores, other.scores, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", NAMES)
def test_explaining_works_where_gradients_are_switched_off(name):
    model = classifier()
    expected = explain(name, model, cases())
    with torch.no_grad():
        found = explain(name, model, cases())
        assert not torch.is_grad_enabled()
    assert all(np.array_equal(a.scores, b.scores) for a, b in zip(expected, found, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_a_network_that_gives_no_numbers_is_named_with_the_case(name):
    model = opened(sequential())
    with torch.no_grad():
        model.module[4].weight[0] = torch.nan
    with pytest.raises(DataError, match=r"case a .*finite"):
        explain(name, model, cases())


@pytest.mark.parametrize("name", [n for n in NAMES if "cam" not in n])
def test_a_network_without_convolutions_can_be_explained_by_its_gradients(name):
    model = opened(nn.Sequential(nn.Flatten(), nn.Linear(SIZE[0] * SIZE[1], 4), nn.ReLU(), nn.Linear(4, 3)))
    assert all(a.scores.any() for a in explain(name, model, cases()))


@pytest.mark.parametrize("answer", [lambda y: (y, y), lambda y: {"logits": y}, lambda y: y[:, 0], lambda y: y[:, :2]])
@pytest.mark.parametrize("name", NAMES)
def test_a_network_that_does_not_give_one_logit_a_label_is_refused_in_one_sentence(name, answer):
    with pytest.raises(PellucidError, match="wrap it in a module that gives one logit"):
        explain(name, opened(Answering(answer)), cases())


@pytest.mark.parametrize("how", ["detach", "no_grad"])
@pytest.mark.parametrize("name", [n for n in NAMES[:7] if "difference" not in n] + ["extremal_perturbation"])
def test_a_network_that_no_gradient_comes_back_through_is_refused_in_one_sentence(name, how):
    with pytest.raises(CapabilityError, match="No gradient comes back"):
        explain(name, opened(Severed(how)), cases())


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("jacobian", "pbx", "logit_difference")])
def test_networks_that_compute_their_blocks_anew_are_explained_as_others(name):
    plain, saving = opened(Checkpointed(on=False)), opened(Checkpointed())
    before = state(saving.module)
    for one, other in zip(explain(name, plain, cases()), explain(name, saving, cases()), strict=True):
        np.testing.assert_allclose(one.scores, other.scores, rtol=1e-12, atol=1e-15)
    assert state(saving.module) == before


@pytest.mark.parametrize("name", ["saliency", "integrated_gradients", "extremal_perturbation"])
def test_checkpoints_that_let_no_gradient_be_asked_for_are_named(name):
    with pytest.raises(CapabilityError, match="use_reentrant=False"):
        explain(name, opened(Checkpointed(reentrant=True)), cases())
