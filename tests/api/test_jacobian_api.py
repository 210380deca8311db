"""The Jacobian in one line of Python."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import pellucid
from pellucid.api import Model
from pellucid.errors import PellucidError

sys.path.insert(0, str(Path(__file__).parents[1] / "predictors"))
sys.path.insert(0, str(Path(__file__).parents[1] / "jacobians"))

from clinical import ROW, chest, heartbeat, image_model, row_model, signal_model
from pairs import pair_model


def test_a_model_a_predictor_and_a_method_give_the_same_jacobian():
    predictor, case = image_model(), chest()
    found = [pellucid.jacobian(Model(predictor), case), pellucid.jacobian(predictor, case), Model(predictor).jacobian(case)]
    for one in found:
        assert one.outputs == ("effusion", "nodule")
        torch.testing.assert_close(one.dense(), found[0].dense(), rtol=0, atol=0)


def test_a_row_by_name_an_array_and_a_signal_are_read_as_models_read_them():
    row = dict(zip(ROW.names, ROW.values.tolist(), strict=True))
    by_name = pellucid.jacobian(row_model(), row)
    torch.testing.assert_close(by_name.dense(), pellucid.jacobian(row_model(), ROW).dense())
    beats = heartbeat()
    assert pellucid.jacobian(signal_model(beats), beats.signal).shape == (2, beats.signal.samples.size)
    pixels = np.random.default_rng(0).random((24, 30))
    assert pellucid.jacobian(image_model(), pixels).shape == (2, 24 * 30)


def test_outputs_modes_and_chunks_are_passed_on():
    found = pellucid.jacobian(row_model(), ROW, output=["nodule"], mode="forward", chunk=2)
    assert (found.outputs, found.mode, found.chunk) == (("nodule",), "forward", 2)
    with pytest.raises(PellucidError, match="take"):
        pellucid.jacobian(row_model(), ROW, room=1).dense()


def test_a_sentence_of_your_own_is_asked_and_labels_are_not():
    model = Model(pair_model(size=(24, 30)))
    assert model.jacobian(chest(), output=["Small left effusion."]).outputs == ("Small left effusion.",)
    assert model.jacobian(chest(), output=[model.labels[0]]).outputs == (model.labels[0],)


def test_networks_and_functions_are_differentiated_at_a_tensor():
    network, at = torch.nn.Linear(3, 2).double().eval(), torch.zeros(3, dtype=torch.float64)
    torch.testing.assert_close(pellucid.jacobian(network, at).dense(), network.weight.detach())
    square = pellucid.jacobian(lambda versions: versions**2, torch.tensor([1.0, 2.0]))
    torch.testing.assert_close(square.dense(), torch.diag(torch.tensor([2.0, 4.0])))


def test_a_network_is_refused_an_item_that_is_no_tensor_and_outputs_by_name():
    network = torch.nn.Linear(3, 2).eval()
    with pytest.raises(PellucidError, match="of the kind list"):
        pellucid.jacobian(network, [0.0, 0.0, 0.0])
    with pytest.raises(PellucidError, match="no outputs by name"):
        pellucid.jacobian(network, torch.zeros(3), output="margins")


def test_certificates_are_a_method_of_the_jacobian_and_take_chosen_ones():
    found = pellucid.jacobian(row_model(), ROW).certificates(["first_order"])
    assert {c.method for c in found.certificates} == {"first order"}
    assert [c.decision for c in found.certificates] == ["effusion - threshold", "nodule - threshold"]
