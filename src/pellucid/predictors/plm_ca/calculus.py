"""The closed-form derivative of label-wise attention, and what it says about which chunks matter.

For a label with attention `A` over tokens, values `V`, pooled vector `y = A V` and head gradient `g = d logit / d y`:

* `d logit / d A_i = g . V_i`
* `d logit / d S_i = A_i (g . V_i - g . y)`            (through the softmax)
* `d logit / d h_i = A_i pull_V(g) + (d logit / d S_i) d S_i / d h_i`

so the gradient that enters the encoder at token i is at most `A_i (|pull_V(g)| + |g . V_i - g . y| steepness)`. A chunk that a
label hardly attends to receives next to nothing, and need not be sent back through the encoder.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from pellucid.predictors.plm_ca.decoders import Decoder


@dataclass(frozen=True, eq=False)
class Reading:
    """One note seen by T labels: attention and its derivatives over the L rows of the note (padding has zeros).

    Attributes:
        attention: A.
        attention_gradient: d logit / d A, zero on padding.
        score_gradient: d logit / d S.
        value_norm: A times the norm of the value.
        pulled: d logit / d h of a token per unit of attention through its value: `pull_V(g)`.
        bound: what the norm of d logit / d h cannot exceed.
    """

    attention: Float[Tensor, "T L"]
    attention_gradient: Float[Tensor, "T L"]
    score_gradient: Float[Tensor, "T L"]
    value_norm: Float[Tensor, "T L"]
    pulled: Float[Tensor, "T d"]
    bound: Float[Tensor, "T L"]


@torch.no_grad()
def read(decoder: Decoder, hidden: Float[Tensor, "L d"], real: Bool[Tensor, " L"], outputs: Int[Tensor, " T"]) -> Reading:
    """Attention of a note and its derivatives, without autograd."""
    scores = decoder.attention_scores(hidden, outputs).masked_fill(~real, -torch.inf)
    attention = torch.softmax(scores, -1)
    values = decoder.values(hidden)
    pooled = attention @ values
    gradient = decoder.head_gradient(pooled, outputs)
    through = gradient @ values.T  # g . V_i
    excess = through - (gradient * pooled).sum(-1, keepdim=True)
    pulled = decoder.pull_values(gradient)
    steepness = decoder.score_steepness(outputs)
    return Reading(
        attention=attention,
        attention_gradient=through.masked_fill(~real, 0.0),
        score_gradient=attention * excess,
        value_norm=attention * values.norm(dim=-1),
        pulled=pulled,
        bound=attention * (pulled.norm(dim=-1, keepdim=True) + excess.abs() * steepness[:, None]),
    )


def upstream(
    decoder: Decoder,
    reading: Reading,
    hidden: Float[Tensor, "N C d"],
    labels: Int[Tensor, " M"],
    chunks: Int[Tensor, " M"],
    outputs: Int[Tensor, " T"],
) -> Float[Tensor, "M C d"]:
    """d logit / d hidden state, for M pairs of a label (index into the reading) and a chunk."""
    shape = (len(reading.attention), *hidden.shape[:2])
    attention = reading.attention.view(shape)[labels, chunks]
    through_scores = reading.score_gradient.view(shape)[labels, chunks]
    by_value = attention[..., None] * reading.pulled[labels][:, None, :]
    return by_value + decoder.pull_scores(hidden[chunks], through_scores, outputs[labels])
