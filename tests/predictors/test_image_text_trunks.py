"""Vision models of transformers as the image tower of a model that is trained here."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from images import case
from pairs import LABELS, SENTENCES
from transformers import (
    AutoModel,
    AutoModelForImageClassification,
    BertConfig,
    ConvNextConfig,
    Dinov2Config,
    Dinov2WithRegistersConfig,
    ResNetConfig,
    SwinConfig,
    ViTConfig,
    YolosConfig,
)

from pellucid import predictors
from pellucid.errors import CapabilityError, CheckpointError, PellucidError
from pellucid.explainers.images.cam import GradCam
from pellucid.predictor import missing_capabilities
from pellucid.predictors.image_text import CORRECTED, ImageText
from pellucid.predictors.image_text.trunks import grid
from pellucid.target import Target

SIZE = (32, 40)
_LAYERS = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32, "patch_size": 8}
_STAGES = {"hidden_sizes": [8, 16], "depths": [1, 1]}
CONFIGS = {
    "vit": (ViTConfig(image_size=SIZE, **_LAYERS), (4, 5), 16),
    "dinov2": (Dinov2Config(image_size=48, **_LAYERS), (4, 5), 16),
    "registers": (Dinov2WithRegistersConfig(image_size=48, num_register_tokens=4, **_LAYERS), (4, 5), 16),
    "swin": (SwinConfig(image_size=32, patch_size=4, embed_dim=8, depths=[1, 1], num_heads=[1, 2], window_size=4), (4, 5), 16),
    "resnet": (ResNetConfig(embedding_size=8, layer_type="basic", **_STAGES), (4, 5), 16),
    "convnext": (ConvNextConfig(num_stages=2, patch_size=4, **_STAGES), (4, 5), 16),
}
SCALE = {"image_mean": [0.4, 0.5, 0.6], "image_std": [0.2, 0.25, 0.3], "do_rescale": True, "rescale_factor": 1 / 255}
KINDS = sorted(CONFIGS)


def saved(folder: Path, config, maker=AutoModel, seed: int = 0) -> Path:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        maker.from_config(config).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(SCALE))
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {kind: saved(tmp_path_factory.mktemp(kind), CONFIGS[kind][0]) for kind in KINDS}


def made(folder: Path, size=SIZE, rule=CORRECTED, seed: int = 0) -> ImageText:
    return ImageText.made(str(folder), LABELS, size=size, channels=1, texts=SENTENCES, rule=rule, width=16, seed=seed)


def cases(count: int = 2):
    return [case(name, SIZE) for name in "abc"[:count]]


@torch.no_grad()
def scores(model: ImageText) -> torch.Tensor:
    return model.match(model.see(model.encode(cases())), model.read(SENTENCES))


@pytest.mark.parametrize("kind", KINDS)
def test_regions_are_the_patches_or_the_last_maps_of_the_model(folders, kind):
    model = made(folders[kind])
    _, cells, width = CONFIGS[kind]
    seen = model.see(model.encode(cases()))
    assert seen.grid == cells
    assert seen.regions.shape == (2, cells[0] * cells[1], 16)
    own = AutoModel.from_pretrained(folders[kind]).eval()
    pixels = model.pixels(model.encode(cases()))
    with torch.no_grad():
        states = own(pixel_values=pixels, output_hidden_states=True)
        expected = getattr(states, "reshaped_hidden_states", None)  # only Swin says where its tokens lie
        if kind == "swin":
            expected = own.layernorm(expected[-1].flatten(2).transpose(1, 2)).transpose(1, 2).unflatten(2, cells)
        elif states.last_hidden_state.ndim == 4:
            expected = states.last_hidden_state
        else:
            tokens = states.last_hidden_state[:, -cells[0] * cells[1] :]
            expected = tokens.transpose(1, 2).unflatten(2, cells)
        found = []
        handle = model.module.image.network.maps.register_forward_hook(lambda _, __, output: found.append(output))
        model.module.image.network(pixels)
        handle.remove()
    assert found[0].shape[1] == width
    torch.testing.assert_close(found[0], expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", ["vit", "dinov2", "swin"])
def test_a_patch_knows_its_place(folders, kind):
    """What changes in one corner of the image changes most in that region."""
    model = made(folders[kind])
    pixels = model.pixels(model.encode(cases(1))).clone()
    network = model.module.image.network
    found = []
    network.maps.register_forward_hook(lambda _, __, output: found.append(output))
    with torch.no_grad():
        network(pixels)
        pixels[..., 24:, 32:] += 3.0
        network(pixels)
    moved = (found[1] - found[0]).square().sum(1)[0]
    assert np.unravel_index(int(moved.argmax()), moved.shape) == (3, 4)


def test_images_are_scaled_and_coloured_as_the_model_learnt_it(folders):
    model = made(folders["vit"])
    assert (model.mean, model.std) == ((0.4, 0.5, 0.6), (0.2, 0.25, 0.3))
    grey = torch.from_numpy(cases(1)[0].picture.unit())[..., 0]
    expected = torch.stack([(grey - mean) / std for mean, std in zip(model.mean, model.std, strict=True)])
    torch.testing.assert_close(model.pixels(model.encode(cases(1)))[0].float(), expected.float())


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_reach_the_model(folders, kind):
    model = made(folders[kind])
    model.match(model.see(model.encode(cases())), model.read(SENTENCES)).square().sum().backward()
    first = next(p for p in model.module.image.network.parameters() if p.grad is not None and p.ndim > 1)
    assert float(first.grad.abs().sum()) > 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_model_needs_no_folder_and_no_hub(folders, kind, tmp_path, monkeypatch):
    config = CONFIGS[kind][0]
    source = saved(tmp_path / "source", config)
    model = made(source)
    model.save(tmp_path / "m")
    for file in source.iterdir():
        file.unlink()
    source.rmdir()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    again = predictors.load(tmp_path / "m")
    assert isinstance(again, ImageText)
    assert again.fingerprint == model.fingerprint
    assert torch.equal(scores(again), scores(model))
    assert again.module.described()["config"]["model_type"] == config.model_type


def test_a_classifier_gives_its_trunk(tmp_path):
    """Its pooling, which a classifier leaves out, is not missed."""
    folder = saved(tmp_path, CONFIGS["vit"][0], AutoModelForImageClassification)
    model = made(folder)
    trained = AutoModelForImageClassification.from_pretrained(folder).vit.embeddings.cls_token
    assert torch.equal(model.module.image.network.model.embeddings.cls_token, trained)
    assert not any("pooler" in name for name in model.module.state_dict())


def test_one_transformer_over_words_and_boxes_reads_them_too(folders, tmp_path):
    model = made(folders["vit"], rule=None)
    model.save(tmp_path / "m")
    assert torch.equal(scores(predictors.load(tmp_path / "m")), scores(model))


def test_the_seed_draws_what_is_new_and_nothing_that_was_learnt(folders):
    one, other = made(folders["vit"]), made(folders["vit"], seed=1)
    learnt = [model.module.image.network.state_dict() for model in (one, other)]
    assert all(torch.equal(a, b) for a, b in zip(learnt[0].values(), learnt[1].values(), strict=True))
    assert not torch.equal(one.module.image.whole.weight, other.module.image.whole.weight)
    before = torch.get_rng_state()
    made(folders["vit"])
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("kind", ["vit", "resnet"])
def test_maps_of_the_last_layer_can_be_explained(folders, kind):
    model = made(folders[kind])
    assert not missing_capabilities(model, ("feature_maps",))
    asked = model.ask(["Small left pleural effusion."])
    (found,) = GradCam()(asked, asked.encode(cases(1)), [Target.label(asked.labels[0])])
    assert np.isfinite(found.scores).all()


@pytest.mark.parametrize("size", [(32, 32), (64, 64)])
def test_a_model_that_learnt_positions_refuses_other_sizes_in_one_sentence(folders, size):
    with pytest.raises(PellucidError, match=r"learnt positions for images of .*32, 40.* pixels and cannot read \d+ x \d+ ones"):
        made(folders["vit"], size=size)


@pytest.mark.parametrize("kind", ["dinov2", "swin", "resnet", "convnext"])
def test_others_read_any_size(folders, kind):
    assert made(folders[kind], size=(64, 48)).size == (64, 48)


@pytest.mark.parametrize(
    ("stages", "patch", "size", "expected"),
    [
        ([1], 8, (33, 40), (4, 5)),
        ([1, 1], 4, (33, 40), (5, 5)),
        ([1, 1, 1], 4, (32, 40), (2, 3)),
        (None, (4, 8), (32, 40), (8, 5)),
    ],
)
def test_patches_that_are_merged_fill_up_the_odd_one_out(stages, patch, size, expected):
    config = type("Config", (), {"patch_size": patch, "depths": stages})()
    assert grid(config, size) == expected


def test_swin_agrees_with_the_grid_where_nothing_divides(tmp_path):
    model = made(saved(tmp_path, CONFIGS["swin"][0]), size=(37, 50))
    with torch.no_grad():
        seen = model.see(model.encode(cases(1)))
    assert seen.grid == (5, 7)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "preprocessor_config.json").unlink(), "has no preprocessor_config.json"),
        (lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"), "pickle"),
        (lambda folder: (folder / "model.safetensors").unlink(), "model.safetensors"),
        (lambda folder: (folder / "config.json").write_text("[]"), "no table of settings"),
    ],
)
def test_what_is_wrong_with_a_folder_is_said_in_one_sentence(tmp_path, spoil, message):
    spoil(saved(tmp_path, CONFIGS["vit"][0]))
    with pytest.raises(CheckpointError, match=message):
        made(tmp_path)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CheckpointError, match="nowhere"):
        made(tmp_path / "nowhere")


def test_models_of_text_and_models_whose_tokens_are_no_patches_are_refused(tmp_path):
    text = BertConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, vocab_size=50)
    with pytest.raises(CheckpointError, match="give a vision model"):
        made(saved(tmp_path / "bert", text))
    boxes = YolosConfig(image_size=SIZE, num_detection_tokens=10, **_LAYERS)
    with pytest.raises(CapabilityError, match="whose tokens are patches"):
        made(saved(tmp_path / "yolos", boxes))


def test_a_damaged_description_is_refused(folders, tmp_path):
    made(folders["vit"]).save(tmp_path / "m")
    manifest = next((tmp_path / "m").glob("*.json"))
    said = json.loads(manifest.read_text())
    said["network"]["config"]["model_type"] = "vat"
    manifest.write_text(json.dumps(said))
    with pytest.raises(CheckpointError, match="does not describe a vision model"):
        predictors.load(tmp_path / "m")
