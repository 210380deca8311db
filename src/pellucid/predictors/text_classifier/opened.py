"""What goes back through the pooling: the share of each window in a target, gradients, and attention."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, cast

import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.predictor import AttentionBlock, AttentionReading, Batch, GradientPiece
from pellucid.predictors.text_classifier import attention, gradients
from pellucid.predictors.text_classifier.pooling import shares
from pellucid.predictors.text_classifier.windows import Windows
from pellucid.target import Target

if TYPE_CHECKING:
    from pellucid.predictors.text_classifier.model import TextClassifier


def blocks(features: Float[Tensor, "L d"], windows: Windows) -> Float[Tensor, "N R d"]:
    """The features of one text, window by window."""
    return cast(Tensor, features[: windows.ids.size].unflatten(0, windows.ids.shape))


def pieces(
    model: TextClassifier,
    batch: Batch,
    targets: Sequence[Target],
    features: Float[Tensor, "B L d"] | None,
    classify: gradients.Classify,
) -> Iterator[GradientPiece]:
    """Gradients of all texts, where `classify` leaves the graph; at the batch's own features if none are given."""
    at = model.features(batch) if features is None else features.detach()
    for case, text in enumerate(batch.data.texts):
        inside = blocks(at[case], text.windows)
        share = window_shares(model, batch, case, None if features is None else inside)
        entering, _ = gradients.seeds(targets, model.labels, share)
        for piece in gradients.pieces(classify, text.windows, case, inside, entering, model.tokens_at_once):
            model.cost.chunk_gradients += len(piece.starts)
            yield piece


def label_attention(model: TextClassifier, batch: Batch, targets: Sequence[Target]) -> list[AttentionReading]:
    """Attention of the class tokens of each text, as the head reads it."""
    readings = []
    for case, text in enumerate(batch.data.texts):
        seeds = gradients.seeds(targets, model.labels, window_shares(model, batch, case))
        model.cost.chunk_gradients += len(targets) * len(text.windows)
        readings.append(attention.read(model.module, text.windows, *seeds))
    return readings


def layers(model: TextClassifier, batch: Batch) -> Iterator[AttentionBlock]:
    """Attention of every layer, window by window."""
    for case, text in enumerate(batch.data.texts):
        model.cost.chunks += len(text.windows)
        yield from attention.layers(model.module, text.windows, case)


def readout(model: TextClassifier, batch: Batch, targets: Sequence[Target]) -> list[Float[Tensor, "K L"]]:
    """The class token of each window, with the share of the window in each target."""
    results = []
    for case, text in enumerate(batch.data.texts):
        _, share = gradients.seeds(targets, model.labels, window_shares(model, batch, case))
        results.append(attention.readout(share, text.windows.ids.shape[1]))
    return results


def window_shares(
    model: TextClassifier, batch: Batch, case: int, features: Float[Tensor, "N R d"] | None = None
) -> Float[Tensor, "N C"]:
    """d text logit / d window logit, label by label; windows that count alike need not be read for that."""
    windows = batch.data.texts[case].windows
    if model.pooling == "mean":
        shape = len(windows), len(model.labels)
        return torch.full(shape, 1 / len(windows), dtype=torch.float64, device=model.device)
    logits = model.window_logits(batch, case) if features is None else model.read(windows, features)
    return shares(logits, model.pooling)
