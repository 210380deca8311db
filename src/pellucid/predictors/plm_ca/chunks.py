"""Notes as chunks of tokens: how text becomes the rows that the encoder reads.

A note is cut into consecutive chunks of equal length that the encoder reads independently; the special tokens of the encoder
stand once at the start and once at the end of the *note* (Edin et al. 2024). The last chunk is as long as what is left: a note
whose length is a multiple of the chunk has no extra, empty chunk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from pellucid.case import Case
from pellucid.errors import DataError
from pellucid.predictor import Filler
from pellucid.units import TextUnits


@dataclass(frozen=True, eq=False)
class Note:
    """One note as chunks of token ids.

    Attributes:
        ids: token ids, right-padded.
        lengths: real tokens of each chunk.
        content: flat positions (chunk * C + column) of the tokens that stand for text, in order; the others are special.
        truncated: tokens that did not fit and were dropped from the end.
    """

    ids: Int[np.ndarray, "N C"]
    lengths: Int[np.ndarray, " N"]
    content: Int[np.ndarray, " U"]
    truncated: int

    @property
    def rows(self) -> int:
        """Positions, padding included."""
        return self.ids.size


@dataclass(frozen=True, eq=False)
class Notes:
    """The data of a batch of notes."""

    notes: tuple[Note, ...]

    @property
    def truncated(self) -> tuple[int, ...]:
        """Tokens dropped from each note."""
        return tuple(note.truncated for note in self.notes)


def tokenise(tokenizer: Any, case: Case, chunk: int, max_tokens: int) -> tuple[Note, TextUnits]:
    """Read one case as chunks, with the text range of every token.

    Raises:
        DataError: the note is empty or white space.
    """
    text = case.text
    if not text.strip():
        raise DataError(f"The note of case {case.id} is empty; leave the case out or give its text.")
    encoding = tokenizer(text, return_offsets_mapping=True, return_special_tokens_mask=True, verbose=False)
    ids = np.asarray(encoding["input_ids"], dtype=np.int64)
    special = np.asarray(encoding["special_tokens_mask"], dtype=bool)
    offsets = np.asarray(encoding["offset_mapping"], dtype=np.int64).reshape(-1, 2)
    excess = max(0, len(ids) - max_tokens)
    if excess:
        last = len(ids) - int(np.argmin(special[::-1]))  # one past the last token of text
        kept = np.r_[0 : last - excess, last : len(ids)]
        ids, special, offsets = ids[kept], special[kept], offsets[kept]
    content = np.flatnonzero(~special)
    return cut(ids, content, chunk, tokenizer.pad_token_id, excess), TextUnits(text, offsets[content], "token")


def cut(ids: Int[np.ndarray, " L"], content: Int[np.ndarray, " U"], chunk: int, pad: int, truncated: int = 0) -> Note:
    """Cut a row of token ids into chunks of `chunk`."""
    count = -(-len(ids) // chunk)
    padded = np.full(count * chunk, pad, dtype=np.int64)
    padded[: len(ids)] = ids
    lengths = np.minimum(chunk, len(ids) - chunk * np.arange(count))
    return Note(padded.reshape(count, chunk), lengths, content, truncated)


def removed_positions(note: Note, keep: Bool[np.ndarray, "P U"]) -> Bool[np.ndarray, "P N C"]:
    """Where each version of a note lacks a token."""
    removed = np.zeros((len(keep), note.rows), dtype=bool)
    removed[:, note.content] = ~keep
    return removed.reshape(len(keep), *note.ids.shape)


def edit(
    ids: Int[np.ndarray, "M C"],
    lengths: Int[np.ndarray, " M"],
    removed: Bool[np.ndarray, "M C"],
    filler: Filler,
    mask: int,
    pad: int,
) -> tuple[Int[np.ndarray, "M C"], Int[np.ndarray, " M"]]:
    """Chunks with some tokens replaced by the mask token, or deleted.

    Deleting closes the gap *within* the chunk: later tokens of the chunk move left, the borders of chunks stay where they are.
    (Re-flowing the whole note would change the context of every later token, so that a removed word would be charged with the
    effect of all the new borders.) A chunk may end up empty; it then takes no part in the note.
    """
    if filler == "mask":
        return np.where(removed, mask, ids), lengths
    real = np.arange(ids.shape[1]) < lengths[:, None]
    kept = real & ~removed
    order = np.argsort(~kept, axis=1, kind="stable")
    remaining = kept.sum(1)
    closed = np.where(np.arange(ids.shape[1]) < remaining[:, None], np.take_along_axis(ids, order, 1), pad)
    return closed, remaining


def perturbed_note(note: Note, keep: Bool[np.ndarray, " U"], filler: Filler, mask: int, pad: int) -> Note:
    """One version of a note. Its `content` is that of the original only with the filler "mask"."""
    removed = removed_positions(note, keep[None])[0]
    ids, lengths = edit(note.ids, note.lengths, removed, filler, mask, pad)
    filled = lengths > 0
    if filler == "delete" and filled.any():
        ids, lengths = ids[filled], lengths[filled]
    return Note(ids, lengths, note.content, note.truncated)


def stack(notes: Sequence[Note]) -> tuple[Int[np.ndarray, "M C"], Int[np.ndarray, " M"]]:
    """All chunks of several notes, one after the other."""
    return np.concatenate([n.ids for n in notes]), np.concatenate([n.lengths for n in notes])
