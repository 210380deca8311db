"""Classifiers come from folders of transformers, the hub, an encoder with a new head, and Pellucid's own folders."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import numpy as np
import pytest
import torch
from classifiers import LABELS, QUESTION, classifier, text, transformers_classifier
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer, RobertaModel
from typer.testing import CliRunner

import pellucid
from pellucid.cli.app import app
from pellucid.errors import CheckpointError, PellucidError
from pellucid.predictors import load
from pellucid.predictors.encoders import MINILM_PACKAGE, encoder_and_tokenizer
from pellucid.predictors.text_classifier import TextClassifier
from pellucid.registry import explainers
from pellucid.target import Target

NOTE = text(12).text


def plain_folder(path: Path, kind: str = "bert", labels=LABELS, **config) -> Path:
    module, words = transformers_classifier(kind, labels, **config)
    module.float().save_pretrained(path)
    words.save_pretrained(path)
    return path


def edit_json(path: Path, **changes) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


# Folders of transformers


@pytest.mark.parametrize("kind", ["bert", "roberta", "distilbert"])
def test_a_folder_of_transformers_predicts_as_transformers_does(tmp_path, kind):
    folder = plain_folder(tmp_path / "m", kind)
    state = torch.random.get_rng_state()
    model = pellucid.load(folder)
    assert torch.equal(state, torch.random.get_rng_state())
    module, words = AutoModelForSequenceClassification.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    read = {k: v for k, v in words(NOTE, return_tensors="pt").items() if kind == "bert" or k != "token_type_ids"}
    expected = module(**read).logits.softmax(-1)[0].tolist()
    assert {p.label: p.probability for p in model.predict(NOTE)} == pytest.approx(dict(zip(LABELS, expected, strict=True)))
    (explained,) = model.explain(NOTE, method="input_x_gradient").probabilities
    assert explained == LABELS[int(np.argmax(expected))]


@pytest.mark.parametrize(
    ("config", "asked", "exclusive"),
    [
        ({}, None, True),
        ({"problem_type": "single_label_classification"}, None, True),
        ({"problem_type": "multi_label_classification"}, None, False),
        ({}, True, False),
        ({"problem_type": "multi_label_classification"}, False, True),
        ({"problem_type": "regression"}, True, False),
    ],
)
def test_labels_exclude_each_other_unless_the_configuration_or_the_user_says_otherwise(tmp_path, config, asked, exclusive):
    folder = plain_folder(tmp_path / "m", **config)
    model = load(folder, **({} if asked is None else {"multi_label": asked}))
    assert model.exclusive is exclusive


def test_several_labels_are_all_explained_where_they_do_not_exclude_each_other(tmp_path):
    model = pellucid.load(plain_folder(tmp_path / "m"), multi_label=True, threshold=0.0)
    assert set(model.explain(NOTE, method="input_x_gradient").probabilities) == set(LABELS)


def test_the_only_output_must_say_that_it_is_a_label(tmp_path):
    folder = plain_folder(tmp_path / "m", labels=("ill",))
    with pytest.raises(CheckpointError, match="one output and does not say what it is"):
        load(folder)
    assert load(folder, multi_label=True).labels == ("ill",)


def test_a_model_of_numbers_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="predicts numbers"):
        load(plain_folder(tmp_path / "m", problem_type="regression"))


def test_pickled_weights_are_refused_before_they_are_read(tmp_path):
    folder = plain_folder(tmp_path / "m")
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    with pytest.raises(CheckpointError, match=r"pytorch_model\.bin only, a pickle that can run code"):
        load(folder)
    (folder / "pytorch_model.bin").unlink()
    with pytest.raises(CheckpointError, match=r"no model\.safetensors"):
        load(folder)


def test_an_encoder_without_a_head_is_no_classifier(tmp_path):
    encoder, words = encoder_and_tokenizer("tiny", texts=[NOTE])
    encoder.save_pretrained(tmp_path)
    words.save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="is a RobertaModel, not a classifier"):
        load(tmp_path)
    edit_json(tmp_path / "config.json", architectures=["RobertaForSequenceClassification"])
    with pytest.raises(CheckpointError, match=r"lacks 4 of its weights, 'classifier\.dense\.bias'"):
        load(tmp_path)


def test_weights_that_do_not_fit_the_labels_are_refused(tmp_path):
    folder = plain_folder(tmp_path / "m")
    edit_json(folder / "config.json", id2label={"0": "a", "1": "b"}, label2id={"a": 0, "b": 1})
    with pytest.raises(CheckpointError, match="m"):
        load(folder)


def test_weights_that_are_not_numbers_are_refused(tmp_path):
    folder = plain_folder(tmp_path / "m")
    weights = load_file(folder / "model.safetensors")
    weights["classifier.weight"][0, 0] = torch.nan
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(CheckpointError, match=r"classifier\.weight"):
        load(folder)


@pytest.mark.parametrize("part", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_damaged_file_of_transformers_is_one_sentence(tmp_path, part):
    folder = plain_folder(tmp_path / "m")
    (folder / part).write_text("{")
    with pytest.raises(CheckpointError, match="m") as caught:
        load(folder)
    assert "\n" not in str(caught.value)


# The hub


def test_an_id_that_cannot_be_reached_is_one_sentence(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(CheckpointError, match="no folder nobody/no-such-classifier, and no classifier of that name") as caught:
        load("nobody/no-such-classifier")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["runs/coder", "runs", "./nobody/model", "/nowhere/model", "a/b/c"])
def test_a_mistyped_path_is_not_asked_for_on_the_hub(tmp_path, monkeypatch, name):
    (tmp_path / "runs").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("a path is nobody else's business"))
    with pytest.raises(CheckpointError, match="not a saved model"):
        load(name)


# The command line


def test_the_command_line_explains_a_folder_of_transformers(tmp_path):
    folder = plain_folder(tmp_path / "m")
    (tmp_path / "note.txt").write_text(NOTE)
    given = ["explain", "--model", str(folder), "--text", str(tmp_path / "note.txt"), "--method", "input_x_gradient"]
    done = CliRunner().invoke(app, given, env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.stderr
    assert "probability" in done.stdout


# A new head


@pytest.mark.parametrize("exclusive", [True, False])
def test_a_new_head_stands_on_the_weights_of_the_encoder(exclusive):
    encoder, words = encoder_and_tokenizer("tiny", texts=[NOTE])
    state = torch.random.get_rng_state()
    first, again, other = (
        TextClassifier.build(encoder, words, LABELS, exclusive=exclusive, generator=torch.Generator().manual_seed(seed))
        for seed in (0, 0, 1)
    )
    assert torch.equal(state, torch.random.get_rng_state())
    assert isinstance(first.module.roberta, RobertaModel)
    kept = first.module.roberta.state_dict()
    assert all(torch.equal(value, kept[name]) for name, value in encoder.state_dict().items())
    assert kept["embeddings.word_embeddings.weight"].data_ptr() != encoder.embeddings.word_embeddings.weight.data_ptr()
    assert first.fingerprint == again.fingerprint != other.fingerprint
    assert first.exclusive is exclusive
    assert first.window == 512


def test_bert_gets_its_pooler_with_the_new_head():
    module, words = transformers_classifier("bert")
    module.bert.pooler = None
    model = TextClassifier.build(module.bert, words, ("a", "b"), exclusive=True, generator=torch.Generator().manual_seed(0))
    assert model.probabilities(model.encode([text(5)])).shape == (1, 2)
    assert model.module.dtype == torch.float64


def test_minilm_under_a_new_head_reads_and_explains_a_long_text_with_a_question():
    pytest.importorskip(MINILM_PACKAGE, reason="the package of MiniLM's weights is not installed")
    encoder, words = encoder_and_tokenizer("minilm")
    model = TextClassifier.build(encoder, words, LABELS, exclusive=True, generator=torch.Generator().manual_seed(0))
    batch = model.encode([text(900, question=QUESTION)])
    assert model.window == 512
    assert len(batch.data.texts[0].windows) > 2
    (found,) = explainers.create("attingrad")(model, batch, [Target.contrast(*LABELS[:2])])
    assert found.scores.max() > 0


# Pellucid's own folders


@pytest.fixture
def saved(tmp_path):
    model = classifier("roberta", pooling="logsumexp", threshold=0.31, max_windows=7, about={"note": "made for a test"})
    model.save(tmp_path / "model")
    return model, tmp_path / "model"


def test_a_loaded_model_predicts_as_the_saved_one(saved):
    model, path = saved
    again = load(path)
    settings = ("labels", "exclusive", "window", "max_windows", "pooling", "threshold", "about", "fingerprint")
    assert all(getattr(again, name) == getattr(model, name) for name in settings)
    case = [text(25, question=QUESTION)]
    assert np.allclose(again.probabilities(again.encode(case)), model.probabilities(model.encode(case)), atol=1e-14)


def test_what_pellucid_saves_transformers_reads(saved):
    model, path = saved
    module, words = AutoModelForSequenceClassification.from_pretrained(path).eval(), AutoTokenizer.from_pretrained(path)
    short = text(1)
    assert len(model.encode([short]).data.texts[0].windows) == 1
    expected = module(**words(short.text, return_tensors="pt")).logits.softmax(-1).detach().numpy()
    assert np.allclose(model.probabilities(model.encode([short])), expected, atol=1e-6)
    assert module.config.id2label == dict(enumerate(LABELS))
    assert module.config.problem_type == "single_label_classification"


def test_saving_twice_replaces_the_first(saved):
    model, path = saved
    model.threshold = 0.4
    model.save(path)
    assert load(path).threshold == 0.4
    assert [p.name for p in path.parent.iterdir()] == ["model"]


@pytest.mark.parametrize(
    "change", [{"pooling": "mean"}, {"window": 17}, {"max_windows": None}, {"exclusive": False}, {"labels": list(LABELS[::-1])}]
)
def test_a_manifest_changed_after_saving_is_noticed(saved, change):
    _, path = saved
    edit_json(path / "pellucid.json", **change)
    with pytest.raises(CheckpointError, match="fingerprint"):
        load(path)


@pytest.mark.parametrize(
    "part", ["pellucid.json", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
)
def test_a_missing_part_is_named_and_not_looked_for_on_the_hub(saved, part, monkeypatch):
    _, path = saved
    (path / part).unlink()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("a saved model is read from its folder alone"))
    if part == "pellucid.json":  # it is then a folder of transformers like any other
        assert load(path).pooling == "mean"
        return
    with pytest.raises(CheckpointError, match=part):
        load(path)


@pytest.mark.parametrize("content", ["", "{", "{}", "[]", "\0"])
@pytest.mark.parametrize("part", ["pellucid.json", "config.json", "tokenizer.json", "tokenizer_config.json"])
def test_a_damaged_description_is_one_sentence_that_names_it(saved, part, content):
    _, path = saved
    (path / part).write_text(content)
    with pytest.raises(PellucidError, match="model") as caught:
        load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "field", ["labels", "fingerprint", "window", "max_windows", "pooling", "threshold", "exclusive", "about", "predictor"]
)
@pytest.mark.parametrize("value", ["a word", [1.5]])
def test_a_wrong_field_of_the_manifest_is_refused(saved, field, value):
    _, path = saved
    edit_json(path / "pellucid.json", **{field: value})
    with pytest.raises(CheckpointError, match=path.name):
        load(path)


def test_a_saved_model_keeps_its_own_settings(saved):
    with pytest.raises(PellucidError, match="its own settings; leave out window"):
        load(saved[1], window=12)


def test_settings_that_no_classifier_has_are_refused(tmp_path):
    with pytest.raises(PellucidError, match="stride"):
        load(plain_folder(tmp_path / "m"), stride=12)


def test_a_model_in_half_precision_is_read_back_as_it_was_saved(tmp_path):
    """It came back in single precision, and was then refused as changed."""
    model = classifier("roberta").to(dtype=torch.bfloat16)
    model.save(tmp_path / "m")
    again = TextClassifier.load(tmp_path / "m")
    assert next(again.module.parameters()).dtype == torch.bfloat16
    assert again.fingerprint == model.fingerprint
    assert next(TextClassifier.from_transformers(tmp_path / "m").module.parameters()).dtype == torch.float32


def test_a_model_that_pools_otherwise_is_another_model():
    model = classifier("roberta")
    before = model.fingerprint
    model.pooling = "max"
    assert model.fingerprint != before
