"""One step of training a mask network: images, what is true of them, and who judges what is left of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from pellucid.case import Case
from pellucid.predictors.image_classifier import ImageClassifier
from pellucid.predictors.image_classifier.masking import Masker
from pellucid.training.masks.occluding import donors_for, occluders
from pellucid.training.masks.recipe import MaskRecipe


@dataclass(eq=False)
class MaskStep:
    """The images behind one backward pass.

    Attributes:
        model: explained, frozen.
        judge: whose scores of partly removed images count: the model, or its surrogate.
        truth: which labels each image has.
        ramp: how far the weights that grow over a run have come, in [0, 1]; 1 in validation.
        generator: draws all random numbers; PyTorch's global one if None, which the loop seeds and keeps with its state.
        cases: whose images they are, where sentences are drawn from their reports.
        absent_weight: what a question about an absent target counts, beside one about a target that is there.
    """

    model: ImageClassifier
    judge: ImageClassifier
    masker: Masker
    recipe: MaskRecipe
    pixels: Float[Tensor, "B D *S"]
    truth: Bool[Tensor, "B C"]
    ramp: float = 1.0
    generator: torch.Generator | None = None
    cases: Sequence[Case] = ()
    absent_weight: float = 1.0

    @cached_property
    def seen(self) -> tuple[Float[Tensor, "B C"], Sequence[Tensor]]:
        """The model's logits, and what the mask network reads of its pass."""
        return self.masker.read(self.model.module, self.pixels)

    @cached_property
    def judged(self) -> Float[Tensor, "B C"]:
        """The judge's logits of the whole images."""
        if self.judge is self.model:
            return self.seen[0]
        with torch.no_grad():
            return self.judge.logits(self.pixels)

    @cached_property
    def predicted(self) -> Bool[Tensor, "B C"]:
        """Which labels the model assigns."""
        logits = self.seen[0]
        if self.model.exclusive:
            return torch.nn.functional.one_hot(logits.argmax(1), logits.shape[1]).bool()
        return torch.sigmoid(logits) > self.model.threshold

    @cached_property
    def images(self) -> Int[Tensor, " B"]:
        return torch.arange(len(self.pixels), device=self.pixels.device)

    def filling(self, labels: Int[Tensor, " B"] | None = None) -> Float[Tensor, "B D *S"]:
        """What takes the place of removed parts; what is borrowed comes from images without the label."""
        shown = self.truth | self.predicted
        none = torch.zeros(len(self.pixels), len(self.pixels), dtype=torch.bool, device=shown.device)
        donors = donors_for(none if labels is None else shown[:, labels].T, self.generator)
        return occluders(self.pixels, self.recipe.occluders, donors, self.generator)


@dataclass(frozen=True)
class Outcome:
    """What a step cost.

    Attributes:
        loss: a mean over images.
        marked: mean of the masks of targets that are there, as a share of the image; None where there is no such mask.
    """

    loss: Float[Tensor, ""]
    marked: float | None


def mixed(pixels: Tensor, fill: Tensor, keep: Float[Tensor, "B 1 *S"]) -> Float[Tensor, "B D *S"]:
    """Images of which each pixel is kept in part."""
    return fill + keep * (pixels - fill)
