"""Directions of texts: from the embeddings of a sentence to those of the same sentence said otherwise."""

from __future__ import annotations

import pytest
import torch
from clinical import chest, named, reasons
from pairs import pair_model
from tokenizers import BertWordPieceTokenizer
from transformers import AutoModelForSequenceClassification, BertConfig, BertTokenizerFast

from pellucid.case import Case
from pellucid.jacobians import Jacobian, of_model
from pellucid.jacobians.directions import collected
from pellucid.predictors.text_classifier import TextClassifier

TEXT = "There is an effusion in the left lung. There is a small opacity. No pneumothorax."
_LEARNED = [TEXT, "right nodule no large consolidation normal", "the lungs are clear on the left and right"] * 20


@pytest.fixture(scope="module")
def model() -> TextClassifier:
    pieces = BertWordPieceTokenizer(lowercase=False)
    pieces.train_from_iterator(_LEARNED, vocab_size=400, min_frequency=1, show_progress=False)
    words = BertTokenizerFast(vocab=pieces.get_vocab(), do_lower_case=False)
    shape = {"num_hidden_layers": 1, "num_attention_heads": 2, "hidden_size": 16, "intermediate_size": 32}
    config = BertConfig(vocab_size=len(words), initializer_range=0.3, max_position_embeddings=64, num_labels=2, **shape)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = AutoModelForSequenceClassification.from_config(config).double().eval()
    return TextClassifier(module, words, ("effusion", "nodule"), exclusive=False, window=48)


def case(text: str = TEXT) -> Case:
    return Case("t", "t", {"text": text}, frozenset())


def test_one_step_is_the_text_with_the_other_side(model):
    found = collected(of_model(model, case()))
    direction = named(found, "side_swap in sentence 1")
    swapped = model.features(model.encode([case(TEXT.replace("left", "right"))]))[0]
    torch.testing.assert_close(direction.at(1), swapped)
    torch.testing.assert_close(direction.at(0.5), (direction.at(0) + direction.at(1)) / 2)
    assert direction.unit == "left -> right"
    assert direction.group == "language"


def test_negation_and_severity_are_directions_where_tokens_stand_where_they_stood(model):
    found = collected(of_model(model, case()))
    assert named(found, "negation in sentence 1").unit == "an -> no"
    assert named(found, "severity in sentence 2").unit == "small -> large"


def test_what_moves_all_that_follows_is_skipped_with_the_reason(model):
    """ "No pneumothorax." becomes "Pneumothorax.": a token less."""
    said = reasons(collected(of_model(model, case())))
    assert "no token stands where it stood" in said["negation in sentence 3"]


def test_a_rewording_that_applies_nowhere_is_skipped_with_the_reason(model):
    said = reasons(collected(of_model(model, case("There is an opacity."))))
    assert said["side_swap"] == "it applies to no sentence of the text"


def test_the_table_holds_the_true_change_of_the_reworded_text(model):
    table = Jacobian(of_model(model, case())).directions(["side_swap in sentence 1"])
    texts = [case(TEXT.replace("left", "right")), case()]
    after, before = (float(torch.logit(torch.tensor(model.probabilities(model.encode([one]))[0, 0]))) for one in texts)
    assert table.effect("side_swap in sentence 1", "effusion").truth == pytest.approx(after - before, abs=1e-8)


def test_sentences_of_an_image_text_model_are_no_part_of_its_image():
    found = collected(of_model(pair_model(size=(24, 30)), chest()))
    assert "sentences are labels here" in reasons(found)["wording"]
    assert {d.group for d in found.directions} >= {"acquisition", "geometry", "anatomy"}
