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
from typing import cast

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from pellucid.predictors.plm_ca.decoders import Decoder


@dataclass(frozen=True, eq=False)
class Backward:
    """What T labels send back to the L rows of a note (padding has zeros).

    Attributes:
        attention: A, times the share of the gradient that goes to values.
        score_gradient: d logit / d S, times the share that goes to keys.
        pulled: d logit / d h of a token per unit of attention through its value: `pull_V(g)`.
        bound: what the norm of d logit / d h cannot exceed.
    """

    attention: Float[Tensor, "T L"]
    score_gradient: Float[Tensor, "T L"]
    pulled: Float[Tensor, "T d"]
    bound: Float[Tensor, "T L"]


@dataclass(frozen=True, eq=False)
class Reading(Backward):
    """One note seen by T labels: attention and its derivatives, all shares being whole.

    Attributes:
        attention_gradient: d logit / d A, zero on padding.
        value_norm: A times the norm of the value.
    """

    attention_gradient: Float[Tensor, "T L"]
    value_norm: Float[Tensor, "T L"]


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
    pulled, score_gradient = decoder.pull_values(gradient), attention * excess
    return Reading(
        attention=attention,
        score_gradient=score_gradient,
        pulled=pulled,
        bound=_bound(decoder, attention, score_gradient, pulled, outputs),
        attention_gradient=through.masked_fill(~real, 0.0),
        value_norm=attention * values.norm(dim=-1),
    )


@torch.no_grad()
def read_gim(
    decoder: Decoder,
    hidden: Float[Tensor, "L d"],
    real: Bool[Tensor, " L"],
    outputs: Int[Tensor, " T"],
    temperature: float,
) -> Backward:
    """What GIM sends back through the decoder, in closed form.

    With `g` the head's gradient at a fixed scale of its layer norm and `B = softmax(S / temperature)`: a value receives
    `A_i g`, a score `B_i (g . V_i - sum_j B_j g . V_j)`, and each of the two half of it, as attention and values are the
    factors of one product. Scores take no further share: queries are weights, so the key is the only factor that depends on
    the text. With the decoder of LAAT the same holds; its head has no norm, and its tanh keeps its own slope.
    """
    scores = decoder.attention_scores(hidden, outputs).masked_fill(~real, -torch.inf)
    attention, soft = torch.softmax(scores, -1), torch.softmax(scores / temperature, -1)
    values = decoder.values(hidden)
    gradient = decoder.frozen_head_gradient(attention @ values, outputs)
    through = gradient @ values.T
    score_gradient = soft * (through - (soft * through).sum(-1, keepdim=True)) / 2
    pulled = decoder.pull_values(gradient)
    return Backward(attention / 2, score_gradient, pulled, _bound(decoder, attention / 2, score_gradient, pulled, outputs))


def _bound(decoder: Decoder, attention: Tensor, score_gradient: Tensor, pulled: Tensor, outputs: Tensor) -> Tensor:
    through_scores = score_gradient.abs() * decoder.score_steepness(outputs)[:, None]
    return cast(Tensor, attention * pulled.norm(dim=-1, keepdim=True) + through_scores)


def upstream(
    decoder: Decoder,
    reading: Backward,
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
