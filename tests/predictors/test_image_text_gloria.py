"""Checkpoints of GLoRIA: the layout of the weights, and the forward pass, computed a second time from the weights alone."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
import torch
from images import case
from safetensors.torch import save_file
from torch.nn import functional as F
from transformers import BertConfig, BertModel

from pellucid import predictors
from pellucid.errors import CheckpointError
from pellucid.predictor import missing_capabilities
from pellucid.predictors.image_text import PUBLISHED, PUBLISHED_NULL, ImageText, gloria

WIDTH, BLOCKS = 16, (3, 4, 6, 3)
SENTENCES = ("Small left-sided pleural effusion.", "1. No pneumothorax, effusion is small.")
WORDS = "small left sided pleural ef ##fusion no pneumo ##tho ##rax is . , 1 - mask"
PIECES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS.split())


def layout() -> dict[str, tuple[int, ...]]:
    """Names and shapes of the image side, as the published code has them under torchvision's ResNet-50."""
    shapes: dict[str, tuple[int, ...]] = {"conv1.weight": (64, 3, 7, 7), **norm("bn1", 64)}
    into = 64
    for stage, (blocks, middle) in enumerate(zip(BLOCKS, (64, 128, 256, 512), strict=True), start=1):
        for block in range(blocks):
            at = f"layer{stage}.{block}"
            shapes |= {f"{at}.conv1.weight": (middle, into, 1, 1), **norm(f"{at}.bn1", middle)}
            shapes |= {f"{at}.conv2.weight": (middle, middle, 3, 3), **norm(f"{at}.bn2", middle)}
            shapes |= {f"{at}.conv3.weight": (4 * middle, middle, 1, 1), **norm(f"{at}.bn3", 4 * middle)}
            if block == 0:
                shapes |= {f"{at}.downsample.0.weight": (4 * middle, into, 1, 1), **norm(f"{at}.downsample.1", 4 * middle)}
            into = 4 * middle
    found = {f"gloria.img_encoder.model.{name}": shape for name, shape in shapes.items()}
    found["gloria.img_encoder.global_embedder.weight"] = (WIDTH, 2048)
    found["gloria.img_encoder.global_embedder.bias"] = (WIDTH,)
    found["gloria.img_encoder.local_embedder.weight"] = (WIDTH, 1024, 1, 1)
    return found


def norm(name: str, maps: int) -> dict[str, tuple[int, ...]]:
    parts = ("weight", "bias", "running_mean", "running_var")
    return {f"{name}.{part}": (maps,) for part in parts} | {f"{name}.num_batches_tracked": ()}


