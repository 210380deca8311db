"""Predictors: a trained model opened at the place where explanations are taken.

The protocol is small. Two of its methods have plain defaults (:mod:`pellucid.predictors.plain`) and are the only places where
the structure of a model may be exploited:

* :meth:`Predictor.perturbed_scores`, through which every perturbation explainer and every faithfulness metric goes;
* :meth:`Predictor.feature_gradients`, through which every gradient explainer goes.

Whatever a predictor does there must equal the plain default; the tests hold every predictor to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from pellucid.case import Case
from pellucid.errors import CapabilityError
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


CAPABILITIES: dict[str, tuple[type, str]] = {
    "label_attention": (LabelAttention, "attention of each label over the text, as PLM-CA and PLM-ICD models have"),
    "label_scores": (LabelScores, "label-wise attention, as PLM-CA and PLM-ICD models have"),
    "layer_attention": (LayerAttention, "a transformer encoder whose attention can be read"),
    "gim_gradients": (GimGradients, "a transformer encoder whose backward pass can be modified"),
    "soft_masks": (SoftMasks, "images whose pixels can be removed in part"),
    "feature_maps": (FeatureMaps, "layers whose outputs are maps over the image, as convolutions have"),
    "patch_attention": (PatchAttention, "self-attention over patches that can be read, as vision transformers have"),
    "network": (Network, "a network of PyTorch that reads pixels"),
    "measured_inputs": (MeasuredInputs, "inputs in units of their own, as images, signals and rows of tables have"),
    "embeddings": (Embeddings, "an embedding before a last linear layer"),
    "mask_network": (MaskNetwork, "a mask network (train one with `pellucid train --objective nemt`)"),
    "published_mask_network": (MaskNetwork, "a published mask network (train one with `pellucid train --preset nemt2025`)"),
    "embedding_mask_network": (MaskNetwork, "a mask network of embeddings (train one with `pellucid train --objective nem_u`)"),
    "sentence_mask_network": (
        MaskNetwork,
        "a mask network of sentences (train one with `pellucid train --objective nem_u_text`)",
    ),
    "sentence_alignment": (SentenceAlignment, "sentences whose words attend to regions (an image-text model)"),
    "region_scores": (SentenceAlignment, "a score that reads regions, as models with local attention have"),
    "shared_space": (Embeddings, "one space in which images and sentences are compared, as models of two towers have"),
    "region_pooling": (RegionPooling, "a whole image that is made of its regions, as towers with pooling have"),
    "joint_attention": (JointAttention, "attention between words and regions in one transformer, as joint models have"),
    "shapley_network": (ShapleyNetwork, "a network of Shapley values (train one with `pellucid train --objective fastshap`)"),
}


def missing_capabilities(predictor: object, needs: Sequence[str]) -> list[str]:
    """Those of `needs` that the predictor lacks, each described in words.

    A predictor may name in `lacks` what its kind can do and it cannot (a classifier whose encoder hides its attention).
    """
    lacks: frozenset[str] = getattr(predictor, "lacks", frozenset())
    return [CAPABILITIES[name][1] for name in needs if name in lacks or not _offers(predictor, CAPABILITIES[name][0])]


def _offers(predictor: object, protocol: type) -> bool:
    """Whether an object has the members of a protocol; what a property gives, or that it refuses, is of no concern here."""
    members = [name for name in vars(protocol) if not name.startswith("_")]
    return all(hasattr(type(predictor), name) or hasattr(predictor, name) for name in members)


def require(predictor: object, needs: Sequence[str], who: str) -> None:
    """Raise :class:`CapabilityError` unless the predictor has every capability in `needs`."""
    missing = missing_capabilities(predictor, needs)
    if missing:
        raise CapabilityError(f"{who} needs a model with {missing[0]}; choose another method for this model.")
