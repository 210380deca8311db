"""A saved model is whole, fits its labels, and predicts as it did."""

from __future__ import annotations

import json
import shutil
import socket

import numpy as np
import pytest
import torch
from models import coder, note
from safetensors.torch import load_file, save_file

from pellucid.errors import CheckpointError, PellucidError
from pellucid.predictors import load


@pytest.fixture
def saved(tmp_path):
    model = coder()
    model.threshold = 0.31
    model.save(tmp_path / "model")
    return model, tmp_path / "model"


@pytest.mark.parametrize("decoder", ["plm_ca", "laat"])
def test_a_loaded_model_predicts_as_the_saved_one(tmp_path, decoder):
    model = coder(decoder)
    model.save(tmp_path / "m")
    state = torch.random.get_rng_state()
    again = load(tmp_path / "m")
    assert torch.equal(state, torch.random.get_rng_state())
    assert again.fingerprint == model.fingerprint
    assert again.labels == model.labels
    case = [note(25)]
    assert np.array_equal(again.probabilities(again.encode(case)), model.probabilities(model.encode(case)))


def test_saving_twice_replaces_the_first(saved):
    model, path = saved
    model.threshold = 0.4
    model.save(path)
    assert load(path).threshold == 0.4
    assert [p.name for p in path.parent.iterdir()] == ["model"]


def test_the_fingerprint_follows_weights_labels_and_threshold(saved):
    model, _ = saved
    prints = {model.fingerprint}
    model.threshold = 0.5
    prints.add(model.fingerprint)
    with torch.no_grad():
        next(model.module.parameters()).add_(1e-9)
    prints.add(model.fingerprint)
    assert len(prints) == 3


def test_a_checkpoint_that_does_not_fit_its_labels_is_refused(saved):
    _, path = saved
    manifest = json.loads((path / "pellucid.json").read_text())
    manifest["labels"].append("Z99.9")
    (path / "pellucid.json").write_text(json.dumps(manifest))
    with pytest.raises(CheckpointError, match="6 labels but lists 7"):
        load(path)


def test_relabelling_a_checkpoint_is_noticed(saved):
    _, path = saved
    manifest = json.loads((path / "pellucid.json").read_text())
    manifest["labels"].reverse()
    (path / "pellucid.json").write_text(json.dumps(manifest))
    with pytest.raises(CheckpointError, match="fingerprint"):
        load(path)


def test_weights_that_are_not_numbers_are_refused(saved):
    _, path = saved
    weights = load_file(path / "model.safetensors")
    weights["decoder.queries"][0, 0] = torch.nan
    save_file(weights, path / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"decoder\.queries"):
        load(path)


def test_a_truncated_weight_file_is_refused_by_name(saved):
    _, path = saved
    data = (path / "model.safetensors").read_bytes()
    (path / "model.safetensors").write_bytes(data[: len(data) // 2])
    with pytest.raises(CheckpointError, match=r"model\.safetensors"):
        load(path)


PARTS = [
    "pellucid.json",
    "model.safetensors",
    "tokenizer",
    "tokenizer/tokenizer.json",
    "tokenizer/tokenizer_config.json",
    "encoder",
]


@pytest.mark.parametrize("part", PARTS)
def test_a_missing_part_is_named_and_not_looked_for_on_the_hub(saved, part, monkeypatch):
    _, path = saved
    shutil.rmtree(path / part) if (path / part).is_dir() else (path / part).unlink()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("a saved model is read from its folder alone"))
    with pytest.raises(CheckpointError, match=part):
        load(path)


@pytest.mark.parametrize("content", ["", "{", "{}", "[]", '{"version": "1.0"}', "\0"])
@pytest.mark.parametrize("part", ["pellucid.json", *PARTS[3:5], "encoder/config.json"])
def test_a_damaged_description_is_one_sentence_that_names_it(saved, part, content):
    _, path = saved
    (path / part).write_text(content)
    with pytest.raises(PellucidError, match=part.partition("/")[0]) as caught:
        load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "field", ["labels", "fingerprint", "decoder", "chunk", "max_tokens", "threshold", "about", "predictor"]
)
@pytest.mark.parametrize("value", [None, "a word"])
def test_a_wrong_field_of_the_manifest_is_refused(saved, field, value):
    _, path = saved
    manifest = json.loads((path / "pellucid.json").read_text())
    (path / "pellucid.json").write_text(json.dumps(manifest | {field: value}))
    with pytest.raises(CheckpointError, match=path.name):
        load(path)


@pytest.mark.parametrize("weights", [{}, {"decoder.queries": torch.zeros(6, 4, dtype=torch.int32)}])
def test_weights_of_something_else_are_refused(saved, weights):
    _, path = saved
    save_file(weights, path / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"weights"):
        load(path)


def test_a_folder_that_is_no_model_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="not a saved model"):
        load(tmp_path)


def test_code_beside_a_saved_model_is_neither_run_nor_asked_about(saved, monkeypatch):
    """Where nothing is said of it, transformers asks at the terminal whether to run the code that came with a model."""
    config = {"model_type": "theirs", "auto_map": {"AutoConfig": "theirs.Config", "AutoModel": "theirs.Model"}}
    path = saved[1]
    (path / "encoder" / "config.json").write_text(json.dumps(config))
    (path / "encoder" / "theirs.py").write_text("raise SystemExit('run')")
    asked = []
    monkeypatch.setattr("builtins.input", lambda prompt="": asked.append(prompt) or "n")
    with pytest.raises(CheckpointError, match="does not describe an encoder"):
        load(path)
    assert not asked


def test_a_model_that_is_to_read_more_of_a_note_is_another_model():
    """The fingerprint was kept when a setting changed in place, and with it every result that is kept under it."""
    model = coder()
    before = model.fingerprint
    model.max_tokens = 100
    other = model.fingerprint
    model.max_tokens = 400
    assert other != before
    assert model.fingerprint == before
