"""The published recipe of NEMt, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pellucid.errors import PellucidError
from pellucid.registry import presets
from pellucid.training.masks.recipe import MaskRecipe


@dataclass(frozen=True)
class MaskPreset:
    """Settings of a published training of mask networks.

    Attributes:
        common: fields of the recipe, whatever the objective.
        objectives: by the objective's name, the fields that differ from `common`.
        notes: what differs from the published run, and why; a sentence each.
        cites: the publication.
    """

    common: Mapping[str, Any]
    objectives: Mapping[str, Mapping[str, Any]]
    notes: tuple[str, ...]
    cites: str

    def recipe(self, objective: str = "nemt", **given: Any) -> MaskRecipe:
        """The recipe of an objective; `given` fields go before the preset's.

        Raises:
            PellucidError: the publication has no such objective, or a given value is not allowed.
        """
        if objective not in self.objectives:
            raise PellucidError(f"This preset knows the objectives {', '.join(self.objectives)}, not {objective!r}.")
        return MaskRecipe(**{**self.common, **self.objectives[objective], **given, "objective": objective})


_NOTES = (
    "nemt: every image is scored on its own label. The released code picks the labels of the whole batch for every image, so "
    "that its masks are trained for the mix of labels in a batch.",
    "nemt: the change is that of a probability, as in the released code; of two labels that exclude each other it is the same "
    "for both, so that such a mask explains no label in particular.",
    "nemt: at inference the mask is averaged with equal weights, so that one image has one explanation; the explainer "
    "nemt2025_legacy draws random weights at every call, as the released code does.",
    "nemt: the random weights of the average are drawn for each image; in the released code the whole batch shares one draw.",
    "nemt: the edges of an image are reflected, where the released code lets evidence at one edge leak to the other.",
    "nemt: the window is the published 21 of 224 pixels as a share of the longest side.",
    "nem_u: the loss is equation 1 of the paper, a sum; the released code multiplies the contrast by the distance instead. Its "
    "mask is not averaged in a window but its logits are blurred by a Gaussian.",
    "All: AdamW with a rise of the learning rate replaces Prodigy, which finds its own rate; 1e-3 and a weight decay of 0.01. "
    "The effective batch of 128 is one batch. An image of the mean colour takes the place of removed parts, as published.",
    "All: the epoch with the smallest validation loss is kept; the released code keeps the last.",
    "All: the last layer, an affine scalar behind the last convolution, is left out, as that convolution is one already.",
)


@presets.register("nemt2025")
def nemt2025() -> MaskPreset:
    """The trainings of Moeller et al. 2025: nemt (supervised, for the true label) and nem_u (unsupervised)."""
    return MaskPreset(
        common={
            "image": True,
            "norm": "batch",
            "occluders": ("mean",),
            "keep": 0.0,
            "area": 0.0,
            "tv": 0.0,
            "binary": 0.0,
            "absent": 0.0,
            "batch_size": 128,
            "learning_rate": 1e-3,
            "weight_decay": 0.01,
            "schedule": "constant",
            "clip": None,
            "precision": "fp32",
        },
        objectives={
            "nemt": {"form": "published", "smooth": 21 / 224, "price": 0.5, "epochs": 5},
            "nem_u": {"form": "published", "price": 0.125, "contrast": 0.25, "epochs": 10},
        },
        notes=_NOTES,
        cites="Moeller et al. 2025 (PMLR 265), and its released code",
    )
