"""An ordinary transformer classifier, opened for explanation: any `...ForSequenceClassification` of transformers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from pellucid.case import Case
from pellucid.predictor import AttentionBlock, AttentionReading, Batch, Filler, GradientPiece
from pellucid.predictors.explicit import gim
from pellucid.predictors.forward import Forward
from pellucid.predictors.neural import NeuralText
from pellucid.predictors.plm_ca.encoder import Cost
from pellucid.predictors.text_classifier import attention, checkpoint, making, opened, trained
from pellucid.predictors.text_classifier.classifier import (
    classify,
    classify_all,
    embed,
    encoder_of,
    has_segments,
    head_of,
)
from pellucid.predictors.text_classifier.perturbation import WindowTable
from pellucid.predictors.text_classifier.pooling import Pooling, pool_texts
from pellucid.predictors.text_classifier.windows import Texts, Windows, alike, joined, perturbed, tokenise
from pellucid.registry import predictors
from pellucid.target import Target, resolve


@predictors.register("text_classifier")
class TextClassifier(NeuralText):
    """Any Hugging Face text classifier, single- or multi-label, read in consecutive windows where the text is long.

    A case may hold a "question" beside its "text": it then stands in front of every window, as the first segment, and is never
    perturbed nor explained.

    Args:
        module: a `...ForSequenceClassification`.
        tokenizer: its fast tokenizer, with a mask token.
        labels: names of the outputs, in order.
        exclusive: exactly one label is true (softmax over all); else every label is a question of its own (sigmoid).
        window: tokens read at once, special ones included; None for as many as the model can.
        max_windows: longer texts are cut at the end; None for no limit, 1 for what a plain pipeline does.
        pooling: how the windows' logits become the text's: "mean", "max" or "logsumexp".
        threshold: probability above which a label counts as predicted; where labels are exclusive the most probable one does.
        about: what is known of the training; JSON values.

    Attributes:
        cost: windows read so far, and windows sent back.
        tokens_at_once: how many tokens are read together; where gradients go back, a quarter of them.
    """

    needs = "text"
    cites = "Devlin et al. 2019 (classification with an encoder)"

    def __init__(
        self,
        module: nn.Module,
        tokenizer: Any,
        labels: Sequence[str],
        *,
        exclusive: bool,
        window: int | None = None,
        max_windows: int | None = None,
        pooling: Pooling = "mean",
        threshold: float = 0.5,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        making.check_pooling(pooling, max_windows)
        making.check(module, tokenizer, labels, exclusive)
        self.module = module
        self.tokenizer = tokenizer
        self.labels = tuple(labels)
        self.exclusive = exclusive
        self.window = making.window_of(module, tokenizer, window)
        self.max_windows = max_windows
        self.pooling = pooling
        self.threshold = threshold
        self.about: dict[str, Any] = dict(about or {})
        self.cost = Cost()
        self.tokens_at_once = 4096

    # Making, saving, loading

    @classmethod
    def build(
        cls,
        encoder: nn.Module,
        tokenizer: Any,
        labels: Sequence[str],
        *,
        exclusive: bool,
        generator: torch.Generator,
        window: int | None = None,
        max_windows: int | None = None,
        pooling: Pooling = "mean",
    ) -> Self:
        """A model with a new head on a copy of an encoder, to be trained; `generator` draws the head's first weights.

        Raises:
            PellucidError: the labels do not fit, or the encoder cannot read so long a window.
            CapabilityError: transformers knows no classifier with such an encoder.
        """
        module = making.with_new_head(encoder, labels, exclusive, generator)
        settings: dict[str, Any] = {"window": window, "max_windows": max_windows, "pooling": pooling}
        return cls(module, tokenizer, labels, exclusive=exclusive, **settings)

    @classmethod
    def from_transformers(
        cls,
        source: str | Path,
        device: str = "cpu",
        *,
        multi_label: bool | None = None,
        window: int | None = None,
        max_windows: int | None = None,
        pooling: Pooling = "mean",
        threshold: float = 0.5,
    ) -> Self:
        """Open a classifier that transformers saved: a folder, or a hub id ("org/name").

        Args:
            multi_label: whether every label is a question of its own; None for what its configuration says.

        Raises:
            CheckpointError: there is none, it is no classifier of texts, or its weights are incomplete or pickled.
            CapabilityError: its tokenizer or its architecture does not allow explanations.
        """
        module, tokenizer = making.opened(str(source))
        module = module if module.dtype == torch.float64 else module.float()  # half precision is for those who ask for it
        labels, exclusive = making.reading(module.config, str(source), multi_label)
        settings: dict[str, Any] = {"window": window, "max_windows": max_windows, "pooling": pooling, "threshold": threshold}
        return cls(module, tokenizer, labels, exclusive=exclusive, about={"source": str(source)}, **settings).to(device)

    def save(self, path: Path) -> None:
        """Write the model as a folder, which transformers can read too: weights (safetensors), tokenizer and manifest."""
        checkpoint.save(self, Path(path))

    @classmethod
    def load(cls, path: Path, device: str = "cpu") -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            CheckpointError: a file is missing or damaged, weights are not finite or do not fit the labels.
        """
        return checkpoint.load(cls, Path(path)).to(device)

    def parts(self) -> dict[str, nn.Module]:
        """The modules of the weights, each of which may have its own learning rate."""
        return {"encoder": encoder_of(self.module), "head": head_of(self.module)}

    def _settings(self) -> tuple[Any, ...]:
        return self.labels, *checkpoint.settings(self)

    def _identity(self) -> str:
        return checkpoint.fingerprint(self)

    @cached_property
    def lacks(self) -> frozenset[str]:
        """Capabilities that this architecture does not have, tried on a few tokens."""
        return attention.lacking(self.module, making.sample(self.tokenizer))

    # Reading texts

    def encode(self, cases: Sequence[Case]) -> Batch:
        """Texts as windows; units are the tokens of the text, without special tokens and question.

        Raises:
            DataError: a text or question is empty, or a question leaves no room for text.
        """
        settings = self.window, self.max_windows, has_segments(self.module)
        texts, units = zip(*(tokenise(self.tokenizer, case, *settings) for case in cases), strict=True)
        data = alike(texts, self.tokenizer.pad_token_id)
        return Batch(tuple(cases), units, tuple(text.content for text in data.texts), data)

    def stretches(self, batch: Batch, case: int) -> Int[np.ndarray, " U"]:
        """The window that each unit stands in."""
        width: int = batch.data.texts[case].windows.ids.shape[1]
        return batch.rows[case] // width

    def perturb(self, batch: Batch, keep: Sequence[Bool[np.ndarray, " U"]], filler: Filler) -> Batch:
        """Versions of the texts. With "delete" the rows of units no longer hold: such a batch is for scoring only.

        A window of which no token of text is left takes no part in the text, unless nothing is left at all.
        """
        mask, pad = self.tokenizer.mask_token_id, self.tokenizer.pad_token_id
        texts = tuple(perturbed(t, k, filler, mask, pad) for t, k in zip(batch.data.texts, keep, strict=True))
        return Batch(batch.cases, batch.units, batch.rows, Texts(texts))

    # Scores

    def forward(self, batch: Batch, shift: Float[Tensor, "M R d"] | None = None) -> Forward:
        """All labels, differentiable with respect to the weights, the features and the shift of the features."""
        return trained.forward(self.module, batch.data.texts, self.pooling, shift)

    @torch.no_grad()
    def probabilities(self, batch: Batch) -> Float[np.ndarray, "B C"]:
        """Probability of every label; float64."""
        logits = self._pooled(torch.cat([self.window_logits(batch, case) for case in range(len(batch))]), batch)
        chances = torch.softmax(logits, -1) if self.exclusive else torch.sigmoid(logits)
        return chances.cpu().numpy()

    @torch.no_grad()
    def features(self, batch: Batch) -> Float[Tensor, "B L d"]:
        """Output of the embedding block; rows are positions of windows, padded to the longest text of the batch."""
        blocks = [embed(self.module, text.windows).flatten(0, 1) for text in batch.data.texts]
        return nn.utils.rnn.pad_sequence(blocks, batch_first=True)

    def reference(self, batch: Batch) -> Float[Tensor, "B L d"]:
        """The same with every token of the text replaced by the mask token; special tokens and question stay."""
        nothing = [np.zeros(len(text.content), dtype=bool) for text in batch.data.texts]
        return self.features(self.perturb(batch, nothing, "mask"))

    def scores(self, features: Float[Tensor, "B L d"], batch: Batch, targets: Sequence[Target]) -> Float[Tensor, "B K"]:
        """Logits of the targets, differentiable with respect to the features."""
        resolved = resolve(targets, self.labels)
        texts = batch.data.texts
        blocks = [opened.blocks(features[b], text.windows) for b, text in enumerate(texts)]
        logits = self._pooled(classify(self.module, joined(texts), torch.cat(blocks)), batch)
        return logits[:, resolved.outputs] @ resolved.weights.to(logits).T

    def perturbed_scores(
        self, batch: Batch, keep: Sequence[Bool[np.ndarray, "P U"]], filler: Filler, targets: Sequence[Target]
    ) -> list[Float[np.ndarray, "P K"]]:
        """Logits of many versions of each text; only windows not met before are read."""
        resolved = resolve(targets, self.labels)
        weights = resolved.weights.numpy()
        found = [self._table(batch, case).scores(masks, filler) for case, masks in enumerate(keep)]
        return [scores[:, resolved.outputs] @ weights.T for scores in found]

    # Gradients and attention

    def feature_gradients(
        self,
        batch: Batch,
        targets: Sequence[Target],
        features: Float[Tensor, "B L d"] | None = None,
        weights: Sequence[Float[Tensor, "K L"]] | None = None,
    ) -> Iterator[GradientPiece]:
        """Through the pooling in closed form, then back through the windows that a target reads; `weights` spare nothing."""
        return opened.pieces(self, batch, targets, features, partial(classify, self.module))

    def gim_gradients(self, batch: Batch, targets: Sequence[Target], temperature: float = 2.0) -> Iterator[GradientPiece]:
        """As :meth:`feature_gradients`, by the rules of GIM in encoder and head."""

        def classified(windows: Windows, features: Tensor) -> Tensor:
            with gim(self.module, temperature):
                return classify(self.module, windows, features)

        return opened.pieces(self, batch, targets, None, classified)

    def label_attention(self, batch: Batch, targets: Sequence[Target]) -> list[AttentionReading]:
        """Attention of the class token in the last layer (see :mod:`.attention`), the same for all labels of a window.

        Raises:
            CapabilityError: the attention cannot be read, or the head reads other tokens too.
        """
        return opened.label_attention(self, batch, targets)

    def layer_attention(self, batch: Batch) -> Iterator[AttentionBlock]:
        """Attention of every layer of the encoder; a stretch is a window."""
        return opened.layers(self, batch)

    def readout(self, batch: Batch, targets: Sequence[Target]) -> list[Float[Tensor, "K L"]]:
        """The class token of each window, with the share of the window in the target."""
        return opened.readout(self, batch, targets)

    # Shared pieces

    def _pooled(self, logits: Float[Tensor, "M C"], batch: Batch) -> Float[Tensor, "B C"]:
        return pool_texts(logits, [len(text.windows) for text in batch.data.texts], self.pooling)

    def read(self, windows: Windows, features: Tensor | None = None) -> Float[Tensor, "M C"]:
        """Logits of windows, counted; float64."""
        self.cost.chunks += len(windows)
        return classify_all(self.module, windows, self.tokens_at_once, features)

    def window_logits(self, batch: Batch, case: int) -> Float[Tensor, "N C"]:
        """Logits of the windows of one text, computed once a batch; float64."""
        name = ("windows", case, self.fingerprint)
        if name not in batch.memo:
            batch.memo[name] = self.read(batch.data.texts[case].windows)
        return cast(Tensor, batch.memo[name])

    def _table(self, batch: Batch, case: int) -> WindowTable:
        """The table of window logits of one text."""
        name = ("table", case, self.fingerprint)
        if name not in batch.memo:
            own, tokenizer = self.window_logits(batch, case).cpu().numpy(), self.tokenizer
            read, ids = lambda windows: self.read(windows).cpu().numpy(), (tokenizer.mask_token_id, tokenizer.pad_token_id)
            batch.memo[name] = WindowTable(batch.data.texts[case], own, read, self.pooling, *ids)
        return cast(WindowTable, batch.memo[name])
