"""Models of rows and of signals are chosen by what the cases hold, trained, regularised and found again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from measured_cases import Listed, beats, cancer, exclusive, rows

from pellucid import predictors
from pellucid.errors import CapabilityError, PellucidError
from pellucid.predictors.numeric import SignalClassifier, TableClassifier
from pellucid.training import Recipe, train
from pellucid.training.evaluate import auroc
from pellucid.training.objectives import objective
from pellucid.training.objectives.jacobian import JacobianNorm
from pellucid.training.objectives.pgd import ProjectedGradientDescent
from pellucid.training.run import predict, true_labels
from pellucid.training.start import model_for, starting
from pellucid.training.step import Step

MADE = {"table_classifier": rows, "signal_classifier": beats}


def step_of(data: Listed, model: str, encoder: str = "tiny", cases: int = 6) -> Step:
    made, _ = starting(data, Recipe(model=model, encoder=encoder))
    chosen = data.split("train")[:cases]
    made.module.train()
    return Step(made, made.encode(chosen), torch.from_numpy(true_labels(chosen, made.labels)).float(), twice=True)


def test_the_kind_of_model_follows_from_what_the_cases_hold():
    assert {name: model_for(make()) for name, make in MADE.items()} == {name: name for name in MADE}


def test_a_table_model_learns_breast_cancer_with_the_usual_recipe(tmp_path: Path):
    data = cancer()
    model = train(data, Recipe(model="table_classifier"), tmp_path / "m", device="cpu")
    probabilities, truth = predict(model, data.split("test"))
    assert auroc(probabilities[:, 0], truth[:, 0]) > 0.98
    again = predictors.load(tmp_path / "m")
    assert isinstance(again, TableClassifier)
    assert again.fingerprint == model.fingerprint
    assert again.names == data.cases[0].measurements.names
    values = np.stack([case.measurements.values for case in data.split("train")])
    np.testing.assert_allclose(again.mean, values.mean(0))
    np.testing.assert_allclose(again.std, values.std(0))


@pytest.mark.parametrize("encoder", ["tiny", "gru"])
def test_a_signal_model_learns_a_wave(encoder: str, tmp_path: Path):
    data = beats(150)
    recipe = Recipe(model="signal_classifier", encoder=encoder, epochs=12, patience=12, learning_rate=1e-2)
    model = train(data, recipe, tmp_path / "m", device="cpu")
    assert isinstance(model, SignalClassifier)
    assert model.about["history"][-1]["validation_map"] > 0.9
    probabilities, truth = predict(model, data.split("test"))
    assert auroc(probabilities[:, 0], truth[:, 0]) > 0.9


@pytest.mark.parametrize("model", MADE)
@pytest.mark.parametrize("minimised", ["igr", "pgd", "jacobian", "igr(norm=token) + pgd(norm=l2)"])
def test_the_objectives_that_ask_for_smooth_answers_reach_all_weights(model: str, minimised: str):
    step = step_of(MADE[model](), model)
    objective(minimised)(step).backward()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in step.model.module.parameters())
    assert all(any(bool(p.grad.any()) for p in part.parameters()) for part in step.model.parts().values())


@pytest.mark.parametrize("encoder", ["tiny", "gru"])
def test_regularisation_reaches_every_layer_of_networks_over_time(encoder: str):
    step = step_of(beats(), "signal_classifier", encoder)
    JacobianNorm()(step).backward()
    reached = {name for name, p in step.model.module.named_parameters() if p.grad is not None and bool(p.grad.any())}
    expected = {"gru": {"stem.0.weight", "gru.weight_hh_l0"}, "tiny": {"stem.0.weight"}}[encoder]
    assert {*expected, "head.weight"} <= reached


def test_jacobian_regularisation_makes_logits_flatter_and_costs_no_order(tmp_path: Path):
    data, found = cancer(), {}
    for minimised in ("bce", "0.01 * jacobian"):
        recipe = Recipe(model="table_classifier", objective=minimised, epochs=5)
        model = train(data, recipe, tmp_path / minimised, device="cpu")
        probabilities, truth = predict(model, data.split("test"))
        step = Step(model, model.encode(data.split("test")), torch.zeros(len(truth), 1), twice=True)
        found[minimised] = float(JacobianNorm()(step).detach()), auroc(probabilities[:, 0], truth[:, 0])
    assert found["0.01 * jacobian"][0] < 0.5 * found["bce"][0]
    assert found["0.01 * jacobian"][1] > found["bce"][1] - 0.01


def test_the_ball_around_a_row_is_in_standard_deviations_of_the_training_cases():
    shift = ProjectedGradientDescent(radius=0.3).shift(step_of(rows(), "table_classifier"))
    assert shift.abs().amax((1, 2)).tolist() == pytest.approx([0.3] * 6)  # whatever the spread of a row's own values


def test_labels_that_exclude_each_other_are_learnt_as_such(tmp_path: Path):
    data = exclusive(rows())
    model = train(data, Recipe(model="table_classifier", epochs=2), tmp_path / "m", device="cpu")
    assert model.exclusive
    np.testing.assert_allclose(predict(model, data.cases[:5])[0].sum(1), 1.0)


def test_a_trained_model_goes_on(tmp_path: Path):
    first = train(rows(), Recipe(model="table_classifier", encoder="small_smooth", epochs=2), tmp_path / "a", device="cpu")
    second = train(rows(), Recipe(start=str(tmp_path / "a"), epochs=1), tmp_path / "b", device="cpu")
    assert second.about["recipe"]["encoder"] == "small_smooth"
    assert second.about["start"] == first.fingerprint


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"encoder": "minilm"}, "no such network as 'minilm'; use tiny, small"),
        ({"members": 3}, "table_classifier has no members"),
        ({"augment": "light"}, "Only images can be changed"),
        ({"model": "signal_classifier"}, r"holds no signals; train a table_classifier \(--model table_classifier\)"),
        ({"model": "image_classifier"}, r"holds no images; .*--model table_classifier"),
        ({"model": "plm_ca"}, r"holds no text; .*--model table_classifier"),
        ({"objective": "gaze"}, "guides models of images"),
        ({"objective": "evidence"}, "No training case has evidence"),
        ({"frozen_layers": 1}, "leave frozen_layers out"),
    ],
)
def test_what_makes_no_sense_for_rows_is_refused_in_one_sentence(settings: dict, said: str, tmp_path: Path):
    with pytest.raises((PellucidError, CapabilityError), match=said):
        train(rows(), Recipe(**{"model": "table_classifier", "epochs": 1, **settings}), tmp_path / "m", device="cpu")
