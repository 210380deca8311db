"""Label-wise attention decoders, with their derivatives in closed form.

Both decoders pool values over the tokens of a note with one softmax attention per label, then turn the pooled vector into a
logit. They differ in how a token is scored, what its value is, and in the head:

* :class:`CrossAttention` (PLM-CA; Edin et al. 2024, and section 3 of Edin et al. 2023 for the problem it solves);
* :class:`LaatAttention` (PLM-ICD; Huang et al. 2022, with the attention of LAAT, Vu et al. 2020).

Because the pooling is linear in the attention and the attention is a softmax, the gradient of a logit with respect to every
hidden state is a short formula (``upstream``); no backward pass through the decoder is ever needed.

Shapes: `L` tokens, `T` labels asked for, `d` hidden size, `v` value size.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import cast

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn


def initial_std(hidden_size: int) -> float:
    """Standard deviation of first weights: 0.03 at the width of the paper's encoder (768), and the same effect at any other.

    A product over `d` inputs grows with the square root of `d`; with a fixed deviation a narrow model starts with attention so
    flat, and so flat a gradient of it, that it does not learn in any reasonable time.
    """
    return float(0.03 * (768 / hidden_size) ** 0.5)


class Decoder(nn.Module, ABC):
    """A label-wise attention decoder over `labels` outputs."""

    value_size: int

    @abstractmethod
    def attention_scores(self, hidden: Float[Tensor, "*B L d"], outputs: Int[Tensor, " T"]) -> Float[Tensor, "*B T L"]:
        """How much each label attends to each token, before the softmax."""

    @abstractmethod
    def values(self, hidden: Float[Tensor, "*B L d"]) -> Float[Tensor, "*B L v"]:
        """What attention pools."""

    @abstractmethod
    def head(self, pooled: Float[Tensor, "*B T v"], outputs: Int[Tensor, " T"]) -> Float[Tensor, "*B T"]:
        """Logits of pooled vectors."""

    @abstractmethod
    def head_gradient(self, pooled: Float[Tensor, "T v"], outputs: Int[Tensor, " T"]) -> Float[Tensor, "T v"]:
        """d logit / d pooled."""

    def frozen_head_gradient(self, pooled: Float[Tensor, "T v"], outputs: Int[Tensor, " T"]) -> Float[Tensor, "T v"]:
        """d logit / d pooled, the scale of a layer norm taken for a constant; that of a head without one is its own."""
        return self.head_gradient(pooled, outputs)

    @abstractmethod
    def pull_values(self, gradient: Float[Tensor, "T v"]) -> Float[Tensor, "T d"]:
        """A gradient with respect to a value, as a gradient with respect to its hidden state."""

    @abstractmethod
    def pull_scores(
        self, hidden: Float[Tensor, "M L d"], gradient: Float[Tensor, "M L"], outputs: Int[Tensor, " M"]
    ) -> Float[Tensor, "M L d"]:
        """A gradient with respect to attention scores, as a gradient with respect to hidden states; one label a block."""

    @abstractmethod
    def score_steepness(self, outputs: Int[Tensor, " T"]) -> Float[Tensor, " T"]:
        """An upper bound of the norm of d attention score / d hidden state, for each label."""

    def forward(
        self, hidden: Float[Tensor, "B L d"], mask: Bool[Tensor, "B L"], outputs: Int[Tensor, " T"]
    ) -> Float[Tensor, "B T"]:
        """Logits of whole notes; `mask` is False on padding, which receives no attention. Nothing at all pools to zero."""
        scores = self.attention_scores(hidden, outputs).masked_fill(~mask[:, None, :], -torch.inf)
        attention = torch.softmax(scores, -1).where(mask.any(-1)[:, None, None], 0.0)
        return self.head(attention @ self.values(hidden), outputs)


class CrossAttention(Decoder):
    """PLM-CA: labels are queries of a cross attention; layer norm and output weights are shared by all labels.

    `S = E (H W_k)^T`, `A = softmax(S)`, `Y = A (H W_v + b_v)`, `logit = w . LayerNorm(Y) + b`.
    """

    def __init__(self, hidden_size: int, labels: int, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.value_size = hidden_size
        self.queries = nn.Parameter(torch.empty(labels, hidden_size))
        self.keys = nn.Linear(hidden_size, hidden_size, bias=False)
        self.value = nn.Linear(hidden_size, hidden_size)
        self.norm = nn.LayerNorm(hidden_size, eps=1e-5)
        self.output = nn.Linear(hidden_size, 1)
        for weight in (self.queries, self.keys.weight, self.value.weight, self.output.weight):
            nn.init.normal_(weight, std=initial_std(hidden_size), generator=generator)
        nn.init.zeros_(self.value.bias)
        nn.init.zeros_(self.output.bias)

    def attention_scores(self, hidden: Tensor, outputs: Tensor) -> Tensor:
        return self.queries[outputs] @ cast(Tensor, self.keys(hidden)).transpose(-1, -2)

    def values(self, hidden: Tensor) -> Tensor:
        return cast(Tensor, self.value(hidden))

    def head(self, pooled: Tensor, outputs: Tensor) -> Tensor:
        return cast(Tensor, self.output(self.norm(pooled))).squeeze(-1)

    def head_gradient(self, pooled: Tensor, outputs: Tensor) -> Tensor:
        normal = (pooled - pooled.mean(-1, keepdim=True)) / self._deviation(pooled)
        weight = self.norm.weight * self.output.weight[0]
        through_scale = normal * (weight * normal).mean(-1, keepdim=True) / self._deviation(pooled)
        return self.frozen_head_gradient(pooled, outputs) - through_scale

    def frozen_head_gradient(self, pooled: Tensor, outputs: Tensor) -> Tensor:
        weight = self.norm.weight * self.output.weight[0]
        return (weight - weight.mean()) / self._deviation(pooled)

    def _deviation(self, pooled: Tensor) -> Tensor:
        return (pooled.var(-1, unbiased=False, keepdim=True) + self.norm.eps).sqrt()

    def pull_values(self, gradient: Tensor) -> Tensor:
        return gradient @ self.value.weight

    def pull_scores(self, hidden: Tensor, gradient: Tensor, outputs: Tensor) -> Tensor:
        return gradient[..., None] * (self.queries[outputs] @ self.keys.weight)[:, None, :]

    def score_steepness(self, outputs: Tensor) -> Tensor:
        return (self.queries[outputs] @ self.keys.weight).pow(2).sum(-1).sqrt()


class LaatAttention(Decoder):
    """PLM-ICD: `S = (tanh(H W_1) W_2)^T`, `A = softmax(S)`, `M = A H`, `logit_c = w_c . M_c + b_c`."""

    def __init__(self, hidden_size: int, labels: int, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.value_size = hidden_size
        self.first = nn.Linear(hidden_size, hidden_size, bias=False)
        self.second = nn.Parameter(torch.empty(labels, hidden_size))
        self.weight = nn.Parameter(torch.empty(labels, hidden_size))
        self.bias = nn.Parameter(torch.zeros(labels))
        for weight in (self.first.weight, self.second, self.weight):
            nn.init.normal_(weight, std=initial_std(hidden_size), generator=generator)

    def attention_scores(self, hidden: Tensor, outputs: Tensor) -> Tensor:
        return self.second[outputs] @ torch.tanh(self.first(hidden)).transpose(-1, -2)

    def values(self, hidden: Tensor) -> Tensor:
        return hidden

    def head(self, pooled: Tensor, outputs: Tensor) -> Tensor:
        return (pooled * self.weight[outputs]).sum(-1) + self.bias[outputs]

    def head_gradient(self, pooled: Tensor, outputs: Tensor) -> Tensor:
        return self.weight[outputs]

    def pull_values(self, gradient: Tensor) -> Tensor:
        return gradient

    def pull_scores(self, hidden: Tensor, gradient: Tensor, outputs: Tensor) -> Tensor:
        slope = 1 - torch.tanh(self.first(hidden)) ** 2
        return (gradient[..., None] * slope * self.second[outputs][:, None, :]) @ self.first.weight

    def score_steepness(self, outputs: Tensor) -> Tensor:
        steepest: Tensor = torch.linalg.matrix_norm(self.first.weight, 2)
        return self.second[outputs].pow(2).sum(-1).sqrt() * steepest


DECODERS: dict[str, type[CrossAttention] | type[LaatAttention]] = {"plm_ca": CrossAttention, "laat": LaatAttention}
