"""What every predictor does, and what it is given and gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from jaxtyping import Bool, Float, Int
from torch import Tensor

from pellucid.case import Case
from pellucid.target import Target

Modality = Literal["text", "image", "table", "signal"]
"""What a model reads, and scores are about."""

Filler = Literal["mask", "delete", "blur", "noise", "inpaint"]
"""What takes the place of a removed unit.

"mask" is neutral to the model: the mask token of a text, the mean colour of an image. Of a text, "delete" leaves nothing at
all. Of an image, "blur" leaves what a wide blur does, "noise" draws at random around the mean colour, and "inpaint" goes on
smoothly from the pixels around (:mod:`pellucid.predictors.image_classifier.inpainting`). What is removed of a row becomes the
mean of the training cases; of a signal, "mask" leaves its mean, and "inpaint" the line between the samples around.
"""

FILLERS: dict[Modality, tuple[Filler, ...]] = {
    "text": ("mask", "delete"),
    "image": ("mask", "blur", "noise", "inpaint"),
    "table": ("mask",),
    "signal": ("mask", "inpaint"),
}


@dataclass(eq=False)
class Batch:
    """Cases made ready for a model.

    Attributes:
        cases: what was encoded.
        units: for each case the finest units that scores are about.
        rows: for each case the row of the features that each unit stands in.
        data: whatever the predictor needs to score the batch (token ids, pixels).
        memo: results of the predictor and of explainers about this very batch, so that methods asked for together share
            their forward and backward passes; dropped with the batch.
    """

    cases: tuple[Case, ...]
    units: tuple[Any, ...]
    rows: tuple[Int[np.ndarray, " U"], ...]
    data: Any
    memo: dict[Any, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.cases)


@dataclass(frozen=True, eq=False)
class GradientPiece:
    """The gradient of some targets with respect to some rows of one case's features.

    Gradients come in pieces so that nobody needs room for all targets and rows at once. Rows of a target that no piece
    mentions have a gradient that is zero, or proven negligible.

    Attributes:
        case: index of the case in the batch.
        targets: index of the target of each block.
        starts: first feature row of each block.
        gradient: d target / d features, for C consecutive rows from `starts`.
    """

    case: int
    targets: Int[Tensor, " M"]
    starts: Int[Tensor, " M"]
    gradient: Float[Tensor, "M C d"]


class Predictor(Protocol):
    """A trained model, opened for explanation.

    Attributes:
        labels: the names of the outputs, in order.
        fingerprint: SHA-256 over weights, labels and settings; equal fingerprints predict equally.
        threshold: probability above which a label counts as predicted.

    A predictor of images says so in its class attribute `modality`; one that says nothing reads text.
    """

    labels: tuple[str, ...]
    threshold: float

    @property
    def fingerprint(self) -> str: ...

    def encode(self, cases: Sequence[Case]) -> Batch:
        """Make cases ready for the model."""

    def features(self, batch: Batch) -> Float[Tensor, "B L d"]:
        """What gradients are taken of: token embeddings, pixels, samples of a signal."""

    def reference(self, batch: Batch) -> Float[Tensor, "B L d"]:
        """Features of the same batch with every unit replaced by the neutral filler."""

    def scores(self, features: Float[Tensor, "B L d"], batch: Batch, targets: Sequence[Target]) -> Float[Tensor, "B K"]:
        """The targets as a differentiable function of the features (logits)."""

    def probabilities(self, batch: Batch) -> Float[np.ndarray, "B C"]:
        """Probability of every label; float64."""

    def perturb(self, batch: Batch, keep: Sequence[Bool[np.ndarray, " U"]], filler: Filler) -> Batch:
        """The batch with the units of each case that are not kept replaced by the filler. For B cases, B masks."""

    def perturbed_scores(
        self, batch: Batch, keep: Sequence[Bool[np.ndarray, "P U"]], filler: Filler, targets: Sequence[Target]
    ) -> list[Float[np.ndarray, "P K"]]:
        """For each case the targets (logits) on each perturbed version of it. For B cases, B arrays of masks; float64."""

    def feature_gradients(
        self,
        batch: Batch,
        targets: Sequence[Target],
        features: Float[Tensor, "B L d"] | None = None,
        weights: Sequence[Float[Tensor, "K L"]] | None = None,
    ) -> Iterator[GradientPiece]:
        """Gradients of the targets with respect to the features.

        Args:
            features: where to take them; the batch's own features if None.
            weights: for each case, what each row's gradient will be multiplied by (at least in magnitude); it lets the
                predictor leave out what cannot matter.
        """


def modality_of(predictor: object) -> Modality:
    """What the predictor reads."""
    modality: Modality = getattr(predictor, "modality", "text")
    return modality


def predicted(predictor: object, probabilities: Float[np.ndarray, "*B C"]) -> Bool[np.ndarray, "*B C"]:
    """Which labels the model assigns, given the probability of each.

    Where the predictor says that its labels are `exclusive` (a softmax), the most probable one, of equal ones the first; else
    every label above its `threshold`.
    """
    if not getattr(predictor, "exclusive", False):
        return np.asarray(probabilities > predictor.threshold)  # type: ignore[attr-defined]  # a Predictor has one
    return np.asarray(np.arange(probabilities.shape[-1]) == probabilities.argmax(axis=-1, keepdims=True))
