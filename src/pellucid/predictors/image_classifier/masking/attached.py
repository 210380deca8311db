"""What a model with mask networks can be asked: masks of targets and areas, and Shapley values on a grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from pellucid.errors import CapabilityError, PellucidError
from pellucid.predictor import Batch
from pellucid.predictors.image_classifier.masking.masker import Masker
from pellucid.randomness import stream
from pellucid.target import Target, resolve

if TYPE_CHECKING:
    from pellucid.predictors.image_classifier.model import ImageClassifier

CAPABILITY = {
    "nemt": "mask_network",
    "nemt2025": "published_mask_network",
    "nem_u": "embedding_mask_network",
    "nem_u_text": "sentence_mask_network",
    "fastshap": "shapley_network",
}
"""What a model can do with each mask network."""


HOW = {name: f"--objective {name}" for name in CAPABILITY} | {"nemt2025": "--preset nemt2025"}


def lacking(model: ImageClassifier) -> frozenset[str]:
    """Capabilities of the mask networks that the model does not have."""
    return frozenset(capability for name, capability in CAPABILITY.items() if name not in model.maskers)


def masker_of(model: ImageClassifier, name: str) -> Masker:
    """The mask network of that name.

    Raises:
        CapabilityError: the model has none, or one of a model with other images, labels or maps.
    """
    if name not in model.maskers:
        raise CapabilityError(f"The model has no mask network {name!r}; train one with `pellucid train {HOW[name]}`.")
    settings = model.maskers[name].settings
    labels = len(model.labels) if settings.kind in ("evidence", "values") else settings.labels
    if (settings.size, settings.labels) != (model.size, labels):
        raise CapabilityError(_foreign(name))
    try:
        for tap in settings.taps:
            model.module.get_submodule(tap)
    except AttributeError as error:
        raise CapabilityError(_foreign(name)) from error
    return model.maskers[name]


def _foreign(name: str) -> str:
    return f"The mask network {name!r} was trained for another model; train one with `pellucid train {HOW[name]}`."


@torch.no_grad()
def evidence_masks(
    model: ImageClassifier,
    batch: Batch,
    targets: Sequence[Target],
    areas: Sequence[float],
    network: str = "nemt",
    seed: int | None = None,
) -> Float[Tensor, "B K A *S"]:
    """What :meth:`pellucid.predictor.MaskNetwork.evidence_masks` promises."""
    masker = masker_of(model, network)
    read = _read(model, network, batch)
    cases, count = len(batch), len(targets)
    images = torch.arange(cases, device=model.device).repeat_interleave(count)
    asked = _asked(model, targets, masker).to(model.device)
    labels = asked.repeat(cases, *([1] * (asked.dim() - 1)))
    shares = torch.tensor(areas, dtype=read[0].dtype, device=model.device).expand(cases * count, -1)
    weights = None if seed is None else _weights(masker, batch, count, seed).to(read[0])
    masks = masker.masks(read, images, labels, shares, weights)
    return masks.view(cases, count, *masks.shape[1:])


@torch.no_grad()
def shapley_grids(model: ImageClassifier, batch: Batch, targets: Sequence[Target]) -> Float[Tensor, "B K *g"]:
    """What :meth:`pellucid.predictor.ShapleyNetwork.shapley_grids` promises."""
    masker = masker_of(model, "fastshap")
    values = masker.values(_read(model, "fastshap", batch)).double()
    pixels = model.pixels(batch)
    change = (model.logits(pixels) - model.logits(torch.zeros_like(pixels[:1]))).double()
    cells = values.flatten(2)
    even = cells + ((change - cells.sum(2)) / cells.shape[2])[..., None]
    asked = resolve(targets, model.labels)
    mixed = torch.einsum("ko,bog->bkg", asked.weights.to(even), even[:, list(asked.outputs)])
    return mixed.view(*mixed.shape[:2], *masker.cells)


def _read(model: ImageClassifier, name: str, batch: Batch) -> list[Tensor]:
    """What the decoder of that network reads of a batch; the same for all networks with its taps."""
    masker = model.maskers[name]
    memo = ("taps", masker.settings.taps, masker.settings.image, model.fingerprint)
    if memo not in batch.memo:
        batch.memo[memo] = masker.read(model.module, model.pixels(batch))[1]
    read: list[Tensor] = batch.memo[memo]
    if tuple(maps.shape[1] for maps in read) != masker.settings.channels:
        raise CapabilityError(_foreign(name))
    return read


def _asked(model: ImageClassifier, targets: Sequence[Target], masker: Masker) -> Int[Tensor, " K"] | Float[Tensor, "K t"]:
    """Index of each target's label; embeddings where sentences are labels and the network is told these."""
    labels = _labels(targets, model.labels, masker)
    if masker.settings.kind != "sentence":
        return labels
    reader: Any = model
    said: Tensor = reader.prompts()
    return said[labels.to(said.device)]


def _labels(targets: Sequence[Target], labels: Sequence[str], masker: Masker) -> Int[Tensor, " K"]:
    """Index of each target's label; zeros where the network is not told.

    Raises:
        PellucidError: a target is a contrast, for which no mask was learnt.
    """
    asked = resolve(targets, labels)
    if masker.settings.kind not in ("evidence", "sentence"):
        return torch.zeros(len(targets), dtype=torch.int64)
    mixed = next(
        (t.name for t, row in zip(targets, asked.weights, strict=True) if (row != 0).sum() != 1 or row.sum() != 1), None
    )
    if mixed is not None:
        raise PellucidError(
            f"A mask network explains labels, and {mixed!r} is not one; explain its labels, or use another method."
        )
    return torch.tensor(asked.outputs)[asked.weights.argmax(1)]


def _weights(masker: Masker, batch: Batch, count: int, seed: int) -> Float[Tensor, "M *k"]:
    """Random weights of the average of each case's mask, the same for all its targets."""
    shape = (masker.settings.window,) * len(masker.size)
    drawn = [stream(seed, "nemt2025", case.id).random(shape) for case in batch.cases]
    rows = np.stack([w / w.sum() for w in drawn])
    return torch.from_numpy(rows).repeat_interleave(count, 0)
