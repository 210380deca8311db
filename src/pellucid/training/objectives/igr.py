"""Input gradient regularisation: a model whose loss hardly changes with its input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.errors import PellucidError
from pellucid.predictors.forward import Forward
from pellucid.registry import objectives
from pellucid.training.objectives.base import Facts
from pellucid.training.step import Step

Norm = Literal["case", "token"]


@objectives.register("igr")
@dataclass(frozen=True)
class InputGradients(Facts):
    """Mean over cases of the norm of the gradient of the case's loss: `1/B sum_b ||dL_b / dx_b||`.

    `L_b` is what "bce" is for that case alone, and `x_b` the output of the embedding block at its tokens. So neither batch
    mates nor padding count, and the weight is a length that needs no change with the number of labels: to first order,
    `bce + w * igr` is the loss where every case is shifted by at most `w` to where it is worst.

    The gradient is differentiated once more, exactly, through the pass that :attr:`Step.twice` asks for. (The released code of
    Edin et al. 2024 takes the rows of the word table in place of the tokens of a case.)

    Attributes:
        norm: "case" is the Euclidean norm over all tokens of a case, and the weight the length of its whole shift; "token" is
            the sum of the norms of its tokens, and the weight the length of each token's shift.
    """

    name: ClassVar[str] = "igr"
    weight = 0.5
    twice = True
    cites = "Drucker & LeCun 1992; Edin et al. 2024, section 3 (IGR)"

    norm: Norm = "case"

    def __post_init__(self) -> None:
        if self.norm not in ("case", "token"):
            raise PellucidError(f"The objective 'igr' has norm={self.norm}; it must be case or token.")

    def __call__(self, step: Step) -> Float[Tensor, ""]:
        clean, cases = step.clean, len(step.truth)
        if not clean.features.requires_grad:
            raise PellucidError("The objective 'igr' needs gradients down to the embeddings; train without frozen_layers.")
        with torch.autocast(step.model.device.type, enabled=False):
            total = step.loss(clean.logits) * cases
            (gradient,) = torch.autograd.grad(total, clean.features, create_graph=True)
            gradient = gradient.float() * clean.real[..., None]
            norms = gradient.norm(dim=-1) if self.norm == "token" else _by_case(gradient, clean)
        return norms.sum() / cases


def _by_case(gradient: Float[Tensor, "M R d"], clean: Forward) -> Float[Tensor, " B"]:
    """Norm of each case's rows. (Of nothing but zeros it has the gradient 0; the root of a sum of squares would have none.)"""
    blocks = torch.bincount(clean.case, minlength=len(clean.logits)).tolist()
    return torch.stack([rows.norm() for rows in gradient.split(blocks)])
