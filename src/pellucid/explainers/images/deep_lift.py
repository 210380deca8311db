"""DeepLIFT with the rescale rule: what each pixel adds on the way from the reference to the image."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.attribution import Attribution
from pellucid.errors import CapabilityError
from pellucid.explainers.base import Facts, attribute
from pellucid.explainers.images.graph import blank, is_affine, name_of, operations
from pellucid.explainers.images.rescale import straightened
from pellucid.predictor import Batch, Network, Predictor, require
from pellucid.predictors.image_classifier.opened import checked, still, without_parameters
from pellucid.predictors.plain import gradient
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
    reach them) is refused, as other implementations are silently wrong there. So is a network whose scores do not add up: its
    activations are given something else than one image after the other, and lines are drawn between the wrong numbers.

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

    def lacking(self, predictor: Predictor) -> str | None:
        """The rule that is not known, or sums that do not come out, of a network tried on a black image."""
        given = blank(predictor)
        if given is None:
            return None
        with _straight(predictor, given) as (_, logits):
            node = _unruled(logits)
        if node is not None:
            name = name_of(node).lower()
            return f"a rule for all that it computes (there is none for {name!r} unless nn.ReLU and its like do it)"
        adds_up = _lifted(predictor, given, [Target.label(predictor.labels[0])]).adds_up
        return None if adds_up else "activations that are given one image after the other"

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        require(predictor, self.needs, self.name)
        found = _lifted(predictor, batch, targets)
        if not found.adds_up:
            raise CapabilityError(
                "DeepLIFT's scores do not add up to the change of the output, as an activation of the network is given "
                "something else than one image after the other; choose integrated_gradients."
            )
        gaps = found.gap.cpu().numpy()
        return [
            attribute(self, predictor, batch, i, targets, scores, {"completeness_gap": gaps[i]})
            for i, scores in enumerate(found.scores)
        ]


class _Lifted(NamedTuple):
    """Contributions, what they miss of f(x) - f(x'), and how much of that may be rounding; float64."""

    scores: Float[Tensor, "B K L"]
    gap: Float[Tensor, "B K"]
    rounding: Float[Tensor, "B K"]

    @property
    def adds_up(self) -> bool:
        return not bool((self.gap.abs() > self.rounding).any())


def _lifted(predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> _Lifted:
    resolved = resolve(targets, predictor.labels)
    with _straight(predictor, batch) as (at, logits):
        node = _unruled(logits)
        if node is not None:
            raise CapabilityError(
                f"DeepLIFT has no rule for the operation {name_of(node).lower()!r}, which the network computes outside of the "
                "modules that have one; make it a module such as nn.ReLU, or choose integrated_gradients."
            )
        scores = logits[:, resolved.outputs] @ resolved.weights.to(logits).T
        totals = scores[: len(at)].sum(0).unbind()
        rows = [gradient(total, at, again=k + 1 < len(totals)) for k, total in enumerate(totals)]
    change = at.detach() - _references(predictor, batch)
    products = torch.stack([(change.double() * row.double()).sum(1).flatten(1) for row in rows], 1)
    above, below = scores.detach().double().chunk(2)
    size = products.abs().sum(-1) + above.abs() + below.abs()
    return _Lifted(products, above - below - products.sum(-1), torch.finfo(at.dtype).eps ** 0.5 * size)


@contextlib.contextmanager
def _straight(predictor: Predictor, batch: Batch) -> Iterator[tuple[Float[Tensor, "B D *S"], Float[Tensor, "2*B C"]]]:
    """While open, the images and the logits of images and references, straight lines between them.

    To be sent back while it is open: a network may compute parts of itself anew then, by the same rules.
    """
    module = cast(Network, predictor).module
    at = cast(Network, predictor).pixels(batch).detach().clone().requires_grad_()
    with torch.enable_grad(), still(module), without_parameters(module), straightened(module):
        logits = module(torch.cat([at, _references(predictor, batch)]))
        yield at, checked(logits, 2 * len(at), len(predictor.labels))


def _references(predictor: Predictor, batch: Batch) -> Float[Tensor, "B D *S"]:
    pixels = cast(Network, predictor).pixels(batch)
    return predictor.reference(batch).transpose(1, 2).reshape(pixels.shape)


def _unruled(logits: Tensor) -> Any:
    """An operation that no rule is known for; None if there is none."""
    return next((node for node in operations(logits) if not is_affine(node)), None)
