"""How the logits of the windows become those of the text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from jaxtyping import Bool, Float
from torch import Tensor

Pooling = Literal["mean", "max", "logsumexp"]
"""`mean`: windows count alike. `max`: the window that speaks loudest for the label. `logsumexp`: the same softly; it grows by
log N where N windows say the same. A text of one window has that window's logits under each."""

POOLINGS: tuple[Pooling, ...] = get_args(Pooling)


def pool(logits: Float[Tensor, "*P N C"], present: Bool[Tensor, "*P N"], how: Pooling) -> Float[Tensor, "*P C"]:
    """Logits of texts from those of their windows; at least one window of each must be present."""
    there = present[..., None]
    if how == "mean":
        return logits.where(there, 0.0).sum(-2) / there.sum(-2)
    outside = logits.masked_fill(~there, -torch.inf)
    return outside.amax(-2) if how == "max" else outside.logsumexp(-2)


def pool_texts(logits: Float[Tensor, "M C"], counts: Sequence[int], how: Pooling) -> Float[Tensor, "B C"]:
    """Logits of texts whose windows follow each other, so many of each."""
    parts = logits.split(list(counts))
    return torch.stack([pool(part, torch.ones_like(part[:, 0], dtype=torch.bool), how) for part in parts])


def shares(logits: Float[Tensor, "N C"], how: Pooling) -> Float[Tensor, "N C"]:
    """d text logit / d window logit, label by label: non-negative, and over windows it sums to 1."""
    with torch.enable_grad():
        at = logits.detach().requires_grad_()
        pooled = pool(at, torch.ones(len(at), dtype=torch.bool, device=at.device), how)
        (result,) = torch.autograd.grad(pooled.sum(), at)
    return result
