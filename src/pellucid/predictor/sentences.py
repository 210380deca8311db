"""Capabilities of models of images and sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int
from torch import Tensor

from pellucid.predictor.contract import Batch, Predictor


@dataclass(frozen=True, eq=False)
class ImageSide:
    """Images as an image-text model holds them against sentences.

    Attributes:
        regions: of each cell of a grid over the image, row by row, or of each box of a list.
        whole: of the image.
        grid: cells along each axis, (height, width); they tile all that the model reads.
        boxes: of each region, (x0, y0, x1, y1) in pixels of what the model reads, where regions are no grid; else None.
    """

    regions: Float[Tensor, "B R d"]
    whole: Float[Tensor, "B d"]
    grid: tuple[int, int]
    boxes: Float[Tensor, "R 4"] | None = None


@dataclass(frozen=True, eq=False)
class TextSide:
    """Sentences as an image-text model holds them against images. An item is a word, or a special token.

    Attributes:
        texts: the sentences.
        words: of each item; rows of padding mean nothing.
        real: False on padding.
        special: True on tokens that stand for no word.
        whole: of the sentence.
        spans: for each sentence the half-open characters that each item stands for, (0, 0) for special tokens.
        truncated: for each sentence how many words at its end were left out, because it is longer than the model reads.
    """

    texts: tuple[str, ...]
    words: Float[Tensor, "S L d"]
    real: Bool[Tensor, "S L"]
    special: Bool[Tensor, "S L"]
    whole: Float[Tensor, "S d"]
    spans: tuple[Int[np.ndarray, "L 2"], ...]
    truncated: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Alignment:
    """Every image held against every sentence.

    Attributes:
        attention: share of each region in what a word looks at; at least 0, sums to 1 - null over regions; 0 for padding.
        null: share that a word leaves to no region, as a model may that can opt out; 0 for one that cannot, and for padding.
        local: how well the words fit what they look at; the higher the better.
        whole: how well the sentence fits the image as a whole (the cosine of their embeddings, as a rule).
    """

    attention: Float[Tensor, "B S L R"]
    null: Float[Tensor, "B S L"]
    local: Float[Tensor, "B S"]
    whole: Float[Tensor, "B S"]


@runtime_checkable
class SentenceAlignment(Protocol):
    """Capability `sentence_alignment`: a model of images and sentences, in which words attend to regions.

    What it gives can be differentiated with respect to the weights, and what `see` gives with respect to the pixels, where
    gradients are on.

    Attributes:
        mask_token: inside a sentence it reaches the model as its own token for what is hidden.
    """

    @property
    def mask_token(self) -> str: ...

    def see(self, batch: Batch) -> ImageSide:
        """The images of a batch; read once a batch where no gradient is asked for."""

    def read(self, sentences: Sequence[str]) -> TextSide:
        """Any sentences."""

    def align(self, images: ImageSide, sentences: TextSide) -> Alignment:
        """All images with all sentences."""

    def match(self, images: ImageSide, sentences: TextSide) -> Float[Tensor, "B S"]:
        """The one score of an image and a sentence that explanations of the pair are about."""

    def ask(self, sentences: Sequence[str]) -> Predictor:
        """The same model, whose labels are these sentences and whose logits are the scores of :meth:`match`."""


@runtime_checkable
class RegionPooling(Protocol):
    """Capability `region_pooling`: the image as a whole is made of its regions, so that it can be made of other ones."""

    def pooled(self, regions: Float[Tensor, "B R d"]) -> Float[Tensor, "B d"]:
        """The whole of images that consist of these regions, any number of them; differentiable."""


@dataclass(frozen=True, eq=False)
class JointReading:
    """The attention of a transformer whose rows are the items of a sentence, and then the regions of an image.

    Attributes:
        case: index of the case in the batch.
        sentence: index of the sentence.
        attention: probability with which a row (third axis) attends to a column (last axis), Y layers from the lowest, H heads.
        gradient: d match / d attention.
        readout: how much the score reads each row above the last layer; sums to 1.
        items: how many rows come before the regions.
    """

    case: int
    sentence: int
    attention: Float[Tensor, "Y H N N"]
    gradient: Float[Tensor, "Y H N N"]
    readout: Float[Tensor, " N"]
    items: int


@runtime_checkable
class JointAttention(Protocol):
    """Capability `joint_attention`: one transformer reads sentence and image together, and its attention can be read."""

    def joint_attention(self, batch: Batch, sentences: Sequence[str]) -> Iterator[JointReading]:
        """Every case with every sentence, each reading to be used before the next is asked for."""
