"""Jacobian regularisation: a model whose logits hardly change with its input, whatever the label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from pellucid.errors import PellucidError
from pellucid.predictors.forward import Forward
from pellucid.registry import objectives
from pellucid.training.objectives.base import Facts
from pellucid.training.step import Step


@objectives.register("jacobian")
@dataclass(frozen=True)
class JacobianNorm(Facts):
    """Mean over cases of the squared slope of the logits along one random direction: `1/B sum_b n_b ||J_b^T u_b||^2`.

    `J_b` are the derivatives of the logits of case b with respect to its `n_b` features (values of all tokens, pixels, samples
    or measurements), and `u_b` is drawn uniformly from the unit sphere in the space of labels, anew in every step. The mean
    over draws is the mean over labels of the squared gradient, ||J_b||_F^2 / C, times n_b. So the weight needs no change with
    the number of labels; and none with the size of an image either: the same picture at twice the resolution has four times the
    pixels and a quarter of the gradient at each. In words: the square of the largest change of a mixture of logits under a
    shift of the features whose root mean square is 1.

    Unlike "igr", it asks nothing of the labels, and sure answers do not lower it: logits may not be steep where the loss is
    flat. The gradient is differentiated once more, exactly, through the pass that :attr:`Step.twice` asks for. Hoffman et al.
    sum over labels, and do not multiply by n_b.
    """

    name: ClassVar[str] = "jacobian"
    weight = 0.0001  # on validation phantoms slopes fall twentyfold at no cost in AUROC; ten times as much costs some
    twice = True
    cites = "Hoffman et al. 2019, section 2.2 (one random projection); Drucker & LeCun 1992"

    def __call__(self, step: Step) -> Float[Tensor, ""]:
        clean = step.clean
        if not clean.features.requires_grad:
            raise PellucidError("The objective 'jacobian' needs gradients down to the features; train without frozen_layers.")
        with torch.autocast(step.model.device.type, enabled=False):
            logits = clean.logits.float()
            drawn = torch.randn(logits.shape).to(logits)  # on the CPU, so that every device sees the same
            mixed = (normalize(drawn, dim=-1) * logits).sum()
            (gradient,) = torch.autograd.grad(mixed, clean.features, create_graph=True)
            slopes = (gradient.float() * clean.real[..., None]).square().sum((1, 2))
            return (_by_case(slopes, clean) * _values(clean)).mean()


def _values(clean: Forward) -> Float[Tensor, " B"]:
    """How many numbers the features of each case are."""
    return _by_case(clean.real.sum(1).float(), clean) * clean.features.shape[-1]


def _by_case(blocks: Float[Tensor, " M"], clean: Forward) -> Float[Tensor, " B"]:
    """The sum over the blocks of each case."""
    return blocks.new_zeros(len(clean.logits)).index_add(0, clean.case, blocks)
