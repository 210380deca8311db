"""An image explained for a sentence, by the two lines that people write."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import pellucid
from pellucid.api import Model
from pellucid.api.items import as_case
from pellucid.errors import CapabilityError, DataError
from pellucid.registry import explainers
from pellucid.target import Target

sys.path.insert(0, str(Path(__file__).parents[1] / "predictors"))

from duals import saved
from images import case
from pairs import pair_model


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(pair_model())


def test_a_sentence_of_your_own_is_explained_by_where_its_words_look(model: Model) -> None:
    found = model.explain(case("a"), "Small left effusion.")
    assert found.method == "local_attention"
    assert found.labels == ("Small left effusion.",)
    assert "no probability" in found.notes[0]
    assert found.number == "fit"


def test_a_label_beside_a_sentence_is_read_as_one_too(model: Model) -> None:
    label = model.labels[0]
    found = model.explain(case("a"), [label, "Small left effusion."], method="grad_cam")
    assert set(found.labels) == {label, "Small left effusion."}


def test_labels_alone_are_the_questions_of_the_model(model: Model) -> None:
    found = model.explain(case("a"), model.labels[0])
    assert found.labels == (model.labels[0],)
    assert found.number == "probability"
    assert not any("no probability" in note for note in found.notes)


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_a_dual_encoder_of_transformers_is_opened_by_its_folder_and_asked(kind: str, tmp_path: Path) -> None:
    opened = pellucid.load(saved(tmp_path, kind))
    assert opened.labels == ("an image",)
    picture = case("a", (40, 50), channels=3).picture
    said = "Small left effusion."
    found = opened.explain(picture, said)
    assert (found.method, found.labels, found.number) == ("local_attention", (said,), "fit")
    asked = opened.predictor.ask([said])
    batch = asked.encode([as_case(picture, "image")])
    assert found.probabilities[said] == pytest.approx(float(asked.probabilities(batch)[0, 0]))
    (naive,) = explainers.create("local_attention")(asked, batch, [Target.label(said)])
    assert np.array_equal(found.map(said).ravel(), naive.scores[0])
    assert np.ptp(found.map(said)) > 0
    assert any("40 x 50 pixels was resampled to the 32 x 32" in note for note in found.notes)
    other = opened.explain(picture, "No pneumothorax.", method="integrated_gradients")
    assert not np.array_equal(
        other.map("No pneumothorax."), opened.explain(picture, said, method="integrated_gradients").map(said)
    )
    with pytest.raises(CapabilityError, match="a score that reads regions"):
        opened.explain(picture, said, method="grad_eclip")
    with pytest.raises(DataError, match="has no word"):
        opened.explain(picture, "...")


def test_a_classifier_is_asked_for_no_sentences() -> None:
    from images import classifier

    with pytest.raises(CapabilityError, match="sentences whose words attend to regions"):
        Model(classifier()).explain(case("a"), method="local_attention")
