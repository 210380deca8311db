"""Small random models of images and sentences in float64, and sentences for them."""

from __future__ import annotations

import torch

from pellucid.predictors.image_text import CORRECTED, Comparing, ImageText

SENTENCES = (
    "Small left pleural effusion.",
    "No pneumothorax.",
    "Opacity in the right lower lobe, and a nodule in the left upper lobe.",
    "Effusion.",
)
LABELS = ("effusion", "nodule")


def pair_model(rule: Comparing | None = CORRECTED, size=(32, 40), channels: int = 1, width: int = 16, **more) -> ImageText:
    """A model of random weights, loud enough for its scores to differ, whose norms have seen something."""
    model = ImageText.made(
        "tiny", LABELS, size=size, channels=channels, texts=SENTENCES, text_encoder="tiny", rule=rule, width=width, **more
    ).to(dtype=torch.float64)
    generator = torch.Generator().manual_seed(1)
    model.module.train()
    with torch.no_grad():
        for _ in range(3):
            model.module.see(torch.randn(8, channels, *size, dtype=torch.float64, generator=generator))
        for name, weight in model.module.named_parameters():
            if (
                name.startswith(("image.region", "text.word", "text.whole", "image.whole", "layers", "score"))
                and weight.ndim > 1
            ):
                weight.mul_(3.0)
    model.module.eval()
    return model
