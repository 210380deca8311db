"""Three lines of Python: load, explain, look."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from models import LABELS, SENTENCES, coder

import pellucid
from pellucid.api import Model
from pellucid.case import Case
from pellucid.errors import CapabilityError, CheckpointError, DataError, PellucidError, UnknownNameError
from pellucid.explainers.baselines import Prior
from pellucid.predictors.image_classifier import ImageClassifier

NOTE = " ".join(SENTENCES)


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(coder())


def test_a_saved_model_explains_a_note_in_three_lines(tmp_path: Path) -> None:
    coder().save(tmp_path / "model")
    model = pellucid.load(tmp_path / "model")
    e = model.explain(NOTE, method="attingrad", labels="I10")
    found = e.spans("I10")
    assert found
    assert all(NOTE[h.start : h.end] == h.text for h in found)
    assert 0.5 <= sum(h.score for h in found) <= 1


def test_predictions_are_ranked_and_are_those_of_the_predictor(model: Model) -> None:
    ranked = model.predict(NOTE)
    batch = model.predictor.encode([Case("n", "p", {"text": NOTE}, frozenset())])
    given = dict(zip(model.labels, model.predictor.probabilities(batch)[0], strict=True))  # type: ignore[attr-defined]
    assert [p.label for p in ranked] == sorted(given, key=lambda name: -given[name])
    assert all(p.probability == pytest.approx(given[p.label], abs=1e-6) for p in ranked)


def test_without_labels_the_predicted_ones_are_explained(model: Model) -> None:
    predicted = [p.label for p in model.predict(NOTE) if p.probability > model.threshold]
    assert predicted
    e = model.explain(NOTE)
    assert list(e.labels) == predicted
    assert not e.notes


def test_where_nothing_is_predicted_the_most_probable_label_is_explained_and_said_so() -> None:
    model = Model(coder())
    model.predictor.threshold = 0.9999
    e = model.explain(NOTE)
    assert e.labels == (model.predict(NOTE)[0].label,)
    assert "predicts no label" in e.notes[0]
    assert "predicts no label" in e._repr_html_()


def test_a_case_may_be_given_in_place_of_a_text(model: Model) -> None:
    case = Case("text", "someone", {"text": NOTE}, frozenset({"I10"}))
    a, b = model.explain(case, labels="I10"), model.explain(NOTE, labels="I10")
    np.testing.assert_array_equal(a.scores("I10"), b.scores("I10"))


def test_words_and_sentences_sum_the_scores_of_tokens(model: Model) -> None:
    kinds = ("token", "word", "sentence", "section")
    totals = [model.explain(NOTE, labels=["I10"], unit=unit).scores("I10").sum() for unit in kinds]
    assert totals[1] == pytest.approx(totals[0])
    assert totals[2] == pytest.approx(totals[0])
    assert totals[3] == pytest.approx(totals[0])


def test_the_unread_end_of_a_long_note_is_mentioned() -> None:
    model = Model(coder(max_tokens=20))
    e = model.explain(NOTE, labels="I10")
    assert "longer than the model reads" in e.notes[0]
    assert e.text == NOTE
    assert all(h.end < len(NOTE) // 2 for h in e.spans("I10", mass=1.0))


def test_a_fitted_explainer_can_be_given_in_place_of_a_name(model: Model) -> None:
    seen = Case("a", "a", {"text": NOTE}, frozenset({"I10"}), (pellucid.Spans.of((4, 11), label="I10"),))
    e = model.explain(NOTE, "I10", method=Prior().fit([seen]))
    assert e.method == "prior"
    with pytest.raises(PellucidError, match="has not seen any cases"):
        model.explain(NOTE, "I10", method="prior")


def test_evidence_against_a_label_needs_a_method_with_a_sign(model: Model) -> None:
    signed = model.explain(NOTE, "I10", method="attingrad_signed")
    assert signed.against("I10")
    assert {h.start for h in signed.against("I10")}.isdisjoint(h.start for h in signed.spans("I10"))
    with pytest.raises(CapabilityError, match="no evidence against"):
        model.explain(NOTE, labels="I10").against("I10")


@pytest.mark.parametrize("text", ["", "  \n\t "])
def test_an_empty_text_is_refused(model: Model, text: str) -> None:
    with pytest.raises(DataError, match="is empty"):
        model.explain(text)
    with pytest.raises(DataError, match="is empty"):
        model.predict(text)


def test_unknown_names_are_answered_with_near_ones(model: Model) -> None:
    with pytest.raises(UnknownNameError, match="did you mean attingrad"):
        model.explain(NOTE, method="atingrad")
    with pytest.raises(PellucidError, match=r"does not know the label 'I11'.*I10"):
        model.explain(NOTE, labels=["I11"])
    with pytest.raises(DataError, match=r"'N17\.9' was not explained"):
        model.explain(NOTE, labels="I10").spans("N17.9")
    with pytest.raises(PellucidError, match="choose token, word, sentence or section"):
        model.explain(NOTE, unit="syllable")  # type: ignore[arg-type]
    with pytest.raises(PellucidError, match="at least one label"):
        model.explain(NOTE, labels=[])


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="not a saved model"):
        pellucid.load(tmp_path)


def test_a_network_is_wrapped_and_not_loaded() -> None:
    with pytest.raises(CheckpointError, match=r"of the kind Linear; wrap a network of your own: Model\(ImageClassifier\("):
        pellucid.load(torch.nn.Linear(2, 2))  # type: ignore[arg-type]


def test_a_model_and_an_explanation_describe_themselves(model: Model) -> None:
    assert f"{len(LABELS)} labels" in repr(model)
    shown = repr(model.explain(NOTE, labels="I10"))
    assert "attingrad" in shown
    assert "hypertension" not in shown  # a log that prints an explanation must not hold patient text


def test_of_an_image_without_a_predicted_label_no_text_is_spoken() -> None:
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3, padding=1), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    torch.nn.init.constant_(network[0].bias, -9.0)  # type: ignore[arg-type]
    opened = Model(ImageClassifier(network.eval(), ("a", "b"), exclusive=False, size=(8, 8)))
    (note,) = opened.explain(np.zeros((8, 8)), method="saliency").notes
    assert note == "The model predicts no label for this image (none is above 0.50); the most probable one is explained."
