"""Image classifiers that transformers saved are read as transformers reads them, or refused in one sentence."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from images import case
from vits import LABELS, PREPROCESSING, SIZE, saved, transformer, vit

from pellucid.errors import CheckpointError, PellucidError
from pellucid.predictors import load
from pellucid.predictors.image_classifier import ImageClassifier
from pellucid.predictors.text_classifier import TextClassifier

CASES = [case(name, SIZE, 3) for name in "ab"]


@pytest.mark.parametrize("kind", ["vit", "deit", "convnext"])
def test_a_folder_is_opened_by_what_it_holds(tmp_path, kind):
    model = load(saved(tmp_path, kind))
    assert isinstance(model, ImageClassifier)
    assert (model.labels, model.exclusive, model.about) == (LABELS, True, {"source": str(tmp_path)})
    pixels = torch.from_numpy(np.stack([c.picture.unit() for c in CASES])).double().movedim(-1, 1)
    expected = torch.softmax(transformer(kind)(pixel_values=(pixels - 0.5) / 0.25).logits, -1).detach()
    assert np.allclose(model.probabilities(model.encode(CASES)), expected, atol=1e-6), "32-bit pixels, 64-bit weights"


def test_a_folder_says_whether_its_labels_exclude_each_other(tmp_path):
    saved(tmp_path, problem_type="multi_label_classification")
    assert not ImageClassifier.from_transformers(tmp_path).exclusive
    assert ImageClassifier.from_transformers(tmp_path, multi_label=False).exclusive
    assert load(tmp_path, threshold=0.3).threshold == 0.3


@pytest.mark.parametrize(
    ("preprocessing", "mean", "std"),
    [
        ({**PREPROCESSING, "image_mean": [0.1, 0.2, 0.3], "image_std": [1.0, 2.0, 4.0]}, (0.1, 0.2, 0.3), (1.0, 2.0, 4.0)),
        ({"do_normalize": False}, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
        ({"do_normalize": False, "do_rescale": False}, (0.0, 0.0, 0.0), (1 / 255,) * 3),
        ({"do_normalize": False, "rescale_factor": 1 / 127.5, "rescale_offset": True}, (0.5,) * 3, (0.5,) * 3),
        ({"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "rescale_factor": 1 / 127.5}, (0.25,) * 3, (0.25,) * 3),
    ],
)
def test_pixels_are_scaled_as_the_preprocessing_says(tmp_path, preprocessing, mean, std):
    """Rescaling by any factor, and an offset of 1, are a mean and a deviation too."""
    model = ImageClassifier.from_transformers(saved(tmp_path, preprocessing=preprocessing))
    assert np.allclose(model.mean, mean)
    assert np.allclose(model.std, std)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ({"size": {"height": 24, "width": 32}}, (24, 32)),
        ({"size": {"shortest_edge": 32}}, (32, 32)),
        ({"size": 28}, (28, 28)),
        ({"crop_size": {"height": 24, "width": 24}, "size": {"shortest_edge": 32}}, (24, 24)),
        ({"crop_size": 24, "do_center_crop": False, "size": [32, 28]}, (32, 28)),
        ({}, SIZE),
    ],
)
def test_a_network_that_reads_any_size_is_given_the_size_of_its_preprocessing(tmp_path, size, expected):
    model = ImageClassifier.from_transformers(saved(tmp_path, "convnext", preprocessing={"do_normalize": False, **size}))
    assert model.size == expected


def test_a_network_that_learnt_positions_is_given_its_own_size(tmp_path):
    """Whatever images are resized to before they are cropped."""
    preprocessing = {"do_normalize": False, "size": {"shortest_edge": 32}}
    assert ImageClassifier.from_transformers(saved(tmp_path, preprocessing=preprocessing)).size == SIZE


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "preprocessor_config.json").unlink(), "has no preprocessor_config.json"),
        (lambda folder: (folder / "preprocessor_config.json").write_text("[1]"), "no table of settings"),
        (lambda folder: (folder / "preprocessor_config.json").write_text("{"), "preprocessor_config.json"),
        (lambda folder: (folder / "preprocessor_config.json").write_text('{"size": 16}'), "mean and std of its 3 channels"),
        (lambda folder: (folder / "model.safetensors").unlink(), "model.safetensors"),
        (lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"), "pickle"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"\0" * 64), "can be read"),
    ],
)
def test_what_is_wrong_with_a_folder_is_said_in_one_sentence(tmp_path, spoil, message):
    spoil(saved(tmp_path))
    with pytest.raises(CheckpointError, match=message):
        load(tmp_path)


def test_weights_that_are_no_numbers_are_refused(tmp_path):
    module = transformer()
    with torch.no_grad():
        module.classifier.weight[0, 0] = torch.nan
    saved(tmp_path)
    module.save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="not numbers"):
        load(tmp_path)


def test_settings_of_texts_do_not_fit_images(tmp_path):
    with pytest.raises(PellucidError, match="An image classifier does not take"):
        load(saved(tmp_path), window=16)


def test_classifiers_of_texts_are_still_opened_as_such(tmp_path):
    from classifiers import transformers_classifier

    module, words = transformers_classifier()
    module.save_pretrained(tmp_path)
    words.save_pretrained(tmp_path)
    assert isinstance(load(tmp_path), TextClassifier)


def test_networks_that_differ_in_configuration_alone_have_other_fingerprints(tmp_path):
    one, other = vit(tmp_path / "a"), vit(tmp_path / "b", layer_norm_eps=0.1)
    again = vit(tmp_path / "c")
    assert one.fingerprint == again.fingerprint
    assert one.fingerprint != other.fingerprint


def test_a_vision_transformer_has_attention_and_no_maps_and_a_convolutional_network_the_reverse(tmp_path):
    assert {"feature_maps"} == vit(tmp_path / "vit").lacks & {"feature_maps", "patch_attention"}
    assert {"patch_attention"} == vit(tmp_path / "conv", "convnext").lacks & {"feature_maps", "patch_attention"}


def test_gradients_reach_the_pixels_of_a_vision_transformer(tmp_path):
    from pellucid.registry import explainers
    from pellucid.target import Target

    model = vit(tmp_path)
    batch = model.encode(CASES)
    for name in ("saliency", "input_x_gradient_signed"):
        (found, _) = explainers.create(name)(model, batch, [Target.label("nodule")])
        assert found.scores.any()
