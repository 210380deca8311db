"""The pass of a classifier in training: the windows of all texts at once, with the graph to the weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.predictors.forward import Forward
from pellucid.predictors.plm_ca.encoder import real_tokens
from pellucid.predictors.text_classifier.classifier import classify_open
from pellucid.predictors.text_classifier.pooling import Pooling, pool_texts
from pellucid.predictors.text_classifier.windows import Text, joined


def forward(module: Any, texts: Sequence[Text], pooling: Pooling, shift: Float[Tensor, "M R d"] | None) -> Forward:
    """All labels of all texts, differentiable with respect to weights, features and the shift of the features."""
    windows, counts = joined(texts), [len(text.windows) for text in texts]
    logits, features = classify_open(module, windows, shift)
    device = logits.device
    case = torch.repeat_interleave(torch.arange(len(texts), device=device), torch.tensor(counts, device=device))
    real = real_tokens(torch.from_numpy(windows.lengths).to(device), windows.ids.shape[1])
    return Forward(pool_texts(logits, counts, pooling), features, real, case)
