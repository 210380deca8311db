"""A surrogate: a copy of the model that has learnt to answer on images with parts removed as the model does on whole ones.

A mask network that is judged by the model itself may find masks whose very shape moves it, as it never saw images with holes.
The surrogate has (Jethani et al. 2021, EVAL-X; Frye et al. 2021).
"""

from __future__ import annotations

import copy

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, interpolate

from pellucid.predictors.image_classifier import ImageClassifier
from pellucid.training.masks.occluding import donors_for, occluders
from pellucid.training.masks.recipe import Occluder
from pellucid.training.masks.step import mixed

_CELLS = (2, 17)  # along each axis, of the grids by which parts are removed: the smallest, and one more than the largest


def copied(model: ImageClassifier) -> ImageClassifier:
    """The same model with weights of its own, all of which can be learnt."""
    twin = copy.copy(model)
    twin.module = copy.deepcopy(model.module).requires_grad_(True)
    return twin


def imitation(
    model: ImageClassifier,
    twin: ImageClassifier,
    pixels: Float[Tensor, "B D *S"],
    kinds: tuple[Occluder, ...],
    generator: torch.Generator | None = None,
) -> Float[Tensor, ""]:
    """Cross-entropy between the model's probabilities of whole images and the twin's of the same with random parts removed."""
    with torch.no_grad():
        whole = model.logits(pixels).float()
    none = torch.zeros(len(pixels), len(pixels), dtype=torch.bool, device=pixels.device)
    fill = occluders(pixels, kinds, donors_for(none, generator), generator)
    left = twin.logits(mixed(pixels, fill, random_masks(pixels, generator))).float()
    if model.exclusive:
        return cross_entropy(left, torch.softmax(whole, 1))
    return binary_cross_entropy_with_logits(left, torch.sigmoid(whole))


def random_masks(pixels: Float[Tensor, "B D *S"], generator: torch.Generator | None = None) -> Float[Tensor, "B 1 *S"]:
    """For each image a grid of random fineness, of whose cells a random share is kept, with sharp or with soft edges."""
    size, made = pixels.shape[2:], []
    for _ in range(len(pixels)):
        cells = int(torch.randint(*_CELLS, (), generator=generator))
        share, soft = torch.rand(2, generator=generator).tolist()
        grid = (torch.rand((1, 1, *[min(cells, n) for n in size]), generator=generator) < share).to(pixels)
        mode = ("bilinear", "trilinear")[len(size) - 2] if soft < 0.5 else "nearest"
        made.append(interpolate(grid, size=tuple(size), mode=mode))
    return torch.cat(made).clamp(0, 1)  # interpolation may overshoot by a rounding
