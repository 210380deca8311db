"""Whether a Jacobian can be believed, said in one place."""

from __future__ import annotations

import json
import math

import images
import models
import numpy as np
import pytest
import torch
from networks import convolutional, dense, drawn, filled, jacobian
from torch import nn

from pellucid.case import Case
from pellucid.errors import PellucidError
from pellucid.jacobians import Jacobian
from pellucid.jacobians.function import of_callable, of_model
from pellucid.jacobians.kinks import affine_radius
from pellucid.measurements import Measurements
from pellucid.predictors.image_classifier import ImageClassifier
from pellucid.predictors.numeric.tables import TableClassifier


def test_a_linear_model_can_be_believed_everywhere() -> None:
    found = jacobian(filled(nn.Linear(5, 3)), drawn(0, 5)).reliability()
    assert found.steepest is not None
    assert {radius.known for radius in (found.steepest, *found.random)} == {"linear"}
    assert found.ball is not None
    assert found.ball.radius == math.inf
    assert found.kinks is not None
    assert found.kinks.layers == ()
    assert found.stability == pytest.approx(1)
    assert found.adjoint_gap < 1e-14
    assert "the function is linear there" in found.text()
    assert "inf" not in found.text()


def test_a_network_of_images_is_judged_whole() -> None:
    function = of_model(images.classifier((8, 8)), images.case("a", (8, 8)))
    found = Jacobian(function).reliability()
    assert found.unit == "shade"
    assert found.ball == affine_radius(function)
    assert found.kinks is not None
    assert 0 < found.kinks.off < 1
    assert min(found.kinks.first) >= found.ball.radius
    assert len(found.kinks.first) == 6
    assert found.precision_gap is not None
    assert found.precision_gap < 1e-5
    assert found.notes == ()
    for said in (
        "shade",
        "% of the units of ReLU",
        "no unit bends",
        "use float64" if found.precision_gap > 1e-3 else "rounding",
    ):
        assert said in found.text()
    again = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert again["ball"]["radius"] == found.ball.radius
    assert again["random"][0]["known"] == "found"


def test_the_same_seed_gives_the_same_judgement_and_draws_from_no_global_generator() -> None:
    operator, state = jacobian(convolutional(), drawn(0, 1, 6, 6)), torch.get_rng_state()
    assert operator.reliability(3) == operator.reliability(3)
    assert operator.reliability(3).random != operator.reliability(4).random
    assert torch.equal(state, torch.get_rng_state())


def test_a_constant_function_has_no_steepest_direction() -> None:
    operator = Jacobian(of_callable(lambda x: torch.relu(x - 100).sum(1, keepdim=True) + 1, drawn(0, 4), ("dead",)))
    found = operator.reliability()
    assert found.steepest is None
    assert found.vanished == ("dead",)
    assert found.kinks is not None
    assert found.kinks.off == 1
    assert found.condition.relative == 0
    assert "The Jacobian is zero at this input" in found.text()
    assert "Without any derivative at this input: dead." in found.text()
    json.dumps(found.to_json(), allow_nan=False)


@pytest.mark.parametrize("output", ["logits", "probabilities"])
@pytest.mark.parametrize("exclusive", [False, True])
def test_saturated_and_confident_outputs_are_named(output: str, exclusive: bool) -> None:
    model = images.classifier((8, 8), exclusive=exclusive)
    with torch.no_grad():
        head = model.module.head
        head.weight.mul_(1e-3)
        head.bias.copy_(torch.tensor([8.0, 30.0, 0.0] if not exclusive else [0.0, 0.0, 30.0]))
    found = Jacobian(of_model(model, images.case("a", (8, 8)), output=output)).reliability(directions=1)
    assert found.saturated == (("nodule",) if not exclusive else ("effusion", "nodule", "opacity"))
    assert found.confident == (("effusion",) if not exclusive else ())
    assert "Saturated" in found.text()


def test_what_is_smooth_has_no_proven_ball_and_says_why() -> None:
    found = jacobian(dense([4, 6, 2], nn.Tanh), drawn(0, 4)).reliability()
    assert found.ball is None
    assert any("No ball was proven to be affine: The step 'tanh' of 1" in note for note in found.notes)
    assert "No unit with a kink was met." in found.text()


def test_a_bare_callable_says_that_precisions_were_not_compared() -> None:
    found = Jacobian(of_callable(lambda x: x.sin(), drawn(0, 3))).reliability()
    assert found.precision_gap is None
    assert any(note.startswith("Precisions were not compared") for note in found.notes)


def test_a_large_image_is_not_searched_in_all_directions() -> None:
    model = ImageClassifier.build(
        "tiny", ("a",), exclusive=False, size=(36, 36), channels=1, generator=torch.Generator().manual_seed(0)
    )
    model.module.eval()
    found = Jacobian(of_model(model, images.case("a", (36, 36)))).reliability(directions=1)
    assert found.ball is None
    assert any("1,296 numbers" in note for note in found.notes)
    assert found.kinks is not None


def test_steps_of_a_row_are_standard_deviations() -> None:
    names = ("sodium", "potassium")
    plain = TableClassifier(dense([2, 6, 2], nn.Tanh), ("a", "b"), exclusive=False, names=names)
    scaled = TableClassifier(
        dense([2, 6, 2], nn.Tanh),
        ("a", "b"),
        exclusive=False,
        names=names,
        mean=[0.0, 0.0],
        std=[3.0, 0.5],
        units=["mmol/l"] * 2,
    )
    found = []
    for model, row in ((plain, [1.2, -0.7]), (scaled, [3.6, -0.35])):
        model.to(dtype=torch.float64)
        case = Case("case", "patient", {"table": Measurements(np.array(row), names)}, frozenset())
        found.append(Jacobian(of_model(model, case)).reliability())
    assert found[0].unit == found[1].unit == "standard deviation"
    assert [r.step for r in found[0].random] == pytest.approx([r.step for r in found[1].random])
    assert found[0].condition.relative == pytest.approx(found[1].condition.relative)


def test_a_coder_of_texts_is_judged_in_its_embeddings() -> None:
    found = Jacobian(of_model(models.coder(), models.note(12))).reliability(directions=2)
    assert found.unit == "embedding"
    assert found.random[0].known == "found"
    assert found.precision_gap is not None
    assert found.adjoint_gap < 1e-12
    assert found.ball is None


def test_a_judgement_along_no_random_direction_is_refused() -> None:
    with pytest.raises(PellucidError, match="too few"):
        jacobian(dense([2, 3, 1]), drawn(0, 2)).reliability(directions=0)
