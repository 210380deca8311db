"""A study small enough for tests: two strategies, two seeds, three methods, on forty short phantom notes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pellucid.datasets import StoredDataset
from pellucid.studies import Study
from pellucid.studies.study import plan_of

METHODS = ("attention", "input_x_gradient", "attingrad")


def study(strategies: tuple[str, ...] = ("bce", "evidence"), seeds: tuple[int, ...] = (0, 1)) -> Study:
    """A study of these strategies and seeds; all else is always the same."""
    recipe = {"encoder": "tiny", "epochs": 1, "batch_size": 8, "chunk": 64}
    plan = plan_of(METHODS, cases=3, validation_cases=3, candidates=3)
    return Study(recipe, plan, strategies=strategies, seeds=seeds, choice_cases=3)


@dataclass(frozen=True)
class Done:
    """A finished study."""

    study: Study
    dataset: StoredDataset
    out: Path
