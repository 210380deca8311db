"""Embedding-weighted attributions: what pixels bring to the coordinates of the image's embedding that the sentence asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from pellucid.attribution import Attribution
from pellucid.explainers.base import Facts
from pellucid.explainers.sentences.asking import asked, attributed, sides
from pellucid.predictor import Batch, Embeddings, Network, Predictor, require
from pellucid.registry import explainers
from pellucid.target import Target


@explainers.register("embedding_vjp")
@dataclass(frozen=True)
class EmbeddingVjp(Facts):
    """Input times gradient of the cosine of image and sentence, `sum_d x_d * d cos(e, t) / d x_d`, d the channels.

    Published as `sum_k t_k H_k`, where H_k attributes coordinate k of the embedding e (scaled to length 1) to the pixels, and
    t is the sentence's embedding, likewise. With input times gradient for H that is the sentence's embedding times the
    Jacobian: one backward pass instead of one a coordinate. The local part of the score has no say in it.

    Cost: one forward pass an image and one a sentence, and one backward pass a target.
    """

    signed = True
    needs = ("sentence_alignment", "network", "shared_space")
    modalities = ("image",)
    cites = "Sadeghi et al. 2024 (explaining MedCLIP through weighted embeddings), with one vector-Jacobian product"
    name = "embedding_vjp"

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        require(predictor, self.needs, self.name)
        said = asked(predictor, targets, opposites=True)
        _, texts = sides(predictor, batch, said.texts)
        wanted = said.weights.to(texts.whole) @ normalize(texts.whole, dim=-1)
        products = _products(predictor, batch, wanted)
        return [attributed(self, predictor, batch, i, targets, scores) for i, scores in enumerate(products)]


@torch.enable_grad()
def _products(predictor: Predictor, batch: Batch, wanted: Float[Tensor, "K d"]) -> Float[Tensor, "B K L"]:
    """Pixels times the gradient of the embedding along each direction, summed over channels."""
    pixels = cast(Network, predictor).pixels(batch).detach().requires_grad_()
    along = (normalize(cast(Embeddings, predictor).embed(pixels), dim=-1) @ wanted.T).sum(0)
    found = [torch.autograd.grad(total, pixels, retain_graph=True)[0] * pixels.detach() for total in along]
    return torch.stack([product.sum(1).flatten(1) for product in found], 1)
