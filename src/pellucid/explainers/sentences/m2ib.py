"""The information bottleneck: how much of each region has to get through for the sentence to fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import logsigmoid

from pellucid.attribution import Attribution
from pellucid.errors import PellucidError
from pellucid.explainers.base import Facts
from pellucid.explainers.sentences.asking import asked, attributed, remade, row, sides
from pellucid.explainers.sentences.regional import over_pixels
from pellucid.predictor import Batch, Predictor, SentenceAlignment, require
from pellucid.randomness import stream
from pellucid.registry import explainers
from pellucid.target import Target

Score = Callable[[Float[Tensor, "N R d"]], Float[Tensor, " N"]]

_OPEN = 5.0  # of a logit: at the start nearly all gets through
_LEAST = 1e-6  # standard deviation of a channel that is the same in all regions


@explainers.register("m2ib")
@dataclass(frozen=True)
class M2ib(Facts):
    """Information that a bottleneck lets through at each region, in nats, summed over channels, at the pixels.

    Regions h are mixed with noise, `z = lambda * h + (1 - lambda) * eps`, eps normal with mean and variance of each channel
    over the image, and one lambda in (0, 1) for each region and channel is sought that minimises

        beta * mean KL(q(z | h) || N(mu, sigma^2)) - score(z, sentence)

    What is not needed for the sentence to fit is replaced by noise, and a region of which nothing is left tells nothing. Here
    the bottleneck stands at the regions that the score reads, not inside the network; of a model whose whole image is not made
    of them, the whole is held. Scores are logits, of which a unit is about a tenth of a cosine; so `beta` is ten times the
    published 0.1.

    Cost: one forward pass an image and one a sentence; then `steps` forward and backward passes of `samples` versions through
    the score alone, for each target.

    Args:
        beta: price of information.
        steps: of Adam.
        samples: of noise in each step.
        rate: of Adam.
        seed: of the noise, which depends on it, on the case's id and on the target.

    Raises:
        PellucidError: a setting that is not positive.
    """

    beta: float = 1.0
    steps: int = 20
    samples: int = 8
    rate: float = 1.0
    seed: int = 0
    stochastic = True
    needs = ("sentence_alignment", "region_scores")
    modalities = ("image",)
    cites = "Wang et al. 2023 (M2IB), equations 4 to 7; Schulz et al. 2020"
    name = "m2ib"

    def __post_init__(self) -> None:
        wrong = next((name for name in ("beta", "steps", "samples", "rate") if not getattr(self, name) > 0), None)
        if wrong is not None:
            raise PellucidError(f"The {wrong} of m2ib is {getattr(self, wrong)}; it must be above 0.")

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        require(predictor, self.needs, self.name)
        said = asked(predictor, targets, opposites=True)
        images, _ = sides(predictor, batch, said.texts)
        results = []
        for i in range(len(batch)):
            maps = torch.stack([self._informed(predictor, batch, i, target) for target in targets])
            results.append(attributed(self, predictor, batch, i, targets, over_pixels(maps, images, batch, i)))
        return results

    def _informed(self, predictor: Predictor, batch: Batch, case: int, target: Target) -> Float[Tensor, " R"]:
        said = asked(predictor, [target], opposites=True)
        images, texts = sides(predictor, batch, said.texts)
        image, weights = row(images, case), said.weights[0].to(images.regions)
        random = stream(self.seed, self.name, batch.cases[case].id, target.name)

        def score(regions: Float[Tensor, "N R d"]) -> Float[Tensor, " N"]:
            return cast(SentenceAlignment, predictor).match(remade(predictor, image, regions), texts) @ weights

        def noise() -> Float[Tensor, "N R d"]:
            return torch.from_numpy(random.standard_normal((self.samples, *image.regions.shape[1:]))).to(image.regions)

        return information(self._opened(image.regions[0], score, noise), image.regions[0]).sum(-1)

    @torch.enable_grad()
    def _opened(
        self, regions: Float[Tensor, "R d"], score: Score, noise: Callable[[], Float[Tensor, "N R d"]]
    ) -> Float[Tensor, "R d"]:
        """Logits of lambda that minimise the loss."""
        gate = torch.full_like(regions, _OPEN).requires_grad_()
        optimiser = torch.optim.Adam([gate], lr=self.rate)
        mean, deviation = _spread(regions)
        for _ in range(self.steps):
            through = torch.sigmoid(gate)
            mixed = through * regions + (1 - through) * (mean + deviation * noise())
            loss = self.beta * information(gate, regions).mean() - score(mixed).mean()
            (gate.grad,) = torch.autograd.grad(loss, gate)  # weights of the model get none
            optimiser.step()
        return gate.detach()


def information(gate: Float[Tensor, "R d"], regions: Float[Tensor, "R d"]) -> Float[Tensor, "R d"]:
    """KL(q(z | h) || N(mu, sigma^2)) in nats, for each entry; at least 0, and 0 where nothing gets through.

    q is normal with mean `lambda h + (1 - lambda) mu` and deviation `(1 - lambda) sigma`.

    Args:
        gate: logits of lambda.
    """
    mean, deviation = _spread(regions)
    through, held = torch.sigmoid(gate), torch.sigmoid(-gate)
    away = through * (regions - mean) / deviation
    # The first two parts are at least 0 together, of which rounding may leave a little less.
    return ((held**2 - 1) / 2 - logsigmoid(-gate)).clamp(min=0) + away**2 / 2


def _spread(regions: Float[Tensor, "R d"]) -> tuple[Float[Tensor, " d"], Float[Tensor, " d"]]:
    """Mean and standard deviation of each channel over the image."""
    return regions.mean(0), regions.std(0, correction=0).clamp(min=_LEAST)
