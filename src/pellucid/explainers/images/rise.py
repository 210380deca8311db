"""RISE: the mean score of randomly masked images, by which of them show a pixel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from scipy.special import expit, softmax
from torch import Tensor

from pellucid.attribution import Attribution
from pellucid.explainers.base import Facts, attribute
from pellucid.explainers.images.random_masks import RandomMasks
from pellucid.explainers.images.versions import pixel_units, soft_scores, targeted
from pellucid.predictor import Batch, Filler, Predictor
from pellucid.registry import explainers
from pellucid.target import Target

Reads = Literal["logit", "probability"]


@explainers.register("rise_published", reads="probability")
@explainers.register("rise")
@dataclass(frozen=True)
class Rise(Facts):
    """What a random half of the image scores if it shows the pixel: `sum_n f(x * M_n) M_n / (N E[M])`, M_n soft random masks.

    `rise` reads logits and subtracts their mean over the masks first. That takes one number from the whole map, so that
    positive means above average, and with it most of the noise: without it every pixel gets the mean score times the accident
    of how often it was shown. `rise_published` is the formula as published: probabilities, of which nothing is subtracted.
    Both share their masks and their forward passes.

    Of a linear model with the contributions c_q it expects `sum_q c_q Cov(M_q, M_p) / E[M]`: contributions, blurred over about
    a cell.

    Cost: `masks` forward passes, for all targets together. Masks are made block by block and twice (once for the model, once
    for the map), so that the memory needed does not depend on their number.

    Facts: `standard_error`, the root mean square over pixels of the Monte-Carlo error; `mean`, the mean score over the masks.

    Args:
        masks: how many. The authors use 4,000 to 8,000 (here it is 2,000): the error falls with the square root.
        grid: cells along each axis.
        keep: probability that a cell stays.
        filler: "mask", "blur" or "noise".
        seed: of the masks, which depend on it and on the case's id, never on the targets.
        reads: what of the model's output; "probability" also leaves the mean in.

    Raises:
        PellucidError: masks that cannot be drawn.
    """

    masks: int = 2000
    grid: int = 7
    keep: float = 0.5
    filler: Filler = "mask"
    seed: int = 0
    reads: Reads = "logit"
    signed = True
    stochastic = True
    needs = ("soft_masks",)
    modalities = ("image",)
    cites = "Petsiuk et al. 2018"

    def __post_init__(self) -> None:
        _ = self._drawn

    @property
    def name(self) -> str:
        return "rise" if self.reads == "logit" else "rise_published"

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        like = predictor.features(batch)

        def masks(case: int) -> Iterator[Float[Tensor, "P *S"]]:
            return self._drawn.blocks(batch.cases[case].id, pixel_units(batch, case).shape, like)

        results = []
        for i, logits in enumerate(soft_scores(predictor, batch, self._drawn, masks, self.filler)):
            scores = targeted(self._read(logits, predictor), targets, predictor.labels)
            middle = scores.mean(0)
            # Scores that sum to 0 say the same of a mask as of how far it is from its mean, which varies less.
            centred, centre = (scores - middle, self.keep) if self.reads == "logit" else (scores, 0.0)
            values, error = weighted(centred / self.keep, masks(i), centre)
            facts = {"standard_error": error, "mean": middle}
            results.append(attribute(self, predictor, batch, i, targets, values, facts))
        return results

    @property
    def _drawn(self) -> RandomMasks:
        return RandomMasks(self.masks, self.grid, self.keep, self.seed)

    def _read(self, logits: Float[np.ndarray, "P C"], predictor: Predictor) -> Float[np.ndarray, "P C"]:
        if self.reads == "logit":
            return logits
        return np.asarray(softmax(logits, axis=-1) if getattr(predictor, "exclusive", False) else expit(logits))


def weighted(
    scores: Float[np.ndarray, "P K"], masks: Iterator[Float[Tensor, "P *S"]], centre: float = 0.0
) -> tuple[Float[np.ndarray, "K U"], Float[np.ndarray, " K"]]:
    """The mean of score times (mask - centre), and the root mean square of its standard error over pixels; float64."""
    count, start = len(scores), 0
    total: Tensor | float = 0.0
    squares: Tensor | float = 0.0
    for block in masks:
        rows = block.flatten(1).double() - centre
        part = torch.from_numpy(scores[start : start + len(rows)]).to(rows)
        total, squares, start = total + part.T @ rows, squares + (part**2).T @ rows**2, start + len(rows)
    mean = torch.as_tensor(total) / count
    spread = (torch.as_tensor(squares) / count - mean**2).clamp_min(0)
    return mean.cpu().numpy(), np.sqrt(spread.mean(1).cpu().numpy() / (count - 1))
