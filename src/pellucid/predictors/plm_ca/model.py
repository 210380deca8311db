"""PLM-CA: a pretrained encoder read in chunks, and one attention per label over the whole note.

Edin et al. 2024, "An Unsupervised Approach to Achieve Supervised-Level Explainability in Healthcare Records", section 3; the
PLM-ICD decoder (Huang et al. 2022) is an option. Differences to the released code, each tested: padding receives no attention,
a note whose length is a multiple of the chunk gets no extra chunk, and the label list is part of the model.
"""

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
from pellucid.errors import PellucidError
from pellucid.predictor import AttentionBlock, AttentionReading, Batch, Filler, GradientPiece
from pellucid.predictors.forward import Forward
from pellucid.predictors.neural import NeuralText
from pellucid.predictors.plm_ca import checkpoint, gradients, opened, trained
from pellucid.predictors.plm_ca.chunks import Note, Notes, perturbed_note, stack, tokenise
from pellucid.predictors.plm_ca.coder import Coder as Coder
from pellucid.predictors.plm_ca.coder import new_coder
from pellucid.predictors.plm_ca.encoder import Cost, embed, encode
from pellucid.predictors.plm_ca.encoding import contributions, encode_chunks
from pellucid.predictors.plm_ca.partials import partials
from pellucid.predictors.plm_ca.perturbation import ChunkTable, labels_at_once
from pellucid.predictors.plm_ca.tensors import blocks, decode, real_rows, tensors
from pellucid.registry import predictors
from pellucid.target import Target, resolve


