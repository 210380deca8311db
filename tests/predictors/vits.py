"""Small random vision transformers of transformers, in float64, loud enough for their logits to differ."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from transformers import (
    AutoModelForImageClassification,
    ConvNextConfig,
    DeiTConfig,
    DeiTForImageClassificationWithTeacher,
    ViTConfig,
)

from pellucid.predictors.image_classifier import ImageClassifier

LABELS = ("effusion", "nodule", "opacity")
SIZE = (16, 20)
_SHAPE = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32, "patch_size": 4}
PREPROCESSING = {"do_normalize": True, "do_rescale": True, "rescale_factor": 1 / 255, "size": {"height": 16, "width": 20}}


def transformer(kind: str = "vit", seed: int = 0, channels: int = 3, **config):
    """ViT, DeiT (with class and distillation head) or, for contrast, a convolutional network."""
    common = {"num_channels": channels, "id2label": dict(enumerate(LABELS)), "initializer_range": 0.3, **config}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if kind == "deit":
            made = DeiTForImageClassificationWithTeacher(DeiTConfig(image_size=SIZE, **_SHAPE, **common))
        elif kind == "vit":
            made = AutoModelForImageClassification.from_config(ViTConfig(image_size=SIZE, **_SHAPE, **common))
        else:
            made = AutoModelForImageClassification.from_config(
                ConvNextConfig(image_size=SIZE, hidden_sizes=[8, 16], depths=[1, 1], num_stages=2, patch_size=2, **common)
            )
    return made.double().eval()


def saved(folder: Path, kind: str = "vit", *, preprocessing=None, channels: int = 3, **config) -> Path:
    """The same as transformers writes it."""
    transformer(kind, channels=channels, **config).save_pretrained(folder)
    scale = {"image_mean": [0.5] * channels, "image_std": [0.25] * channels}
    chosen = {**PREPROCESSING, **scale} if preprocessing is None else preprocessing
    (folder / "preprocessor_config.json").write_text(json.dumps(chosen))
    return folder


def vit(folder: Path, kind: str = "vit", **config) -> ImageClassifier:
    """Opened for explanation."""
    return ImageClassifier.from_transformers(saved(folder, kind, **config))
