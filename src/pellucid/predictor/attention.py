"""Capabilities of models whose attention can be read, and of encoders whose backward pass can be changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from pellucid.predictor.contract import Batch, GradientPiece
from pellucid.target import Target


@dataclass(frozen=True, eq=False)
class AttentionReading:
    """How one case's targets attend to its features, and how they depend on that attention.

    Attributes:
        attention: probability of each row, sums to 1 over rows; padding has 0.
        attention_gradient: d target / d attention, holding everything else.
        score_gradient: d target / d attention score (before the softmax).
        value_norm: attention times the Euclidean norm of the value vector.
    """

    attention: Float[Tensor, "K L"]
    attention_gradient: Float[Tensor, "K L"]
    score_gradient: Float[Tensor, "K L"]
    value_norm: Float[Tensor, "K L"]


@runtime_checkable
class LabelAttention(Protocol):
    """Capability `label_attention`: the attention with which a label's score reads the features.

    In PLM-CA, LAAT and CAML every label has its own. In an ordinary transformer classifier it is the attention of the class
    token in the last layer, averaged over heads, which all labels share.
    """

    def label_attention(self, batch: Batch, targets: Sequence[Target]) -> list[AttentionReading]: ...


@runtime_checkable
class LabelScores(Protocol):
    """Capability `label_scores`: label-wise attention whose scores can be read before the softmax, for every label."""

    def label_scores(self, batch: Batch) -> list[Float[Tensor, "C L"]]:
        """For each case the attention score of every label on every row; minus infinity on padding."""


@dataclass(frozen=True, eq=False)
class AttentionBlock:
    """The attention inside an encoder, over one stretch of rows that attend only to each other.

    Attributes:
        case: index of the case in the batch.
        start: first feature row of the stretch.
        attention: probability with which a row (third axis) attends to a column (last axis), for Y layers from the lowest and
            H heads; columns of padding have 0.
    """

    case: int
    start: int
    attention: Float[Tensor, "Y H C C"]


@runtime_checkable
class LayerAttention(Protocol):
    """Capability `layer_attention`: the attention of every layer of the encoder can be read."""

    def layer_attention(self, batch: Batch) -> Iterator[AttentionBlock]:
        """Every stretch of every case, a few at a time, so that their attention never piles up."""

    def readout(self, batch: Batch, targets: Sequence[Target]) -> list[Float[Tensor, "K L"]]:
        """For each case how much each target reads the hidden state of each row above the last layer; non-negative rows
        that sum to 1 (label attention; or, for a classifier, the class token of each window)."""


@runtime_checkable
class GimGradients(Protocol):
    """Capability `gim_gradients`: gradients with the backward pass of GIM (Edin et al. 2025) can be taken."""

    def gim_gradients(self, batch: Batch, targets: Sequence[Target], temperature: float = 2.0) -> Iterator[GradientPiece]:
        """As :meth:`Predictor.feature_gradients`, with the scale of layer norms held, softmaxes sent back at `temperature`, and
        the gradient of products shared among their factors."""


@dataclass(frozen=True, eq=False)
class PatchReading:
    """The self-attention of a vision transformer on one case. Its rows are special tokens, and then the patches row by row.

    Attributes:
        case: index of the case in the batch.
        attention: probability with which a row (third axis) attends to a column (last axis), Y layers from the lowest, H heads.
        gradients: d target / d attention, one target after the other, each computed when it is asked for.
        readout: how much the head reads each row above the last layer; sums to 1 (the class token, as a rule).
        special: how many rows come before the patches.
        grid: patches along each axis of the image.
    """

    case: int
    attention: Float[Tensor, "Y H N N"]
    gradients: Iterator[Float[Tensor, "Y H N N"]]
    readout: Float[Tensor, " N"]
    special: int
    grid: tuple[int, ...]


@runtime_checkable
class PatchAttention(Protocol):
    """Capability `patch_attention`: a vision transformer whose attention can be read, and what the targets make of it."""

    def patch_attention(self, batch: Batch, targets: Sequence[Target]) -> Iterator[PatchReading]:
        """One reading a case, each to be used before the next is asked for."""
