"""Attention rollout: the attention of all layers, multiplied up.

Rows of an encoder's attention mix hidden states of one layer into those of the next. Multiplying the mixtures of all layers
says, if nothing but mixing happened, how much of each input a final hidden state is made of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.attribution import Attribution
from pellucid.errors import PellucidError
from pellucid.explainers.base import Facts, attribute
from pellucid.predictor import Batch, LabelScores, LayerAttention, Predictor, require
from pellucid.registry import explainers
from pellucid.target import Target, resolve

Mixture = Callable[[Float[Tensor, "C C"]], Float[Tensor, "C C"]]


@torch.no_grad()
def rolled_out(
    predictor: LayerAttention, batch: Batch, readout: Sequence[Float[Tensor, "K L"]], mixture: Mixture
) -> list[Float[Tensor, "K L"]]:
    """What is read above the last layer, taken down to the input: `readout @ mixture(A_last) @ ... @ mixture(A_first)`.

    Multiplying from the left keeps K rows instead of a matrix over all pairs of tokens, and one stretch is done before the next
    is asked for. Float64.

    Args:
        readout: of each case.
        mixture: from a layer's attention, averaged over heads, to how the layer mixes its rows.
    """
    results = [torch.zeros_like(rows, dtype=torch.float64) for rows in readout]
    for block in predictor.layer_attention(batch):
        rows = slice(block.start, block.start + block.attention.shape[-1])
        flow = readout[block.case][:, rows].double()
        for layer in reversed(block.attention.mean(1).double().unbind()):
            flow = flow @ mixture(layer)
        results[block.case][:, rows] = flow
    return results


def with_residual(attention: Float[Tensor, "C C"]) -> Float[Tensor, "C C"]:
    """Half from attention, half past it: `0.5 A + 0.5 I`, whose rows sum to 1."""
    return 0.5 * attention + 0.5 * torch.eye(len(attention), dtype=attention.dtype, device=attention.device)


def with_residual_as_released(attention: Float[Tensor, "C C"]) -> Float[Tensor, "C C"]:
    """`A + 0.5 I`, whose rows sum to 1.5."""
    return attention + 0.5 * torch.eye(len(attention), dtype=attention.dtype, device=attention.device)


@explainers.register("attention_rollout")
@dataclass(frozen=True)
class AttentionRollout(Facts):
    """What each label attends to, followed down through the encoder: `A_label @ prod_layers (0.5 mean_heads A + 0.5 I)`.

    Layers are multiplied within each chunk, as chunks do not attend to each other. With those of special tokens, scores sum
    to 1.

    Cost: one more forward pass, with attention written out.
    """

    needs = ("layer_attention",)
    cites = "Abnar and Zuidema 2020, section 4"
    name = "attention_rollout"

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        require(predictor, self.needs, self.name)
        opened = cast(LayerAttention, predictor)
        found = rolled_out(opened, batch, opened.readout(batch, targets), with_residual)
        return [attribute(self, predictor, batch, i, targets, scores) for i, scores in enumerate(found)]


@explainers.register("released_rollout")
@dataclass(frozen=True)
class ReleasedRollout(Facts):
    """What the released code of Edin et al. 2024 computes under the name of rollout: here for comparison, not for use.

    It differs from attention rollout in two ways. The weight of a token is a softmax of its attention scores over the *labels*
    (how much more this label wants it than other labels do), not over the tokens; and layers are mixed as `A + 0.5 I`, whose
    rows sum to 1.5.

    Cost: one more forward pass, with attention written out, and the attention scores of all labels.
    """

    needs = ("label_scores", "layer_attention")
    cites = "Edin et al. 2024 (released code)"
    name = "released_rollout"

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        require(predictor, self.needs, self.name)
        resolved = resolve(targets, predictor.labels)
        if not resolved.plain:
            raise PellucidError("Attention belongs to one label; explain labels, not contrasts, with this method.")
        chosen = torch.tensor(resolved.outputs)[resolved.weights.argmax(1)]
        readout = [
            _over_labels(scores)[chosen.to(scores.device)] for scores in cast(LabelScores, predictor).label_scores(batch)
        ]
        found = rolled_out(cast(LayerAttention, predictor), batch, readout, with_residual_as_released)
        return [attribute(self, predictor, batch, i, targets, scores) for i, scores in enumerate(found)]


def _over_labels(scores: Float[Tensor, "C L"]) -> Float[Tensor, "C L"]:
    """Softmax over labels, row by row of the note; nothing on padding, where every score is minus infinity."""
    return torch.softmax(scores, 0).where(scores[:1].isfinite(), 0.0)