@predictors.register("plm_ca")
class PlmCa(NeuralText):
    """Medical coding: a Hugging Face encoder over chunks of 128 tokens, with label-wise attention (PLM-CA or PLM-ICD).

    Args:
        module: encoder and decoder.
        tokenizer: a fast Hugging Face tokenizer with a mask token.
        labels: names of the outputs, in order.
        decoder: "plm_ca" or "laat".
        chunk: tokens that the encoder reads at once.
        max_tokens: longer notes are cut at the end (special tokens included in the count).
        threshold: probability above which a label counts as predicted.
        about: what is known of the training; JSON values.

    Attributes:
        cost: chunks encoded so far.
        chunks_at_once: how many chunks go through the encoder together where no gradient is kept.
        tolerance: gradients that cannot exceed this share of the largest are left out (0 sends everything back).
    """

    module: Coder
    needs = "text"
    exclusive = False
    cites = "Edin et al. 2024 (PLM-CA); Huang et al. 2022 (PLM-ICD)"

    def __init__(
        self,
        module: Coder,
        tokenizer: Any,
        labels: Sequence[str],
        *,
        decoder: str = "plm_ca",
        chunk: int = 128,
        max_tokens: int = 6000,
        threshold: float = 0.5,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        if len(set(labels)) != len(labels):
            raise PellucidError("The list of labels holds a label twice; give every label once.")
        self.module = module
        self.tokenizer = tokenizer
        self.labels = tuple(labels)
        self.decoder_name = decoder
        self.chunk = chunk
        self.max_tokens = max_tokens
        self.threshold = threshold
        self.about: dict[str, Any] = dict(about or {})
        self.cost = Cost()
        self.chunks_at_once = 16
        self.tolerance = 5e-6

    # Making, saving, loading

    @classmethod
    def build(
        cls,
        encoder: nn.Module,
        tokenizer: Any,
        labels: Sequence[str],
        *,
        decoder: str = "plm_ca",
        chunk: int = 128,
        max_tokens: int = 6000,
        generator: torch.Generator,
    ) -> Self:
        """A model with a new decoder; `generator` draws its first weights.

        Raises:
            PellucidError: unknown decoder, no labels, or a chunk that the encoder cannot read.
        """
        module = new_coder(encoder, labels, decoder, chunk, generator)
        return cls(module, tokenizer, labels, decoder=decoder, chunk=chunk, max_tokens=max_tokens)

    def save(self, path: Path) -> None:
        """Write the model as a folder: weights (safetensors), tokenizer, encoder configuration and manifest."""
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
        return {"encoder": self.module.encoder, "head": self.module.decoder}

    def _settings(self) -> tuple[Any, ...]:
        return self.decoder_name, self.chunk, self.max_tokens, self.threshold, self.labels

    def _identity(self) -> str:
        return checkpoint.fingerprint(self)

    @cached_property
    def lacks(self) -> frozenset[str]:
        """Capabilities that the encoder does not have, tried on a few tokens."""
        return opened.lacking(self)

    # Reading notes

    def encode(self, cases: Sequence[Case]) -> Batch:
        """Notes as chunks; units are the tokens that stand for text.

        Raises:
            DataError: a note is empty.
        """
        notes, units = zip(*(tokenise(self.tokenizer, case, self.chunk, self.max_tokens) for case in cases), strict=True)
        return Batch(tuple(cases), units, tuple(note.content for note in notes), Notes(notes))

    def stretches(self, batch: Batch, case: int) -> Int[np.ndarray, " U"]:
        """The chunk that each unit stands in."""
        return batch.rows[case] // self.chunk

    def perturb(self, batch: Batch, keep: Sequence[Bool[np.ndarray, " U"]], filler: Filler) -> Batch:
        """Versions of the notes. With "delete" the rows of units no longer hold: such a batch is for scoring only."""
        mask, pad = self.tokenizer.mask_token_id, self.tokenizer.pad_token_id
        notes = tuple(perturbed_note(n, k, filler, mask, pad) for n, k in zip(batch.data.notes, keep, strict=True))
        return Batch(batch.cases, batch.units, batch.rows, Notes(notes))

    # Scores

    def forward(self, batch: Batch, shift: Float[Tensor, "M C d"] | None = None) -> Forward:
        """All labels, differentiable with respect to the weights, the features and the shift of the features."""
        return trained.forward(self.module, batch.data.notes, len(self.labels), shift)

    @torch.no_grad()
    def probabilities(self, batch: Batch) -> Float[np.ndarray, "B C"]:
        """Probability of every label; float64."""
        rows = []
        for case in range(len(batch)):
            real = self._real(batch.data.notes[case])
            outputs = torch.arange(len(self.labels), device=self.device)
            rows.append(self.module.decoder(self._hidden(batch, case).flatten(0, 1)[None], real.flatten()[None], outputs)[0])
        return torch.sigmoid(torch.stack(rows).double()).cpu().numpy()

    def features(self, batch: Batch) -> Float[Tensor, "B L d"]:
        """Output of the embedding block; rows are positions of chunks, padded to the longest note of the batch."""
        ids = (torch.from_numpy(note.ids).to(self.device) for note in batch.data.notes)
        return blocks([embed(self.module.encoder, part).detach() for part in ids])

    def reference(self, batch: Batch) -> Float[Tensor, "B L d"]:
        """The same with every token of text replaced by the mask token."""
        nothing = [np.zeros(len(note.content), dtype=bool) for note in batch.data.notes]
        return self.features(self.perturb(batch, nothing, "mask"))

    def scores(self, features: Float[Tensor, "B L d"], batch: Batch, targets: Sequence[Target]) -> Float[Tensor, "B K"]:
        """Logits of the targets, differentiable with respect to the features."""
        resolved = resolve(targets, self.labels)
        notes = batch.data.notes
        ids, lengths = tensors(*stack(notes), self.device)
        chunks = [features[b, : note.rows].unflatten(0, note.ids.shape) for b, note in enumerate(notes)]
        hidden = encode(self.module.encoder, ids, lengths, torch.cat(chunks))
        outputs = torch.tensor(resolved.outputs, device=self.device)
        scores = decode(self.module.decoder, hidden, lengths, notes, outputs)
        return scores @ resolved.weights.to(scores).T

    def perturbed_scores(
        self, batch: Batch, keep: Sequence[Bool[np.ndarray, "P U"]], filler: Filler, targets: Sequence[Target]
    ) -> list[Float[np.ndarray, "P K"]]:
        """Logits of many versions of each note; only chunks not met before are encoded."""
        resolved = resolve(targets, self.labels)
        weights = resolved.weights.numpy()
        results = []
        for case, masks in enumerate(keep):
            group = labels_at_once(batch.data.notes[case], self.module.decoder.value_size)
            result = np.zeros((len(masks), len(targets)))
            for start in range(0, len(resolved.outputs), group):
                table = self._table(batch, case, resolved.outputs[start : start + group])
                result += table.scores(masks, filler) @ weights[:, start : start + group].T
            results.append(result)
        return results

    # Gradients and attention

    def feature_gradients(
        self,
        batch: Batch,
        targets: Sequence[Target],
        features: Float[Tensor, "B L d"] | None = None,
        weights: Sequence[Float[Tensor, "K L"]] | None = None,
    ) -> Iterator[GradientPiece]:
        """Closed form through the decoder, then back through the encoder for the (target, chunk) pairs that matter."""
        at = self.features(batch) if features is None else features.detach()
        for case in range(len(batch)):
            hidden = self._hidden(batch, case) if features is None else self._hidden_at(batch, case, at)
            yield from gradients.pieces(
                self, batch.data.notes[case], case, at[case], hidden, targets, None if weights is None else weights[case]
            )

    def label_attention(self, batch: Batch, targets: Sequence[Target]) -> list[AttentionReading]:
        """Attention of each label over the rows of each note.

        Raises:
            PellucidError: a target is not a single label; a contrast has no attention of its own.
        """
        return opened.label_attention(self, batch, self._all_hidden(batch), targets)

    def label_scores(self, batch: Batch) -> list[Float[Tensor, "C L"]]:
        """For each note the attention score of every label on every row, before the softmax; minus infinity on padding."""
        return opened.label_scores(self, batch, self._all_hidden(batch))

    def layer_attention(self, batch: Batch) -> Iterator[AttentionBlock]:
        """Attention inside the encoder, a chunk a block."""
        return opened.layers(self, batch)

    def readout(self, batch: Batch, targets: Sequence[Target]) -> list[Float[Tensor, "K L"]]:
        """How much each label reads the last hidden states of each note: its attention.

        Raises:
            PellucidError: a target is not a single label.
        """
        return [reading.attention for reading in self.label_attention(batch, targets)]

    def gim_gradients(self, batch: Batch, targets: Sequence[Target], temperature: float = 2.0) -> Iterator[GradientPiece]:
        """As :meth:`feature_gradients`, by the rules of GIM in the decoder and in the encoder."""
        features, rules = self.features(batch), gradients.gim_rules(temperature)
        for case, note in enumerate(batch.data.notes):
            hidden = self._hidden(batch, case)
            yield from gradients.pieces(self, note, case, features[case], hidden, targets, rules=rules)

    # Shared pieces

    def _real(self, note: Note) -> Bool[Tensor, "N C"]:
        return real_rows(note, self.device)

    def _hidden(self, batch: Batch, case: int) -> Float[Tensor, "N C d"]:
        """Hidden states of one note, computed once a batch."""
        name = ("hidden", case, self.fingerprint)
        if name not in batch.memo:
            note = batch.data.notes[case]
            batch.memo[name] = encode_chunks(self, note.ids, note.lengths)
        return cast(Tensor, batch.memo[name])

    def _all_hidden(self, batch: Batch) -> list[Float[Tensor, "N C d"]]:
        return [self._hidden(batch, case) for case in range(len(batch))]

    def _hidden_at(self, batch: Batch, case: int, features: Tensor) -> Float[Tensor, "N C d"]:
        note = batch.data.notes[case]
        return encode_chunks(self, note.ids, note.lengths, features[case, : note.rows].unflatten(0, note.ids.shape))

    @torch.no_grad()
    def _table(self, batch: Batch, case: int, outputs: tuple[int, ...]) -> ChunkTable:
        """The table of chunk contributions of one note; a new set of outputs replaces the last one's."""
        name, key = ("table", case), (outputs, self.fingerprint)
        if batch.memo.get(name, (None,))[0] != key:
            note, index = batch.data.notes[case], torch.tensor(outputs, device=self.device)
            own = partials(self.module.decoder, self._hidden(batch, case), self._real(note), index)
            contribute = partial(contributions, self, outputs=index)
            mask, pad = self.tokenizer.mask_token_id, self.tokenizer.pad_token_id
            batch.memo[name] = (key, ChunkTable(note, own, self.module.decoder, index, contribute, mask, pad))
        return cast(ChunkTable, batch.memo[name][1])
