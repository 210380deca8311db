"""How far apart two answers of a model are."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, kl_div, log_softmax

Distance = Literal["l1", "kl"]
DISTANCES: tuple[Distance, ...] = ("l1", "kl")


def distance(
    kind: Distance, logits: Float[Tensor, "B C"], towards: Float[Tensor, "B C"], *, exclusive: bool
) -> Float[Tensor, " B"]:
    """How far each case's probabilities lie from those that the logits `towards` stand for; float32, at least 0.

    Args:
        kind: "l1", the sum over labels of the absolute difference of probabilities; or "kl", the Kullback-Leibler divergence
            from `towards`, summed over labels that are questions of their own. The gradient of "l1" vanishes where
            probabilities are near 0 or 1; that of "kl" does not.
        towards: seen as given; no gradient goes there.
        exclusive: probabilities are a softmax over labels, else a sigmoid of each.
    """
    given, target = logits.float(), towards.detach().float()
    if kind == "l1":
        return (_probabilities(given, exclusive) - _probabilities(target, exclusive)).abs().sum(-1)
    if exclusive:
        return kl_div(log_softmax(given, -1), log_softmax(target, -1), reduction="none", log_target=True).sum(-1)
    share = torch.sigmoid(target)
    entropy = binary_cross_entropy_with_logits(target, share, reduction="none")
    return (binary_cross_entropy_with_logits(given, share, reduction="none") - entropy).sum(-1).clamp(min=0.0)


def _probabilities(logits: Tensor, exclusive: bool) -> Tensor:
    return torch.softmax(logits, -1) if exclusive else torch.sigmoid(logits)
