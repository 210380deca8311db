"""DeepLIFT with the rescale rule: what each pixel adds on the way from the reference to the image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.attribution import Attribution
from pellucid.errors import CapabilityError
from pellucid.explainers.base import Facts, attribute
from pellucid.explainers.images.graph import is_affine, name_of, operations
from pellucid.explainers.images.rescale import straightened
from pellucid.predictor import Batch, Network, Predictor, require
from pellucid.predictors.image_classifier.opened import still, without_parameters
from pellucid.registry import explainers
from pellucid.target import Target, resolve


@explainers.register("deep_lift")
@dataclass(frozen=True)
class DeepLift(Facts):
    """`sum_d (x - x')_d m_d`, m being the gradient of a network whose activations are straight lines between what they give
    on the image and on the reference (the rescale rule). Scores add up to f(x) - f(x') but for rounding, the fact
    `completeness_gap`.

    Between activations the network must be linear: convolutions, linear layers, norms by what they learnt, sums, averages. What
    is not (attention, products of two branches as in squeeze-and-excitation, layer norms, functions called where no rule can
    reach them) is refused, as other implementations are silently wrong there.

    Cost: one forward pass over image and reference, and one backward pass a target.

    Raises:
        CapabilityError: the network computes something that no rule is known for.
    """

    signed = True
    complete = True
    needs = ("network",)
    modalities = ("image",)
    cites = "Shrikumar et al. 2017, section 3.5.1 (rescale rule)"
    name = "deep_lift"

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        require(predictor, self.needs, self.name)
        scores, change = _lifted(cast(Network, predictor), predictor, batch, targets)
        gap = (change - scores.sum(-1)).cpu().numpy()
        return [
            attribute(self, predictor, batch, i, targets, found, {"completeness_gap": gap[i]}) for i, found in enumerate(scores)
        ]


@torch.enable_grad()
def _lifted(
    network: Network, predictor: Predictor, batch: Batch, targets: Sequence[Target]
) -> tuple[Float[Tensor, "B K L"], Float[Tensor, "B K"]]:
    """Contributions, and f(x) - f(x'); float64."""
    x = network.pixels(batch)
    reference = predictor.reference(batch).transpose(1, 2).reshape(x.shape)
    at = x.detach().clone().requires_grad_()
    with still(network.module), without_parameters(network.module), straightened(network.module):
        logits = network.module(torch.cat([at, reference]))
    _check(logits)
    resolved = resolve(targets, predictor.labels)
    scores = logits[:, resolved.outputs] @ resolved.weights.to(logits).T
    rows = [torch.autograd.grad(scores[: len(x), k].sum(), at, retain_graph=True)[0] for k in range(len(targets))]
    products = [((x - reference).double() * row.double()).sum(1).flatten(1) for row in rows]
    above, below = scores.detach().double().chunk(2)
    return torch.stack(products, 1), above - below


def _check(logits: Tensor) -> None:
    for node in operations(logits):
        if not is_affine(node):
            raise CapabilityError(
                f"DeepLIFT has no rule for the operation {name_of(node).lower()!r}, which the network computes outside of the "
                "modules that have one; make it a module such as nn.ReLU, or choose integrated_gradients."
            )
