"""Grad-ECLIP, at the regions of an image and the words of a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.attribution import Attribution
from pellucid.explainers.base import Facts
from pellucid.explainers.sentences.asking import Asked, asked, attributed, remade, sides
from pellucid.explainers.sentences.regional import over_pixels
from pellucid.predictor import Batch, ImageSide, Predictor, SentenceAlignment, TextSide, require
from pellucid.registry import explainers
from pellucid.target import Target


@explainers.register("grad_eclip")
@dataclass(frozen=True)
class GradEclip(Facts):
    """What each region brings to the channels that the score wants: `relu(sum_c g_c * lambda_i * v_ic)`, at the pixels.

    The method was made for the last block of a transformer, whose class token `o = sum_i softmax(q k_i) v_i` gathers the
    values of all patches: g is dS/do, and lambda_i, the cosine of q and k_i stretched to [0, 1], takes the place of the
    softmax, which is too sparse. Here it is done at the regions that the score reads: they are v_i and k_i, and their mean is
    o and q. The score reads regions through attention as well; so g is the sum over regions of dS/dv_i, which is dS/do exactly
    where the score reads nothing but their mean. No block of the image network is opened, and dual encoders of the CLIP type,
    whose score reads no patch, are refused. Of a model whose whole image is not made of its regions, the whole is held.

    Cost: one forward pass an image and one a sentence, and a backward pass a target through the score alone.
    """

    needs = ("sentence_alignment", "region_scores")
    modalities = ("image",)
    cites = "Zhao et al. 2024 (Grad-ECLIP), equations 5 to 8"
    name = "grad_eclip"

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        require(predictor, self.needs, self.name)
        said = asked(predictor, targets, opposites=True)
        images, texts = sides(predictor, batch, said.texts)
        gradients = region_gradients(predictor, images, texts, said)
        maps = [gathered(images.regions[i], g.sum(1)) for i, g in enumerate(gradients.unbind(1))]
        return [attributed(self, predictor, batch, i, targets, over_pixels(m, images, batch, i)) for i, m in enumerate(maps)]


@torch.enable_grad()
def region_gradients(predictor: Predictor, images: ImageSide, texts: TextSide, said: Asked) -> Float[Tensor, "K B R d"]:
    """The gradient of each target with respect to the regions, through words and through the image as a whole."""
    regions = images.regions.detach().requires_grad_()
    scores = cast(SentenceAlignment, predictor).match(remade(predictor, images, regions), texts)
    totals = (scores @ said.weights.to(scores).T).sum(0)
    return torch.stack([torch.autograd.grad(total, regions, retain_graph=True)[0] for total in totals])


@torch.no_grad()
def gathered(values: Float[Tensor, "N d"], gradients: Float[Tensor, "K d"]) -> Float[Tensor, "K N"]:
    """What each row brings to the channels that the gradients of the mean row ask for, by how like the mean it is; at least 0.

    Rows that are all equally like the mean count fully.
    """
    like = torch.cosine_similarity(values, values.mean(0, keepdim=True), dim=-1)
    span = like.max() - like.min()
    share = torch.where(span > 0, (like - like.min()) / torch.where(span > 0, span, 1), 1)
    return (gradients @ values.T * share).relu()
