"""Capabilities of networks that read numbers: maps, embeddings, inputs with units, mask networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor, nn

from pellucid.predictor.contract import Batch, Filler
from pellucid.target import Target


@runtime_checkable
class SoftMasks(Protocol):
    """Capability `soft_masks`: units can be removed in part."""

    def masked_scores(
        self, batch: Batch, case: int, keep: Float[Tensor, "P *S"], filler: Filler, targets: Sequence[Target]
    ) -> Float[Tensor, "P K"]:
        """Targets (logits) on versions of one case in which each pixel is `keep * pixel + (1 - keep) * filler`; float64.

        Differentiable with respect to `keep` where that requires a gradient. The filler is one of those that do not depend on
        what is kept ("mask", "blur", "noise").
        """


@dataclass(frozen=True, eq=False)
class MapReading:
    """One layer's feature maps of one case, and how its targets depend on them.

    Attributes:
        activations: output of the layer; s is the layer's own resolution.
        gradients: d target / d activations.
    """

    activations: Float[Tensor, "D *s"]
    gradients: Float[Tensor, "K D *s"]


@runtime_checkable
class FeatureMaps(Protocol):
    """Capability `feature_maps`: a network of layers whose outputs are maps over the image."""

    @property
    def map_layers(self) -> tuple[str, ...]:
        """Names of the layers with feature maps, in the order in which they are run; the last one is what CAM methods read."""

    def feature_maps(self, batch: Batch, targets: Sequence[Target], layer: str | None = None) -> list[MapReading]:
        """One reading a case, of the last layer if None; one forward pass, and K backward passes from output to layer."""


@runtime_checkable
class Network(Protocol):
    """Capability `network`: the network itself can be reached, for methods that change its backward pass."""

    @property
    def module(self) -> nn.Module:
        """Takes pixels to logits of all labels, B x C."""

    def pixels(self, batch: Batch) -> Float[Tensor, "B D *S"]:
        """What the network reads: normalised, channels first."""


@dataclass(frozen=True, eq=False)
class Measured:
    """What a model reads of one case, in units that a person knows, and how it becomes the model's features.

    Attributes:
        values: shades in [0, 1] of an image (channels first), millivolts of a signal (time, lead), measurements of a row.
        enter: takes N x values to N x L x d features; differentiable.
        unit: of the values, in words; that of each feature of a row, where they have several.
    """

    values: Float[Tensor, "*S"]
    enter: Callable[[Float[Tensor, "N *S"]], Float[Tensor, "N L d"]]
    unit: str | tuple[str, ...]


@runtime_checkable
class MeasuredInputs(Protocol):
    """Capability `measured_inputs`: features are made of values in units that a person knows, by a differentiable rule."""

    def measured(self, batch: Batch, case: int) -> Measured:
        """What the model reads of one case of a batch."""


@runtime_checkable
class Embeddings(Protocol):
    """Capability `embeddings`: what the network knows of an image before it decides about labels."""

    def embed(self, pixels: Float[Tensor, "B D *S"]) -> Float[Tensor, "B E"]:
        """What enters the last linear layer, differentiable with respect to the pixels."""


@runtime_checkable
class MaskNetwork(Protocol):
    """Capability `mask_network`: a network was trained to mark what the model relies on.

    Likewise `published_mask_network`, `embedding_mask_network` and `sentence_mask_network`.
    """

    def evidence_masks(
        self, batch: Batch, targets: Sequence[Target], areas: Sequence[float], network: str = "nemt", seed: int | None = None
    ) -> Float[Tensor, "B K A *S"]:
        """Evidence in [0, 1] at the model's resolution, 1 where it decides the target; one forward pass and one of the network.

        Args:
            areas: largest share of the image to mark, in (0, 1]; a mask for each.
            network: its name: "nemt", "nemt2025", "nem_u" or "nem_u_text".
            seed: of a random average, where the published method draws one at every call; None for the average itself.

        Raises:
            CapabilityError: the model has no such mask network.
            PellucidError: a target is not a label, and the masks depend on it.
        """


@runtime_checkable
class ShapleyNetwork(Protocol):
    """Capability `shapley_network`: a network was trained to give the Shapley values of the cells of a grid."""

    def shapley_grids(self, batch: Batch, targets: Sequence[Target]) -> Float[Tensor, "B K *g"]:
        """Values that sum to f(x) - f(reference) over the cells; float64. Cells are those of :func:`pellucid.units.patches`."""
