"""New networks of images and sentences, to be trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from pellucid.predictors.encoders import encoder_and_tokenizer
from pellucid.predictors.image_text import joint, towers
from pellucid.predictors.image_text.comparing import Comparing
from pellucid.predictors.image_text.pairing import Pairing


def network(
    encoder: str,
    text_encoder: str,
    rule: Comparing | None,
    *,
    size: Sequence[int],
    channels: int,
    texts: Sequence[str],
    width: int,
    seed: int,
) -> Pairing:
    """Two towers, or one transformer over both where there is no rule; arguments as of :meth:`.model.ImageText.made`."""
    language, tokenizer = encoder_and_tokenizer(text_encoder, texts=[text.lower() for text in texts], seed=seed)
    generator = torch.Generator().manual_seed(seed)
    shape: dict[str, Any] = {"channels": channels, "size": size, "width": width, "generator": generator}
    if rule is None:
        return joint.built(encoder, language, tokenizer, **shape)
    return towers.built(encoder, language, tokenizer, rule=rule, **shape)
