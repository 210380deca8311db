"""Guided backpropagation: gradients of which rectifiers send back the positive part alone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pellucid.attribution import Attribution
from pellucid.errors import CapabilityError
from pellucid.explainers.base import Facts, attribute
from pellucid.explainers.gradients import largest
from pellucid.explainers.images.graph import blank, name_of, operations
from pellucid.predictor import Batch, Network, Predictor, require
from pellucid.predictors.plain import gradient
from pellucid.registry import explainers
from pellucid.target import Target

_RECTIFIERS = (nn.ReLU, nn.ReLU6)
_RECTIFYING = ("Relu", "Hardtanh")
"""The operations that these modules are made of."""


@explainers.register("guided_backpropagation")
@dataclass(frozen=True)
class GuidedBackpropagation(Facts):
    """The gradient of the logit, of which every rectifier (ReLU, ReLU6) passes back the positive part alone; the largest
    absolute value over channels.

    It shows edges that raise a neuron on the way to the logit. Maps of different targets resemble each other, and stay much the
    same when the upper layers are randomised (Adebayo et al. 2018): compare it with the edge map before you trust it.

    Cost: one forward pass, and one backward pass a target.

    Raises:
        CapabilityError: the network has no rectifiers, or calls one as a function, where no rule can reach it.
    """

    needs = ("network",)
    modalities = ("image",)
    cites = "Springenberg et al. 2015, section 3.4"
    name = "guided_backpropagation"

    def lacking(self, predictor: Predictor) -> str | None:
        """Rectifiers that can be reached, of a network tried on a black image."""
        given = blank(predictor)
        if given is None:
            return None
        _, scores, seen = _run(predictor, given, [Target.label(predictor.labels[0])])
        if seen and not _hidden(scores, seen):
            return None
        return "rectifiers, and all of them nn.ReLU modules" if seen else "nn.ReLU modules"

    @torch.enable_grad()
    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        require(predictor, self.needs, self.name)
        x, scores, seen = _run(predictor, batch, targets)
        _check(scores, seen)
        totals = scores.sum(0).unbind()
        rows = [largest(gradient(total, x, again=k + 1 < len(totals))) for k, total in enumerate(totals)]
        return [attribute(self, predictor, batch, i, targets, torch.stack([r[i] for r in rows])) for i in range(len(batch))]


@contextlib.contextmanager
def passing_positive(module: nn.Module) -> Iterator[list[Any]]:
    """While open, forward passes leave a graph whose rectifiers send back the positive part of what they get.

    The list that is given collects the operations of the rectifiers. The backward pass may run after the context is closed.
    """
    seen: list[Any] = []

    def hook(_: nn.Module, __: Any, output: Tensor) -> None:
        if output.requires_grad:
            seen.append(output.grad_fn)
            output.register_hook(lambda gradient: gradient.clamp(min=0))

    handles = [part.register_forward_hook(hook) for part in module.modules() if isinstance(part, _RECTIFIERS)]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


@torch.enable_grad()
def _run(
    predictor: Predictor, batch: Batch, targets: Sequence[Target]
) -> tuple[Float[Tensor, "B L D"], Float[Tensor, "B K"], list[Any]]:
    """Features, targets in a graph that sends back positive parts, and the operations of the rectifiers that do."""
    x = predictor.features(batch).detach().requires_grad_()
    with passing_positive(cast(Network, predictor).module) as seen:
        return x, predictor.scores(x, batch, targets), seen


def _hidden(scores: Tensor, seen: Sequence[Any]) -> bool:
    """Whether a rectifier is called where no rule can reach it."""
    return any(name_of(node) in _RECTIFYING and node not in seen for node in operations(scores))


def _check(scores: Tensor, seen: Sequence[Any]) -> None:
    if not seen and scores.requires_grad:  # else no gradient comes back at all, which is said where it is asked for
        raise CapabilityError(
            "Guided backpropagation needs a network with nn.ReLU modules; choose another method for this model."
        )
    if _hidden(scores, seen):
        raise CapabilityError(
            "The network calls a ReLU as a function, where guided backpropagation cannot reach it; make it an nn.ReLU module, "
            "or choose another method."
        )
