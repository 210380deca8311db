"""What a model makes of many versions of each image: a few masks in memory at a time, all labels at once, nothing twice.

A network that scores a version for one label has scored it for all. So the scores of all labels are kept with the batch: a
method asked for other targets, or a second method that reads the same versions, runs the network no more.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import cast

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from pellucid.explainers.images.separable import at_once
from pellucid.predictor import Batch, Filler, Predictor, SoftMasks
from pellucid.target import Target, resolve
from pellucid.units import PixelUnits

Keep = Callable[[int, slice], Bool[np.ndarray, "P U"]]
"""Given the number of a case and a range of its versions: the pixels that stay in each of them."""


def label_scores(
    predictor: Predictor, batch: Batch, about: Hashable, counts: Sequence[int], keep: Keep, filler: Filler
) -> list[Float[np.ndarray, "P C"]]:
    """Logits of all labels on `counts[i]` versions of case i.

    Args:
        about: what decides the versions, beside the batch; equal ones are scored once.
    """
    name = ("versions", about, filler, predictor.fingerprint)
    if name not in batch.memo:
        batch.memo[name] = [_scored(predictor, batch, case, count, keep, filler) for case, count in enumerate(counts)]
    return cast("list[np.ndarray]", batch.memo[name])


def soft_scores(
    predictor: Predictor, batch: Batch, about: Hashable, masks: Callable[[int], Iterator[Float[Tensor, "P *S"]]], filler: Filler
) -> list[Float[np.ndarray, "P C"]]:
    """The same, for masks that remove pixels in part: given the number of a case, they come in blocks."""
    name = ("soft versions", about, filler, predictor.fingerprint)
    if name not in batch.memo:
        partly, labels = cast(SoftMasks, predictor), _every_label(predictor)
        with torch.no_grad():
            batch.memo[name] = [
                np.concatenate([partly.masked_scores(batch, i, m, filler, labels).cpu().numpy() for m in masks(i)])
                for i in range(len(batch))
            ]
    return cast("list[np.ndarray]", batch.memo[name])


def targeted(scores: Float[np.ndarray, "P C"], targets: Sequence[Target], labels: Sequence[str]) -> Float[np.ndarray, "P K"]:
    """The targets, of scores of all labels."""
    resolved = resolve(targets, labels)
    return np.asarray(scores[:, resolved.outputs] @ resolved.weights.numpy().T)


def pixel_units(batch: Batch, case: int) -> PixelUnits:
    """The pixels that scores of a case are about."""
    return cast(PixelUnits, batch.units[case])


def image(features: Float[Tensor, "B L D"], batch: Batch, case: int) -> Float[Tensor, "D *S"]:
    """The features of one case as an image."""
    rows = features[case][batch.rows[case]].T
    return rows.reshape(len(rows), *pixel_units(batch, case).shape)


def _scored(predictor: Predictor, batch: Batch, case: int, count: int, keep: Keep, filler: Filler) -> Float[np.ndarray, "P C"]:
    labels, step = _every_label(predictor), at_once(pixel_units(batch, case).shape)
    none = [np.ones((0, len(units)), dtype=bool) for units in batch.units]
    blocks = []
    for start in range(0, count, step):
        masks = [*none[:case], keep(case, slice(start, min(count, start + step))), *none[case + 1 :]]
        blocks.append(predictor.perturbed_scores(batch, masks, filler, labels)[case])
    return np.concatenate(blocks)


def _every_label(predictor: Predictor) -> list[Target]:
    return [Target.label(label) for label in predictor.labels]
