"""A model whose perturbation curves can be written down, for the tests of faithfulness."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np

from pellucid.case import Case
from pellucid.predictor import Batch, Filler
from pellucid.target import Target
from pellucid.units import TextUnits, words


class Wordwise:
    """logit = bias + what the kept words weigh + what the kept pairs add. Every word is read as two tokens.

    A word counts as kept when both its tokens are. White space has a token of its own, which weighs 100 when removed: a sweep
    that touches it gives absurd outputs.

    Attributes:
        asked: how often each (filler, mask) was scored.
        cost.chunks: one "chunk encoding" a perturbed input, to be counted.
    """

    labels = ("A", "B", "C")
    fingerprint = "0" * 64
    threshold = 0.5

    def __init__(self, weights: np.ndarray, pairs: dict[tuple[int, int], float] | None = None, bias: float = 0.0) -> None:
        self.weights = np.atleast_2d(np.asarray(weights, dtype=np.float64))
        self.pairs = pairs or {}
        self.bias = bias
        self.asked: Counter[tuple[str, bytes]] = Counter()
        self.largest_call = 0
        self.cost = SimpleNamespace(chunks=7)

    @property
    def targets(self) -> list[Target]:
        return [Target.label(label) for label in self.labels[: len(self.weights)]]

    def encode(self, cases: Sequence[Case]) -> Batch:
        tokens = tuple(tokens_of(case.text) for case in cases)
        return Batch(tuple(cases), tokens, tuple(np.arange(len(t)) for t in tokens), None)

    def batch(self, case: str = "note") -> tuple[Batch, TextUnits]:
        """A note with one word a weight, and its words."""
        text = " ".join(f"w{i:03d}" for i in range(self.weights.shape[1]))
        return self.encode([Case(case, "patient", {"text": text}, frozenset())]), words(text)

    def outputs(self, kept: np.ndarray) -> np.ndarray:
        """Logits [P, K] where `kept` [P, W] says which words are whole."""
        extra = sum((value * (kept[:, i] & kept[:, j]) for (i, j), value in self.pairs.items()), np.zeros(len(kept)))
        return self.bias + kept @ self.weights.T + extra[:, None]

    def perturbed_scores(
        self, batch: Batch, keep: Sequence[np.ndarray], filler: Filler, targets: Sequence[Target]
    ) -> list[np.ndarray]:
        columns = [self.labels.index(target.terms[0][0]) for target in targets]
        self.asked.update((filler, mask.tobytes()) for mask in keep[0])
        self.largest_call = max(self.largest_call, len(keep[0]))
        self.cost.chunks += len(keep[0])
        return [self._logits(batch.units[0], masks)[:, columns] for masks in keep]

    def _logits(self, tokens: TextUnits, masks: np.ndarray) -> np.ndarray:
        space = np.array([not string.strip() for string in tokens.strings], dtype=bool)
        visible = masks[:, ~space]
        whole = visible[:, 0::2] & visible[:, 1::2]
        return self.outputs(whole) + 100.0 * (~masks[:, space]).sum(axis=1, keepdims=True)


def tokens_of(text: str) -> TextUnits:
    """Two tokens a word and one for each space."""
    offsets = []
    for start, end in words(text).offsets.tolist():
        if start:
            offsets.append((start - 1, start))
        offsets += [(start, start + 2), (start + 2, end)]
    return TextUnits(text, np.array(offsets, dtype=np.int64).reshape(-1, 2), "token")
