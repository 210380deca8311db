"""Rows and signals from which a model can learn in seconds, as data sets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.case import Case
from pellucid.measurements import Measurements
from pellucid.signals import Signal

if TYPE_CHECKING:
    from pellucid.datasets.base import SplitName

RATE, LEADS = 32.0, ("I", "II")


@dataclass(eq=False)
class Listed:
    """Cases as a data set: the first three fifths are for training, the next for validation, the last for tests."""

    cases: Sequence[Case]
    labels: tuple[str, ...]
    name: str = "listed"
    fingerprint: str = "listed"
    about: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.cases)

    def __iter__(self) -> Iterator[Case]:
        return iter(self.cases)

    def split(self, name: SplitName) -> Sequence[Case]:
        a, b = 3 * len(self.cases) // 5, 4 * len(self.cases) // 5
        return {"train": self.cases[:a], "validation": self.cases[a:b], "test": self.cases[b:]}[name]


def rows(n: int = 60) -> Listed:
    """Three measurements, of which one decides."""
    random = np.random.default_rng(0)
    values = random.normal([140, 1, 60], [4, 0.3, 15], (n, 3))
    cases = [
        Case(
            f"r{i}",
            f"p{i}",
            {"table": Measurements(v, ("sodium", "creatinine", "age"))},
            frozenset({"high"} if v[1] > 1 else ()),
        )
        for i, v in enumerate(values)
    ]
    return Listed(cases, ("high",), "rows")


def beats(n: int = 60) -> Listed:
    """Two seconds of noise, half of them with a wide wave in lead II."""
    random = np.random.default_rng(0)
    cases = []
    for i in range(n):
        samples = random.normal(0, 0.1, (64, 2)).astype(np.float32)
        if i % 2:
            at = int(random.integers(5, 50))
            samples[at : at + 9, 1] += np.hanning(9).astype(np.float32)
        signal = Signal(samples, RATE, LEADS)
        cases.append(Case(f"s{i}", f"p{i}", {"signal": signal}, frozenset({"wide"} if i % 2 else ())))
    return Listed(cases, ("wide",), "beats")


def cancer() -> Listed:
    """The breast-cancer table that scikit-learn ships."""
    from pellucid.datasets import BreastCancer

    cases = list(BreastCancer().prepare().cases)
    order = np.random.default_rng(0).permutation(len(cases))
    return Listed([cases[i] for i in order], ("malignant",), "cancer")


def exclusive(data: Listed) -> Listed:
    """The same with a label for what has none."""
    cases = [case if case.labels else replace(case, labels=frozenset({"none"})) for case in data.cases]
    return replace(data, cases=cases, labels=(*data.labels, "none"), about={"exclusive": True})
