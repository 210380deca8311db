"""RELAX: which pixels an embedding is about, and how sure that is. No label is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from pellucid.attribution import Attribution
from pellucid.explainers.base import Facts, attribute
from pellucid.explainers.images.random_masks import RandomMasks
from pellucid.explainers.images.versions import image, pixel_units
from pellucid.predictor import Batch, Embeddings, Predictor
from pellucid.registry import explainers
from pellucid.target import Target

Shows = Literal["importance", "uncertainty", "certain"]
_NAMES: dict[Shows, str] = {"importance": "relax", "uncertainty": "relax_uncertainty", "certain": "u_relax"}


@explainers.register("relax_uncertainty", shows="uncertainty")
@explainers.register("u_relax", shows="certain")
@explainers.register("relax")
@dataclass(frozen=True)
class Relax(Facts):
    """How near the embedding of a randomly masked image stays to that of the whole, if the mask shows the pixel.

    The importance R of a pixel is the mean cosine similarity over masks, weighted by how much each shows of the pixel, and its
    uncertainty U the variance about R under the same weights. `relax` shows R, `relax_uncertainty` U (a map of where R is to be
    doubted, no explanation), and `u_relax` R where U is below its mean over the image, else 0. All three share their passes.
    An embedding knows no label, so all targets get the same map.

    Cost: `masks` + 1 forward passes, whatever the targets. Memory does not depend on the number of masks.

    Facts: `uncertainty`, the mean of U over the image.

    Args:
        masks: how many. The authors use 3,000 (here it is 2,000).
        grid: cells along each axis.
        keep: probability that a cell stays; what goes is replaced by the mean colour.
        seed: of the masks, which depend on it and on the case's id.
        shows: "importance", "uncertainty" or "certain".

    Raises:
        PellucidError: masks that cannot be drawn.
    """

    masks: int = 2000
    grid: int = 7
    keep: float = 0.5
    seed: int = 0
    shows: Shows = "importance"
    signed = True
    stochastic = True
    needs = ("embeddings",)
    modalities = ("image",)
    cites = "Wickstrøm et al. 2021"

    def __post_init__(self) -> None:
        _ = self._drawn

    @property
    def name(self) -> str:
        return _NAMES[self.shows]

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        results = []
        for i in range(len(batch)):
            importance, uncertainty = self._maps(predictor, batch, i)
            certain = np.where(uncertainty < uncertainty.mean(), importance, 0.0)
            shown = {"importance": importance, "uncertainty": uncertainty, "certain": certain}[self.shows]
            facts = {"uncertainty": np.full(len(targets), uncertainty.mean())}
            results.append(attribute(self, predictor, batch, i, targets, np.tile(shown, (len(targets), 1)), facts))
        return results

    @property
    def _drawn(self) -> RandomMasks:
        return RandomMasks(self.masks, self.grid, self.keep, self.seed)

    def _maps(self, predictor: Predictor, batch: Batch, case: int) -> tuple[np.ndarray, np.ndarray]:
        name = ("relax", case, self._drawn, predictor.fingerprint)
        if name not in batch.memo:
            whole, gone = (image(f, batch, case) for f in (predictor.features(batch), predictor.reference(batch)))
            size = pixel_units(batch, case).shape
            batch.memo[name] = importances(
                cast(Embeddings, predictor), whole, gone, self._drawn.blocks(batch.cases[case].id, size, whole)
            )
        return cast("tuple[np.ndarray, np.ndarray]", batch.memo[name])


@torch.no_grad()
def importances(
    predictor: Embeddings, whole: Float[Tensor, "D *S"], gone: Float[Tensor, "D *S"], masks: Iterator[Float[Tensor, "P *S"]]
) -> tuple[Float[np.ndarray, " U"], Float[np.ndarray, " U"]]:
    """Importance and uncertainty of every pixel; float64. A pixel that no mask shows has neither, and gets 0.

    Args:
        whole: the image.
        gone: what takes the place of pixels that are removed.
    """
    known = predictor.embed(whole[None]).double()
    weight, first, second = (torch.zeros(whole[0].numel(), dtype=torch.float64, device=whole.device) for _ in range(3))
    for block in masks:
        shown = block[:, None]
        embedded = predictor.embed(gone + shown * (whole - gone)).double()
        # Counted from 1, which is where similarities lie, so that the variance is no difference of large numbers.
        missed = 1 - functional.cosine_similarity(embedded, known)
        rows = block.flatten(1).double()
        weight, first, second = weight + rows.sum(0), first + missed @ rows, second + missed**2 @ rows
    shared = weight.clamp_min(torch.finfo(torch.float64).tiny)
    mean = first / shared
    importance = torch.where(weight > 0, 1 - mean, 0.0)
    return importance.cpu().numpy(), (second / shared - mean**2).clamp_min(0).cpu().numpy()
