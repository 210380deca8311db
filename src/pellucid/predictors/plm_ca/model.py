"""PLM-CA: a pretrained encoder read in chunks, and one attention per label over the whole note.

Edin et al. 2024, "An Unsupervised Approach to Achieve Supervised-Level Explainability in Healthcare Records", section 3; the
PLM-ICD decoder (Huang et al. 2022) is an option. Differences to the released code, each tested: padding receives no attention,
a note whose length is a multiple of the chunk gets no extra chunk, and the label list is part of the model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
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
from pellucid.predictors.plm_ca import calculus, checkpoint, gradients
from pellucid.predictors.plm_ca.chunks import Note, Notes, perturbed_note, stack, tokenise
from pellucid.predictors.plm_ca.decoders import DECODERS, Decoder
from pellucid.predictors.plm_ca.encoder import Cost, embed, encode, encode_open, layer_attention, longest_chunk, real_tokens
from pellucid.predictors.plm_ca.partials import Partials, concatenate, partials
from pellucid.predictors.plm_ca.perturbation import ChunkTable, labels_at_once
from pellucid.registry import predictors
from pellucid.target import Target, resolve


class Coder(nn.Module):
    """The weights: an encoder of chunks and a decoder of notes."""

    def __init__(self, encoder: nn.Module, decoder: Decoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder


@predictors.register("plm_ca")
class PlmCa:
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
        self._fingerprint: tuple[Any, str] | None = None

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
        if decoder not in DECODERS:
            raise PellucidError(f"There is no decoder named {decoder!r}; choose {' or '.join(DECODERS)}.")
        if not labels:
            raise PellucidError("A coding model needs at least one label.")
        longest = longest_chunk(encoder)
        if longest is not None and chunk > longest:
            raise PellucidError(
                f"The encoder reads at most {longest} tokens at once; choose a chunk of at most that, not {chunk}."
            )
        if hasattr(encoder, "pooler"):
            encoder.pooler = None  # type: ignore[assignment]  # a layer that nothing here reads
        head = DECODERS[decoder](int(encoder.config.hidden_size), len(labels), generator)  # type: ignore[union-attr, arg-type]
        module = Coder(encoder, head).eval()
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

    def to(self, device: str | torch.device | None = None, dtype: torch.dtype | None = None) -> Self:
        """Move or convert the weights in place."""
        self.module.to(device=device, dtype=dtype)
        return self

    def parts(self) -> dict[str, nn.Module]:
        """The modules of the weights, each of which may have its own learning rate."""
        return {"encoder": self.module.encoder, "head": self.module.decoder}

    @property
    def device(self) -> torch.device:
        return next(self.module.parameters()).device

    @property
    def fingerprint(self) -> str:
        """SHA-256 over weights, labels, tokenizer and settings."""
        version = (self.threshold, *((id(p), p._version, p.dtype) for p in self.module.parameters()))
        if self._fingerprint is None or self._fingerprint[0] != version:
            self._fingerprint = (version, checkpoint.fingerprint(self))
        return self._fingerprint[1]

    # Reading notes

    def tokens(self, text: str) -> int:
        """How many tokens a text has, special ones included, before truncation."""
        return len(self.tokenizer(text, verbose=False)["input_ids"])

    def encode(self, cases: Sequence[Case]) -> Batch:
        """Notes as chunks; units are the tokens that stand for text.

        Raises:
            DataError: a note is empty.
        """
        notes, units = zip(*(tokenise(self.tokenizer, case, self.chunk, self.max_tokens) for case in cases), strict=True)
        return Batch(tuple(cases), units, tuple(note.content for note in notes), Notes(notes))

    def perturb(self, batch: Batch, keep: Sequence[Bool[np.ndarray, " U"]], filler: Filler) -> Batch:
        """Versions of the notes. With "delete" the rows of units no longer hold: such a batch is for scoring only."""
        mask, pad = self.tokenizer.mask_token_id, self.tokenizer.pad_token_id
        notes = tuple(perturbed_note(n, k, filler, mask, pad) for n, k in zip(batch.data.notes, keep, strict=True))
        return Batch(batch.cases, batch.units, batch.rows, Notes(notes))

    # Scores

    def forward(self, batch: Batch, shift: Float[Tensor, "M C d"] | None = None) -> Forward:
        """All labels, differentiable with respect to the weights, the features and the shift of the features."""
        notes = batch.data.notes
        ids, lengths = self._tensors(*stack(notes))
        hidden, features = encode_open(self.module.encoder, ids, lengths, shift)
        logits = self._decode(hidden, lengths, notes, torch.arange(len(self.labels), device=self.device))
        counts = torch.tensor([len(note.lengths) for note in notes], device=self.device)
        case = torch.repeat_interleave(torch.arange(len(notes), device=self.device), counts)
        real = real_tokens(lengths, ids.shape[1])
        return Forward(logits, features, real, case, partial(self._log_attention, hidden, real, case))

    def _log_attention(self, hidden: Tensor, real: Tensor, case: Tensor, index: int, outputs: Tensor) -> Float[Tensor, "T L"]:
        rows, mask = hidden[case == index].flatten(0, 1), real[case == index].flatten()
        scores = self.module.decoder.attention_scores(rows, outputs).masked_fill(~mask, -torch.inf)
        return torch.log_softmax(scores.float(), -1)

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
        return self._blocks([embed(self.module.encoder, self._ids(note.ids)).detach() for note in batch.data.notes])

    def reference(self, batch: Batch) -> Float[Tensor, "B L d"]:
        """The same with every token of text replaced by the mask token."""
        nothing = [np.zeros(len(note.content), dtype=bool) for note in batch.data.notes]
        return self.features(self.perturb(batch, nothing, "mask"))

    def scores(self, features: Float[Tensor, "B L d"], batch: Batch, targets: Sequence[Target]) -> Float[Tensor, "B K"]:
        """Logits of the targets, differentiable with respect to the features."""
        resolved = resolve(targets, self.labels)
        notes = batch.data.notes
        ids, lengths = self._tensors(*stack(notes))
        chunks = [features[b, : note.rows].unflatten(0, note.ids.shape) for b, note in enumerate(notes)]
        hidden = encode(self.module.encoder, ids, lengths, torch.cat(chunks))
        scores = self._decode(hidden, lengths, notes, torch.tensor(resolved.outputs, device=self.device))
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
        resolved = resolve(targets, self.labels)
        if not resolved.plain:
            raise PellucidError("Attention belongs to one label; explain labels, not contrasts, with this method.")
        order = resolved.weights.argmax(1)
        readings = []
        for case, note in enumerate(batch.data.notes):
            hidden = self._hidden(batch, case).flatten(0, 1)
            outputs = torch.tensor(resolved.outputs, device=self.device)[order]
            r = calculus.read(self.module.decoder, hidden, self._real(note).flatten(), outputs)
            readings.append(AttentionReading(r.attention, r.attention_gradient, r.score_gradient, r.value_norm))
        return readings

    def label_scores(self, batch: Batch) -> list[Float[Tensor, "C L"]]:
        """For each note the attention score of every label on every row, before the softmax; minus infinity on padding."""
        return [self._label_scores(batch, case) for case in range(len(batch))]

    @torch.no_grad()
    def _label_scores(self, batch: Batch, case: int) -> Float[Tensor, "C L"]:
        every = torch.arange(len(self.labels), device=self.device)
        scores = self.module.decoder.attention_scores(self._hidden(batch, case).flatten(0, 1), every)
        return scores.masked_fill(~self._real(batch.data.notes[case]).flatten(), -torch.inf)

    def layer_attention(self, batch: Batch) -> Iterator[AttentionBlock]:
        """Attention inside the encoder, a chunk a block. Chunks are encoded anew, a few at a time: their attention is large."""
        step = max(1, self.chunks_at_once // 4)
        for case, note in enumerate(batch.data.notes):
            for i in range(0, len(note.ids), step):
                found = layer_attention(self.module.encoder, *self._tensors(note.ids[i : i + step], note.lengths[i : i + step]))
                self.cost.chunks += len(found)
                yield from (AttentionBlock(case, (i + j) * note.ids.shape[1], block) for j, block in enumerate(found))

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

    def _ids(self, ids: Int[np.ndarray, "M C"]) -> Tensor:
        return torch.from_numpy(ids).to(self.device)

    def _tensors(self, ids: Int[np.ndarray, "M C"], lengths: Int[np.ndarray, " M"]) -> tuple[Tensor, Tensor]:
        return self._ids(ids), torch.from_numpy(lengths).to(self.device)

    def _real(self, note: Note) -> Bool[Tensor, "N C"]:
        return real_tokens(torch.from_numpy(note.lengths).to(self.device), note.ids.shape[1])

    @torch.no_grad()
    def _encode_chunks(
        self, ids: Int[np.ndarray, "M C"], lengths: Int[np.ndarray, " M"], features: Tensor | None = None
    ) -> Float[Tensor, "M C d"]:
        """Hidden states of chunks, a few at a time, counted."""
        self.cost.chunks += len(ids)
        tokens, sizes = self._tensors(ids, lengths)
        step, encoder = self.chunks_at_once, self.module.encoder
        parts = [
            encode(encoder, tokens[i : i + step], sizes[i : i + step], None if features is None else features[i : i + step])
            for i in range(0, len(ids), step)
        ]
        return torch.cat(parts)

    def _hidden(self, batch: Batch, case: int) -> Float[Tensor, "N C d"]:
        """Hidden states of one note, computed once a batch."""
        name = ("hidden", case, self.fingerprint)
        if name not in batch.memo:
            note = batch.data.notes[case]
            batch.memo[name] = self._encode_chunks(note.ids, note.lengths)
        return cast(Tensor, batch.memo[name])

    def _hidden_at(self, batch: Batch, case: int, features: Tensor) -> Float[Tensor, "N C d"]:
        note = batch.data.notes[case]
        return self._encode_chunks(note.ids, note.lengths, features[case, : note.rows].unflatten(0, note.ids.shape))

    @torch.no_grad()
    def _table(self, batch: Batch, case: int, outputs: tuple[int, ...]) -> ChunkTable:
        """The table of chunk contributions of one note; a new set of outputs replaces the last one's."""
        name, key = ("table", case), (outputs, self.fingerprint)
        if batch.memo.get(name, (None,))[0] != key:
            note, index = batch.data.notes[case], torch.tensor(outputs, device=self.device)
            own = partials(self.module.decoder, self._hidden(batch, case), self._real(note), index)
            contribute = partial(self._contributions, outputs=index)
            mask, pad = self.tokenizer.mask_token_id, self.tokenizer.pad_token_id
            batch.memo[name] = (key, ChunkTable(note, own, self.module.decoder, index, contribute, mask, pad))
        return cast(ChunkTable, batch.memo[name][1])

    @torch.no_grad()
    def _contributions(self, ids: Int[np.ndarray, "M C"], lengths: Int[np.ndarray, " M"], outputs: Tensor) -> Partials:
        """Contributions of chunks; hidden states are reduced a few chunks at a time, so that they never pile up."""
        step, parts = self.chunks_at_once, []
        for i in range(0, len(ids), step):
            real = real_tokens(torch.from_numpy(lengths[i : i + step]).to(self.device), ids.shape[1])
            parts.append(
                partials(self.module.decoder, self._encode_chunks(ids[i : i + step], lengths[i : i + step]), real, outputs)
            )
        return concatenate(*parts)

    def _decode(self, hidden: Tensor, lengths: Tensor, notes: Sequence[Note], outputs: Tensor) -> Float[Tensor, "B T"]:
        counts = [len(note.lengths) for note in notes]
        blocks = [part.flatten(0, 1) for part in hidden.split(counts)]
        real = [part.flatten() for part in real_tokens(lengths, hidden.shape[1]).split(counts)]
        padded = nn.utils.rnn.pad_sequence(blocks, batch_first=True)
        mask = nn.utils.rnn.pad_sequence(real, batch_first=True)
        return cast(Tensor, self.module.decoder(padded, mask, outputs))

    def _blocks(self, chunks: Sequence[Float[Tensor, "N C d"]]) -> Float[Tensor, "B L d"]:
        return nn.utils.rnn.pad_sequence([c.flatten(0, 1) for c in chunks], batch_first=True)
