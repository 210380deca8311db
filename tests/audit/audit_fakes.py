"""A model whose logits are sums over words, explainers that are right or wrong on purpose, and a small data set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import torch

from pellucid.case import Case, Spans
from pellucid.explainers.base import Facts, attribute
from pellucid.files import digest
from pellucid.predictor import Batch
from pellucid.units import TextUnits, words

METRICS = (
    "average_precision", "token_precision", "true_positives", "false_positives", "false_negatives", "empty", "entropy",
    "comprehensiveness", "sufficiency", "naopc_comprehensiveness",
)  # fmt: skip

LABELS = ("I10", "E11", "J45")
WEIGHTS = {
    "I10": {"hypertension": 5.0, "amlodipine": 1.0, "denies": -2.0},
    "E11": {"diabetes": 5.0, "insulin": 1.5},
    "J45": {"asthma": 5.0, "inhaler": 1.0, "courier": 4.0},
}
FILL = ["the", "patient", "was", "seen", "in", "clinic", "today", "and", "feels", "well", "with", "no", "new", "complaints"]


class WordModel:
    """logit = -2 + sum of the weights of the words that are there."""

    labels = LABELS
    threshold = 0.5

    def __init__(self, weights: Mapping[str, Mapping[str, float]] = WEIGHTS, limit: int = 10_000, seed: int = 0) -> None:
        self.weights, self.limit = weights, limit
        self.about = {"seed": seed}
        self.fingerprint = digest(repr(weights), str(limit), str(seed))

    def encode(self, cases: Sequence[Case]) -> Batch:
        units = tuple(self._units(c.text) for c in cases)
        rows = tuple(np.arange(len(u)) for u in units)
        length = max(len(u) for u in units)
        data = torch.zeros(len(cases), length, len(LABELS), dtype=torch.float64)
        for b, u in enumerate(units):
            for i, word in enumerate(u.strings):
                data[b, i] = torch.tensor([self.weights[label].get(word.lower(), 0.0) for label in LABELS])
        return Batch(tuple(cases), units, rows, data)

    def _units(self, text: str) -> TextUnits:
        whole = words(text)
        return TextUnits(text, whole.offsets[: self.limit], "token")

    def features(self, batch: Batch) -> Any:
        return batch.data

    def reference(self, batch: Batch) -> Any:
        return torch.zeros_like(batch.data)

    def scores(self, features: Any, batch: Batch, targets: Sequence[Any]) -> Any:
        logits = features.sum(1) - 2.0
        return torch.stack([sum(w * logits[:, LABELS.index(name)] for name, w in t.terms) for t in targets], 1)

    def probabilities(self, batch: Batch) -> Any:
        return torch.sigmoid(batch.data.sum(1) - 2.0).numpy()

    def perturb(self, batch: Batch, keep: Sequence[np.ndarray], filler: str) -> Batch:
        data = batch.data.clone()
        for b, mask in enumerate(keep):
            data[b, : len(mask)] *= torch.tensor(mask, dtype=data.dtype)[:, None]
        return replace(batch, data=data, memo={})

    def perturbed_scores(self, batch: Batch, keep: Sequence[np.ndarray], filler: str, targets: Sequence[Any]) -> Any:
        columns = [LABELS.index(t.name) for t in targets]
        data = batch.data.numpy()[:, :, columns]
        return [m.astype(float) @ data[b, : m.shape[1]] - 2.0 for b, m in enumerate(keep)]


@dataclass(frozen=True)
class Oracle(Facts):
    """What each word really adds to the logit."""

    name: str = "oracle"
    signed: ClassVar[bool] = True

    def __call__(self, predictor: Any, batch: Batch, targets: Sequence[Any]) -> list[Any]:
        columns = [LABELS.index(t.name) for t in targets]
        return [
            attribute(self, predictor, batch, b, targets, batch.data[b, : len(u)].numpy()[:, columns].T)
            for b, u in enumerate(batch.units)
        ]


@dataclass(frozen=True)
class Random(Facts):
    """Noise."""

    name: str = "random"

    def __call__(self, predictor: Any, batch: Batch, targets: Sequence[Any]) -> list[Any]:
        result = []
        for b, (case, u) in enumerate(zip(batch.cases, batch.units, strict=True)):
            rng = np.random.default_rng(int(digest(case.id)[:8], 16))
            result.append(attribute(self, predictor, batch, b, targets, rng.random((len(targets), len(u)))))
        return result


@dataclass(frozen=True)
class Uniform(Facts):
    """The same score everywhere."""

    name: str = "uniform"

    def __call__(self, predictor: Any, batch: Batch, targets: Sequence[Any]) -> list[Any]:
        return [
            attribute(self, predictor, batch, b, targets, np.ones((len(targets), len(u)))) for b, u in enumerate(batch.units)
        ]


@dataclass(frozen=True)
class Nothing(Uniform):
    """No score anywhere: metrics refuse it."""

    name: str = "nothing"

    def __call__(self, predictor: Any, batch: Batch, targets: Sequence[Any]) -> list[Any]:
        return [replace(a, scores=0.0 * a.scores) for a in super().__call__(predictor, batch, targets)]


@dataclass(frozen=True)
class Prior(Uniform):
    """Learns from training cases; counts how many it has seen."""

    name: str = "prior"
    seen: int = 0

    def fit(self, cases: Sequence[Case]) -> Prior:
        return replace(self, seen=len([case.id for case in cases]))


@dataclass(frozen=True)
class Attention(Uniform):
    """Needs what the word model lacks."""

    name: str = "attention"
    needs: ClassVar[tuple[str, ...]] = ("label_attention",)


EXPLAINERS = {e.name: e for e in (Oracle, Random, Uniform, Nothing, Prior, Attention)}


@dataclass(eq=False)
class Notes:
    """Short notes of some patients, two a patient, with evidence; one label in three is planted by a courier's name."""

    size: int = 12
    evil: str = ""
    name: str = "notes"
    labels: tuple[str, ...] = LABELS
    about: Mapping[str, Any] = field(default_factory=lambda: {"licence": "none", "exclusions": {"empty note": 2}})

    @property
    def fingerprint(self) -> str:
        return digest(str(self.size), self.evil)

    def __len__(self) -> int:
        return 3 * self.size

    def __iter__(self) -> Iterator[Case]:
        return (case for name in ("train", "validation", "test") for case in self.split(name))

    def split(self, name: str) -> list[Case]:
        return [note(f"{name}-{i}", f"{name}-p{i // 2}", i, self.evil) for i in range(self.size)]


def note(name: str, patient: str, i: int, evil: str = "") -> Case:
    """A note in which the model is right, misses a label, or is fooled, by turns."""
    rng = np.random.default_rng(i)
    fill = " ".join(rng.permutation(FILL))
    said = {0: "hypertension", 1: "diabetes", 2: "courier", 3: "amlodipine"}[i % 4]
    label = {0: "I10", 1: "E11", 2: "J45", 3: "I10"}[i % 4]
    text = f"{fill} {evil} {said} treated with insulin. {fill}"
    start = text.index(said)
    mark = Spans.of((start, start + len(said)), label=label)
    gold = frozenset({label}) if i % 8 != 1 else frozenset()  # every other diabetic is a false positive
    other = Spans.of((0, text.index(" ")), label=label)
    evidence = () if not gold else (other,) if said == "courier" else (mark,)
    return Case(name, patient, {"text": text}, gold, evidence, (mark,) if said == "courier" else ())
