"""Dense similarity: how well each region fits the sentence as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from pellucid.attribution import Attribution
from pellucid.errors import PellucidError
from pellucid.explainers.base import Facts
from pellucid.explainers.images.separable import along
from pellucid.explainers.sentences.asking import asked, attributed, sides
from pellucid.explainers.sentences.regional import over_pixels
from pellucid.predictor import Batch, ImageSide, Predictor, RegionPooling, missing_capabilities, require
from pellucid.registry import explainers
from pellucid.target import Target


@explainers.register("dense_cosine")
@dataclass(frozen=True)
class DenseCosine(Facts):
    """The cosine of each region's embedding and the sentence's, smoothed by a Gaussian over the cells, at the pixels.

    A region is embedded as an image that consists of it alone, where the model makes images of their regions; else regions are
    taken to lie where images and sentences are compared, as the projected patches of a model of the CLIP type do.

    The Gaussian is renormalised at the border, so that a constant map stays constant. Regions that are boxes are not smoothed.

    Cost: one forward pass an image and one a sentence.

    Args:
        sigma: of the Gaussian, in cells; 0 for none.

    Raises:
        PellucidError: a negative sigma.
    """

    sigma: float = 1.5
    signed = True
    needs = ("sentence_alignment", "shared_space")
    modalities = ("image",)
    cites = "Boecking et al. 2022 (BioViL), section 4.3"
    name = "dense_cosine"

    def __post_init__(self) -> None:
        if not 0 <= self.sigma < float("inf"):
            raise PellucidError(f"The sigma of dense_cosine is {self.sigma}; give a number of cells, 0 for no smoothing.")

    @torch.no_grad()
    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        require(predictor, self.needs, self.name)
        said = asked(predictor, targets, opposites=False)
        images, texts = sides(predictor, batch, said.texts)
        cosines = _embedded(predictor, images) @ normalize(texts.whole, dim=-1).T
        maps = torch.einsum("brs,ks->bkr", cosines, said.weights.to(cosines))
        if images.boxes is None:
            maps = smoothed(maps.flatten(0, 1).unflatten(1, images.grid), self.sigma).reshape(maps.shape)
        return [attributed(self, predictor, batch, i, targets, over_pixels(m, images, batch, i)) for i, m in enumerate(maps)]


def smoothed(maps: Float[Tensor, "N h w"], sigma: float) -> Float[Tensor, "N h w"]:
    """Maps blurred by a Gaussian of the given width in cells, which reaches no further than the border."""
    if sigma == 0:
        return maps
    return along(maps, [_blur(n, sigma).to(maps) for n in maps.shape[1:]])


def _blur(cells: int, sigma: float) -> Float[Tensor, "n n"]:
    place = torch.arange(cells, dtype=torch.float64)
    kernel = torch.exp(-((place[:, None] - place) ** 2) / (2 * sigma**2))
    return kernel / kernel.sum(1, keepdim=True)


def _embedded(predictor: Predictor, images: ImageSide) -> Float[Tensor, "B R d"]:
    if missing_capabilities(predictor, ("region_pooling",)):
        return normalize(images.regions, dim=-1)
    alone = cast(RegionPooling, predictor).pooled(images.regions.flatten(0, 1)[:, None])
    return normalize(alone.unflatten(0, images.regions.shape[:2]), dim=-1)
