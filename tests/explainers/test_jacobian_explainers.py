"""Rows of the Jacobian as explanations: what they are, in which units, and against which rival."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from classifiers import classifier as text_classifier
from classifiers import text
from image_networks import opened, sequential
from images import FINDINGS, case, classifier
from measured import recording, row, signal_model, table_model
from models import coder, note
from pairs import SENTENCES, pair_model
from torch import nn

from pellucid.explainers.base import modalities_of
from pellucid.jacobians import Jacobian, of_model
from pellucid.metrics.noise import noisy
from pellucid.predictors.image_classifier import ImageClassifier
from pellucid.predictors.numeric import TableClassifier
from pellucid.registry import explainers
from pellucid.target import Target
from pellucid.testing import check_explainer

NAMES = ("jacobian", "pbx", "logit_difference")


def model_of(kind):
    return {
        "image": lambda: classifier(),
        "colour": lambda: classifier(channels=3, exclusive=True),
        "volume": lambda: classifier((5, 6, 7)),
        "table": lambda: table_model(),
        "signal": lambda: signal_model(),
        "coder": lambda: coder(),
        "text": lambda: text_classifier(),
    }[kind]()


def cases_of(kind, names="ab"):
    made = {
        "image": case,
        "colour": lambda name: case(name, channels=3),
        "volume": lambda name: case(name, (5, 6, 7)),
        "table": row,
        "signal": recording,
        "coder": lambda name: note(12 + 9 * "ab".index(name), id=name),
        "text": lambda name: text(12 + 9 * "ab".index(name), id=name),
    }[kind]
    return [made(name) for name in names]


KINDS = ("image", "colour", "volume", "table", "signal", "coder", "text")
MEASURED = ("image", "colour", "volume", "table", "signal")


def targets_of(model):
    return [Target.label(label) for label in model.labels[:3]]


def explain(name, model, batch, targets):
    return explainers.create(name)(model, batch, targets)


def by_rows(model, one, targets, mode="reverse"):
    """The operator's Jacobian, summed over channels."""
    function = of_model(model, one, output=targets)
    operator = Jacobian(function, mode)
    whole = operator.dense() if mode == "pbx" else operator.rows()
    units = model.encode([one]).units[0]
    return (whole.sum(1) if whole.ndim - 1 > len(units.shape) else whole).flatten(1).numpy()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_row_keeps_the_contract_of_explainers(name, kind):
    model = model_of(kind)
    contrast = Target.contrast(*model.labels[:2])
    check_explainer(explainers.create(name), model, cases_of(kind), [*targets_of(model), contrast], atol=1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_rows_are_registered_for_all_that_models_read(name):
    made = explainers.create(name)
    assert (made.name, modalities_of(made)) == (name, ("text", "image", "table", "signal"))
    assert "Abe" in made.cites


@pytest.mark.parametrize("kind", MEASURED)
def test_pbx_is_the_row_that_both_ways_of_the_operator_give(kind):
    model, (one,) = model_of(kind), cases_of(kind, "a")
    targets = [*targets_of(model), Target.contrast(*model.labels[:2])]
    found = explain("pbx", model, model.encode([one]), targets)[0].scores
    for mode in ("reverse", "pbx"):
        expected = by_rows(model, one, targets, mode)
        np.testing.assert_allclose(found, expected, atol=1e-6 * np.abs(expected).max())


def test_pbx_of_a_linear_model_of_rows_is_its_weights_in_the_units_of_what_was_measured():
    weights = torch.tensor([[1.0, -2.0, 0.0, 3.0], [0.5, 0.0, 1.0, 0.0]], dtype=torch.float64)
    net = nn.Linear(4, 2).double().eval()
    with torch.no_grad():
        net.weight.copy_(weights)
    one, spread = row(), np.array([2.0, 4.0, 0.3, 15.0])
    kind = {"names": one.measurements.names, "units": one.measurements.units}
    model = TableClassifier(net, ("a", "b"), exclusive=False, mean=[13.0, 140.0, 1.0, 60.0], std=spread.tolist(), **kind)
    model.to(dtype=torch.float64)
    batch, targets = model.encode([one]), targets_of(model)
    np.testing.assert_allclose(explain("pbx", model, batch, targets)[0].scores, weights.numpy() / spread, rtol=1e-6)
    np.testing.assert_allclose(explain("jacobian", model, batch, targets)[0].scores, weights.abs().numpy(), rtol=1e-6)


def test_pbx_of_a_linear_model_of_images_is_the_change_a_shade_and_the_same_for_every_image():
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 20, 2)).double().eval()
    model = ImageClassifier(net, ("a", "b"), exclusive=False, size=(4, 5), mean=(0.5, 0.4, 0.3), std=(0.25, 0.2, 0.5))
    one, other = explain("pbx", model, model.encode([case("a", (4, 5), 3), case("b", (4, 5), 3)]), targets_of(model))
    weights = net[1].weight.detach().reshape(2, 3, 20).numpy()
    np.testing.assert_allclose(one.scores, (weights / np.array([0.25, 0.2, 0.5])[:, None]).sum(1), rtol=1e-6)
    np.testing.assert_allclose(one.scores, other.scores, rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_jacobian_is_the_length_of_the_gradient_of_the_features(kind):
    model, (one,) = model_of(kind), cases_of(kind, "a")
    if kind == "coder":
        model.tolerance = 0.0
    batch, targets = model.encode([one]), targets_of(model)
    at = model.features(batch).detach().requires_grad_()
    scores = model.scores(at, batch, targets)[0]
    rows = [torch.autograd.grad(score, at, retain_graph=True)[0][0].norm(dim=-1) for score in scores]
    expected = torch.stack(rows).numpy()[:, batch.rows[0]]
    np.testing.assert_allclose(explain("jacobian", model, batch, targets)[0].scores, expected, atol=1e-9 * expected.max())


@pytest.mark.parametrize("kind", ["coder", "text"])
def test_a_text_has_no_unit_to_name_so_that_its_rows_are_lengths(kind):
    model = model_of(kind)
    batch, targets = model.encode(cases_of(kind)), targets_of(model)
    for one, other in zip(explain("pbx", model, batch, targets), explain("jacobian", model, batch, targets), strict=True):
        assert np.array_equal(one.scores, other.scores)


@pytest.mark.parametrize("kind", ["image", "colour", "table", "text", "coder"])
def test_the_rival_is_the_best_of_the_other_labels_for_each_case_by_itself(kind):
    model = model_of(kind)
    assert getattr(model, "exclusive", False) == (kind in ("colour", "text"))
    batch, labels = model.encode(cases_of(kind)), list(model.labels)
    with torch.no_grad():
        logits = model.scores(model.features(batch), batch, [Target.label(label) for label in labels]).numpy()
    found = explain("logit_difference", model, batch, targets_of(model))
    for case_logits, one, encoded in zip(logits, found, cases_of(kind), strict=True):
        for k, target in enumerate(targets_of(model)):
            others = [i for i, label in enumerate(labels) if label != target.name]
            rival = max(others, key=lambda i: case_logits[i])
            assert one.facts["rival"][k] == rival
            alone = model.encode([encoded])
            expected = explain("pbx", model, alone, [Target.contrast(target.name, labels[rival])])[0].scores[0]
            np.testing.assert_allclose(one.scores[k], expected, atol=1e-6 * np.abs(expected).max())


def test_a_contrast_is_taken_as_it_is():
    model = classifier()
    batch, contrast = model.encode([case()]), Target.contrast(FINDINGS[0], FINDINGS[2])
    found = explain("logit_difference", model, batch, [contrast])[0]
    assert found.facts["rival"].tolist() == [-1]
    assert found.targets == (contrast,)
    np.testing.assert_allclose(found.scores, explain("pbx", model, batch, [contrast])[0].scores)


def test_a_model_of_one_label_has_no_rival():
    net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.SiLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(12, 1)).double().eval()
    model = ImageClassifier(net, ("effusion",), exclusive=False, size=(8, 9))
    batch, target = model.encode([case(size=(8, 9))]), Target.label("effusion")
    found = explain("logit_difference", model, batch, [target])[0]
    assert found.facts["rival"].tolist() == [-1]
    assert np.array_equal(found.scores, explain("pbx", model, batch, [target])[0].scores)


@pytest.mark.parametrize("name", NAMES)
def test_noisy_versions_are_explained_by_their_own_pixels(name):
    model, targets = opened(sequential(activation=nn.SiLU)), [Target.label(name) for name in FINDINGS]
    batch = model.encode([case()])
    versions = noisy(model, batch, 0, range(2), 0.5, seed=0)
    first, second = explain(name, model, versions, targets)
    clean = explain(name, model, batch, targets)[0]
    assert not np.allclose(first.scores, second.scores, rtol=0.01)
    assert not np.allclose(first.scores, clean.scores, rtol=0.01)
    gradient = model.denormalised(versions.data)  # what the version shows, as an input of its own
    at = gradient[0].clone().requires_grad_()
    logit = model.module(model.normalised(at[None]))[0, 0]
    expected = torch.autograd.grad(logit, at)[0].sum(0).flatten().numpy()
    np.testing.assert_allclose(explain("pbx", model, versions, targets)[0].scores[0], expected, atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_rows_are_there_for_sentences_of_an_image_text_model_too(name):
    model = pair_model().ask(SENTENCES[:2])
    check_explainer(explainers.create(name), model, [case(letter, (32, 40)) for letter in "ab"], atol=1e-7)
