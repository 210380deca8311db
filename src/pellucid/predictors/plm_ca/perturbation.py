"""Scores of many perturbed versions of one note, encoding each distinct chunk once.

A version of a note differs from it in some chunks. A chunk's contribution depends on its token ids alone, so contributions are
kept in a table under the content of the chunk: an untouched chunk, a chunk that two versions share, and the all-masked chunk
that every middle of a note turns into, are each encoded once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from pellucid.predictor import Filler
from pellucid.predictors.plm_ca.chunks import Note, edit, removed_positions
from pellucid.predictors.plm_ca.decoders import Decoder
from pellucid.predictors.plm_ca.partials import Partials, concatenate, logits, merge, without_each

Contribute = Callable[[Int[np.ndarray, "M C"], Int[np.ndarray, " M"]], Partials]

_BUDGET = 96 * 2**20
"""Bytes that one block of versions, or what all chunks of the note itself contribute, may take."""

_KEPT = 512 * 2**20
"""Bytes of edited chunks that the table of one note may keep for versions to come."""


@dataclass(eq=False)
class ChunkTable:
    """Contributions of the chunks of one note, and of every edited chunk met so far, to some outputs.

    Attributes:
        note: the note.
        own: contributions of its own chunks.
        contribute: encodes chunks into contributions.
        parts: contributions; the first N rows are the note's own chunks, the next N the sums of all chunks but one.
        place: content of a chunk to its row.
    """

    note: Note
    own: Partials
    decoder: Decoder
    outputs: Int[Tensor, " T"]
    contribute: Contribute
    mask_id: int
    pad_id: int
    parts: Partials = field(init=False)
    place: dict[bytes, int] = field(init=False)

    def __post_init__(self) -> None:
        self.parts = concatenate(self.own, _like(without_each(self.own), self.own))
        self._own = {key(ids, n): i for i, (ids, n) in enumerate(zip(self.note.ids, self.note.lengths, strict=True))}
        self.place = dict(self._own)

    @torch.no_grad()
    def scores(self, keep: Bool[np.ndarray, "P U"], filler: Filler) -> Float[np.ndarray, "P T"]:
        """Logits of each version; float64."""
        result = np.zeros((len(keep), len(self.outputs)))
        block = self._versions_at_once()
        for start in range(0, len(keep), block):
            part = slice(start, start + block)
            result[part] = self._block(removed_positions(self.note, keep[part]), filler)
        return result

    def _block(self, removed: Bool[np.ndarray, "P N C"], filler: Filler) -> Float[np.ndarray, "P T"]:
        if self._held() > _KEPT:
            self._forget()
        changed = np.any(removed, axis=2)
        version, chunk = np.nonzero(changed)
        places = self._places(chunk, removed[version, chunk], filler)
        index = torch.from_numpy(self._rows(changed, version, chunk, places)).to(self.outputs.device)
        return logits(self.decoder, merge(self.parts, index), self.outputs).cpu().numpy()

    def _places(self, chunk: Int[np.ndarray, " M"], removed: Bool[np.ndarray, "M C"], filler: Filler) -> Int[np.ndarray, " M"]:
        """Rows of the edited chunks, encoding those not met before; -1 for a chunk that became empty."""
        ids, lengths = edit(self.note.ids[chunk], self.note.lengths[chunk], removed, filler, self.mask_id, self.pad_id)
        keys = [key(row, n) for row, n in zip(ids, lengths, strict=True)]
        fresh = {k: i for i, k in enumerate(keys) if k not in self.place and lengths[i]}
        if fresh:
            chosen = np.fromiter(fresh.values(), dtype=np.int64)
            first = len(self.parts)
            self.parts = concatenate(self.parts, self.contribute(ids[chosen], lengths[chosen]))
            self.place |= {k: first + j for j, k in enumerate(fresh)}
        return np.array([self.place[k] if n else -1 for k, n in zip(keys, lengths, strict=True)], dtype=np.int64)

    def _rows(
        self,
        changed: Bool[np.ndarray, "P N"],
        version: Int[np.ndarray, " M"],
        chunk: Int[np.ndarray, " M"],
        places: Int[np.ndarray, " M"],
    ) -> Int[np.ndarray, "P R"]:
        """Which rows of the table make up each version: two where one chunk changed, else all N."""
        count = len(self.note.lengths)
        if (changed.sum(1) == 1).all():
            return np.stack([count + chunk, places], 1)
        rows = np.tile(np.arange(count), (len(changed), 1))
        rows[version, chunk] = places
        return rows

    def _versions_at_once(self) -> int:
        """So many that neither their new chunks nor one label's gathered values exceed the budget."""
        count, (_, labels, size) = len(self.note.lengths), self.parts.total.shape
        return int(np.clip(_BUDGET // (count * size * max(8, 4 * labels)), 1, 512))

    def _held(self) -> int:
        return (len(self.parts) - 2 * len(self.note.lengths)) * self.parts.total[0].numel() * self.parts.total.element_size()

    def _forget(self) -> None:
        self.parts = self.parts[: 2 * len(self.note.lengths)]
        self.place = dict(self._own)


def labels_at_once(note: Note, value_size: int) -> int:
    """So many labels that the table of the note's own chunks stays within the budget."""
    return max(1, _BUDGET // (8 * len(note.lengths) * value_size))


def key(ids: Int[np.ndarray, " C"], length: int) -> bytes:
    """A chunk's content in 16 bytes."""
    return hashlib.blake2b(ids[:length].tobytes(), digest_size=16).digest()


def _like(parts: Partials, other: Partials) -> Partials:
    # The sums of N - 1 chunks stay in the table's own precision: a sum of positive terms loses nothing by rounding once.
    return Partials(parts.peak.to(other.peak.dtype), parts.mass.to(other.mass.dtype), parts.total.to(other.total.dtype))
