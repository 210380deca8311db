"""Short notes in which one word, marked as evidence, decides each label; small enough to learn in seconds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.case import Case, Spans
from pellucid.files import digest

if TYPE_CHECKING:
    from pellucid.datasets.base import SplitName

WORDS = {"E11.9": "diabetes", "G43.9": "migraine", "I10": "hypertension", "J45.9": "asthma"}
FILLER = [
    "patient",
    "seen",
    "today",
    "in",
    "clinic",
    "with",
    "family",
    "stable",
    "plan",
    "follow",
    "up",
    "review",
    "chart",
    "normal",
    "exam",
    "walks",
    "daily",
    "reports",
    "sleep",
]


@dataclass(eq=False)
class ToyNotes:
    """`n` notes; the first fifth are validation, the rest are for training."""

    n: int = 60
    seed: int = 0
    name: str = "toy"
    labels: tuple[str, ...] = tuple(WORDS)
    about: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        random = np.random.default_rng(self.seed)
        self.cases = [self._note(i, random) for i in range(self.n)]
        self.fingerprint = digest(*(case.text for case in self.cases))

    def _note(self, index: int, random: np.random.Generator) -> Case:
        labels = [label for label in WORDS if random.random() < 0.35] or ["I10"]
        words = list(random.choice(FILLER, random.integers(20, 60)))
        for label in labels:
            words.insert(int(random.integers(len(words))), WORDS[label])
        text = " ".join(words)
        places = {label: text.index(WORDS[label]) for label in labels}
        evidence = tuple(Spans.of((at, at + len(WORDS[label])), label=label) for label, at in places.items())
        return Case(f"note{index}", f"patient{index}", {"text": text}, frozenset(labels), evidence)

    def __len__(self) -> int:
        return self.n

    def __iter__(self) -> Iterator[Case]:
        return iter(self.cases)

    def split(self, name: SplitName) -> Sequence[Case]:
        border = self.n // 5
        return {"train": self.cases[border:], "validation": self.cases[:border], "test": self.cases[:0]}[name]
