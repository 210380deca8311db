"""An image explained for a sentence, by the two lines that people write."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pellucid.api import Model
from pellucid.errors import CapabilityError

sys.path.insert(0, str(Path(__file__).parents[1] / "predictors"))

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


def test_a_label_beside_a_sentence_is_read_as_one_too(model: Model) -> None:
    label = model.labels[0]
    found = model.explain(case("a"), [label, "Small left effusion."], method="grad_cam")
    assert set(found.labels) == {label, "Small left effusion."}


def test_labels_alone_are_the_questions_of_the_model(model: Model) -> None:
    found = model.explain(case("a"), model.labels[0])
    assert found.labels == (model.labels[0],) and not any("no probability" in note for note in found.notes)


def test_a_classifier_is_asked_for_no_sentences() -> None:
    from images import classifier

    with pytest.raises(CapabilityError, match="sentences whose words attend to regions"):
        Model(classifier()).explain(case("a"), method="local_attention")
