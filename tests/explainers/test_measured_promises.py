"""What every method that explains rows and signals promises, and that it says what its formula says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from measured import LEADS, NAMES, recording, row, signal_model, table_model
from torch import nn

from pellucid.explainers.base import modalities_of, refusals
from pellucid.explainers.images.cutting import segments
from pellucid.predictors.numeric import TableClassifier
from pellucid.registry import explainers
from pellucid.target import Target
from pellucid.testing import check_explainer
from pellucid.units import SampleUnits

SHARED = (
    "input_x_gradient", "input_x_gradient_signed", "gradient_x_difference", "integrated_gradients", "saliency", "smoothgrad",
    "random", "uniform",
)  # fmt: skip
OF_ROWS = ("occlusion_feature", "lime_feature", "kernel_shap_feature")
OF_SIGNALS = ("occlusion_segment", "lime_segment", "kernel_shap_segment")
QUICK = {"smoothgrad": {"samples": 4}, "occlusion_segment": {"regions": 12}} | {
    name: {"regions": 9, "samples": 40} for name in OF_SIGNALS[1:]
}


def make(name):
    return explainers.create(name, **QUICK.get(name, {}))


@pytest.mark.parametrize("name", [*SHARED, *OF_ROWS])
def test_every_method_keeps_its_contract_on_rows(name):
    assert make(name).name == name
    assert "table" in modalities_of(explainers.factory(name))
    check_explainer(make(name), table_model(), [row("a"), row("b")])


@pytest.mark.parametrize("architecture", ["tiny", "gru"])
@pytest.mark.parametrize("name", [*SHARED, *OF_SIGNALS])
def test_every_method_keeps_its_contract_on_signals(name, architecture):
    assert make(name).name == name
    assert "signal" in modalities_of(explainers.factory(name))
    check_explainer(make(name), signal_model(architecture), [recording("a"), recording("b")])


@pytest.mark.parametrize("name", [*OF_ROWS, "integrated_gradients", "input_x_gradient_signed", "gradient_x_difference"])
def test_of_a_linear_model_every_method_gives_weight_times_distance_from_the_mean(name):
    network = nn.Linear(4, 1).double()
    model = TableClassifier(network, ["x"], exclusive=False, names=NAMES, mean=[10, 100, 1, 50], std=[2, 5, 0.5, 9])
    batch = model.encode([row()])
    settings = {"lime_feature": {"ridge": 1e-9}}.get(name, {})
    found = explainers.create(name, **settings)(model, batch, [Target.label("x")])[0].scores[0]
    np.testing.assert_allclose(found, (network.weight[0] * batch.data[0]).detach(), rtol=1e-5)


def test_occluding_a_measurement_asks_the_model_with_the_mean_in_its_place():
    model = table_model()
    batch, target = model.encode([row()]), Target.label("uraemia")
    found = explainers.create("occlusion_feature")(model, batch, [target])[0].scores[0]
    for feature in range(4):
        without = batch.data.clone()
        without[0, feature] = 0.0
        with torch.no_grad():
            change = (model.logits(batch.data) - model.logits(without))[0, 1]
        assert found[feature] == pytest.approx(float(change))


def test_shapley_values_of_few_measurements_are_exact():
    model, target = table_model(), Target.label("frailty")
    batch = model.encode([row()])
    found = explainers.create("kernel_shap_feature")(model, batch, [target])[0].scores[0]
    every = np.array(list(np.ndindex(2, 2, 2, 2)), dtype=bool)
    worth = {
        tuple(k): v
        for k, v in zip(every.tolist(), model.perturbed_scores(batch, [every], "mask", [target])[0][:, 0], strict=True)
    }
    share = {0: 1 / 4, 1: 1 / 12, 2: 1 / 12, 3: 1 / 4}  # s! (3 - s)! / 4!
    for feature in range(4):
        lacking = [k for k in worth if not k[feature]]
        gains = [share[sum(k)] * (worth[(*k[:feature], True, *k[feature + 1 :])] - worth[k]) for k in lacking]
        assert found[feature] == pytest.approx(sum(gains))


def test_segments_are_stretches_of_single_leads_that_cover_all():
    cut = segments(SampleUnits(10, LEADS, 5.0), 9)
    assert (len(cut), cut.kind) == (9, "segment")
    assert cut.index.min() == 0
    for number in range(len(cut)):
        time, lead = np.nonzero(cut.index == number)
        assert len(set(lead.tolist())) == 1
        assert np.array_equal(np.diff(time), np.ones(len(time) - 1))
    assert len(segments(SampleUnits(2, LEADS, 5.0), 100)) == 6  # no more than there are samples


def test_occluding_a_segment_flattens_it_and_shares_the_loss_among_its_samples():
    model, target = signal_model(), Target.label("paced")
    batch = model.encode([recording()])
    found = explainers.create("occlusion_segment", regions=6)(model, batch, [target])[0].scores[0].reshape(64, 3)
    without = batch.data.clone()
    without[0, 1, :32] = 0.0
    with torch.no_grad():
        change = float((model.logits(batch.data) - model.logits(without))[0, 0])
    np.testing.assert_allclose(found[:32, 1], change / 32)


@pytest.mark.parametrize("name", ["layer_cam", "attention", "occlusion_word", "occlusion_patch", "prior"])
def test_methods_for_other_inputs_refuse_rows_and_signals(name):
    for model in (table_model(), signal_model()):
        assert refusals(model, explainers.create(name))[0].startswith("inputs of the kind")