def bert() -> BertModel:
    shape = {"hidden_size": WIDTH, "num_hidden_layers": 5, "num_attention_heads": 2, "intermediate_size": 32}
    config = BertConfig(vocab_size=len(PIECES), max_position_embeddings=128, initializer_range=0.4, **shape)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return BertModel(config).eval()


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    found = {}
    for name, shape in layout().items():
        if name.endswith("num_batches_tracked"):
            found[name] = torch.tensor(7)
        elif name.endswith("running_var") or (len(shape) == 1 and name.endswith("weight")):
            found[name] = 0.5 + torch.rand(shape, generator=generator)
        else:
            loud = math.sqrt(2 / math.prod(shape[1:])) if len(shape) > 1 else 0.1
            found[name] = loud * torch.randn(shape, generator=generator)
    text = bert().state_dict()  # with the pooler, which nothing uses
    return found | {f"gloria.text_encoder.model.{name}": value.clone() for name, value in text.items()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """What describes the encoder of text: configuration and vocabulary, and no weights."""
    where = tmp_path_factory.mktemp("bert")
    bert().config.save_pretrained(where)
    (where / "vocab.txt").write_text("\n".join(PIECES) + "\n")
    return where


@pytest.fixture(scope="module")
def file(weights, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("gloria") / "gloria.safetensors"
    save_file(weights, path)
    return path


@pytest.fixture(scope="module")
def model(file, folder) -> ImageText:
    return gloria.load(file, folder, size=(64, 64), labels=["effusion"])


# The second computation


def image_side(weights, pixels):
    """Regions and image from the weights, by functions alone."""
    get = lambda name: weights[f"gloria.img_encoder.{name}"]  # noqa: E731

    def normed(maps, at):
        parts = (get(f"model.{at}.{part}") for part in ("running_mean", "running_var", "weight", "bias"))
        return F.batch_norm(maps, *parts)

    maps = F.interpolate(pixels, size=(299, 299), mode="bilinear", align_corners=True)
    maps = F.max_pool2d(F.relu(normed(F.conv2d(maps, get("model.conv1.weight"), stride=2, padding=3), "bn1")), 3, 2, 1)
    stages = []
    for stage, blocks in enumerate(BLOCKS, start=1):
        for block in range(blocks):
            at, stride = f"layer{stage}.{block}", 2 if block == 0 and stage > 1 else 1
            inner = F.relu(normed(F.conv2d(maps, get(f"model.{at}.conv1.weight")), f"{at}.bn1"))
            inner = F.relu(normed(F.conv2d(inner, get(f"model.{at}.conv2.weight"), stride=stride, padding=1), f"{at}.bn2"))
            inner = normed(F.conv2d(inner, get(f"model.{at}.conv3.weight")), f"{at}.bn3")
            if block == 0:
                maps = normed(F.conv2d(maps, get(f"model.{at}.downsample.0.weight"), stride=stride), f"{at}.downsample.1")
            maps = F.relu(inner + maps)
        stages.append(maps)
    regions = F.conv2d(stages[2], get("local_embedder.weight"))
    whole = stages[3].mean((2, 3)) @ get("global_embedder.weight").T + get("global_embedder.bias")
    return regions, whole


def text_side(sentence: str):
    """Items and sentence as the published code makes them: pieces are added up to words, and 97 places are averaged."""
    spoken = re.findall(r"\w+", re.sub(r"[0-9]+\.", " ", sentence.lower()))
    pieces = ["[CLS]"]
    for word in spoken:
        pieces += {"effusion": ["ef", "##fusion"], "pneumothorax": ["pneumo", "##tho", "##rax"]}.get(word, [word])
    ids = torch.tensor([[PIECES.index(piece) for piece in [*pieces, "[SEP]"]]])
    with torch.no_grad():
        states = torch.stack(bert()(ids, output_hidden_states=True).hidden_states[-4:]).sum(0)[0]
    words: list[torch.Tensor] = []
    for piece, state in zip([*pieces, "[SEP]"], states, strict=True):
        if piece.startswith("##"):
            words[-1] = words[-1] + state
        else:
            words.append(state)
    padded = torch.zeros(97, WIDTH)
    padded[: len(words)] = torch.stack(words)
    return torch.stack(words[:-1]), padded.mean(0)


def test_regions_and_image_are_what_the_weights_say(model, weights):
    pixels = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        found = model.module.see(pixels)
        regions, whole = image_side(weights, pixels)
    assert found.grid == (19, 19)
    assert found.regions.shape == (1, 361, WIDTH)
    torch.testing.assert_close(found.regions, regions.flatten(2).transpose(1, 2), atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(found.whole, whole, atol=1e-3, rtol=1e-4)
    assert float(found.regions.std()) > 0.1


def test_words_and_sentence_are_what_the_weights_say(model):
    found = model.read(SENTENCES)
    for row, sentence in enumerate(SENTENCES):
        words, whole = text_side(sentence)
        assert int(found.real[row].sum()) == len(words)
        torch.testing.assert_close(found.words[row, : len(words)], words, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(found.whole[row], whole, atol=1e-5, rtol=1e-4)


def test_words_point_into_the_sentence_as_it_was_written(model):
    spans = model.read(SENTENCES).spans
    assert [SENTENCES[0][a:b] for a, b in spans[0]] == ["", "Small", "left", "sided", "pleural", "effusion"]
    assert [SENTENCES[1][a:b] for a, b in spans[1]] == ["", "No", "pneumothorax", "effusion", "is", "small"]


def test_the_mask_token_is_no_ordinary_word_here(model):
    """In the published code it is lower-cased and stripped, so that the encoder reads the word "mask"."""
    with torch.no_grad():
        hidden, word = (model.read([text]).words[0, 2] for text in ("Small [MASK] effusion.", "Small mask effusion."))
    assert model.mask_token == "[MASK]"
    assert float((hidden - word).abs().max()) > 0.1


def test_attention_and_scores_follow_the_published_rule(model, weights):
    batch = model.encode([case("a", (64, 64), channels=3)])
    with torch.no_grad():
        found = model.align(model.see(batch), model.read(SENTENCES[:1]))
        regions, _ = image_side(weights, model.pixels(batch))
    regions = regions.flatten(2)[0].T.double()
    words, _ = text_side(SENTENCES[0])
    attention = torch.softmax(4 * torch.softmax(regions @ words.double().T, 1), 0)  # [CLS] is a word here
    torch.testing.assert_close(found.attention[0, 0], attention.T.float(), atol=1e-4, rtol=1e-2)
    cosines = torch.cosine_similarity(attention.T @ regions, words.double())
    torch.testing.assert_close(found.local[0, 0], torch.logsumexp(5 * cosines, 0).float(), atol=1e-3, rtol=1e-3)
    assert model.module.rule == PUBLISHED


def test_what_the_training_loop_kept_is_read_from_torch_files_too(weights, folder, tmp_path):
    plain = {name: value for name, value in weights.items() if "pooler" not in name}
    torch.save({"epoch": 3, "state_dict": plain | {"gloria.no_attn_vec": torch.ones(WIDTH)}}, tmp_path / "m.ckpt")
    model = gloria.load(tmp_path / "m.ckpt", folder, size=(64, 64))
    assert model.module.rule == PUBLISHED_NULL
    assert torch.equal(model.module.null.detach(), torch.ones(WIDTH))
    assert model.labels == ("an image",)


def test_it_is_saved_and_loaded_as_a_model_of_ours(model, tmp_path):
    model.save(tmp_path / "m")
    again = predictors.load(tmp_path / "m")
    assert again.fingerprint == model.fingerprint
    assert again.questions == model.questions
    assert not missing_capabilities(again, ["sentence_alignment", "feature_maps"])
    assert missing_capabilities(again, ["region_pooling"])  # the image comes from another stage than the regions


class _Code:
    """What could run when it is read."""


def test_a_file_that_is_more_than_weights_is_refused(folder, tmp_path):
    torch.save({"state_dict": {"gloria.a": torch.zeros(1)}, "hyper_parameters": _Code()}, tmp_path / "m.ckpt")
    with pytest.raises(CheckpointError, match="cannot be read as tensors alone"):
        gloria.load(tmp_path / "m.ckpt", folder)


def test_a_file_of_another_layout_is_refused(weights, file, folder, tmp_path):
    with pytest.raises(CheckpointError, match="does not exist"):
        gloria.load(tmp_path / "none.ckpt", folder)
    for extra, message in (({"gloria.img_encoder.pos": torch.zeros(2)}, "which no model of GLoRIA"), ({}, "does not fit")):
        partial = {name: value for name, value in weights.items() if extra or "layer3.5.conv2" not in name}
        save_file(partial | extra, tmp_path / "m.safetensors")
        with pytest.raises(CheckpointError, match=message):
            gloria.load(tmp_path / "m.safetensors", folder)
    save_file(weights | {"gloria.img_encoder.global_embedder.bias": torch.full((WIDTH,), math.nan)}, tmp_path / "n.safetensors")
    with pytest.raises(CheckpointError, match="not numbers"):
        gloria.load(tmp_path / "n.safetensors", folder)
