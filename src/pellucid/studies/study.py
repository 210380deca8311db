"""What a study is made of, decided before it sees a single result."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pellucid import registry
from pellucid.audit import Plan
from pellucid.errors import PellucidError
from pellucid.registry import Registry
from pellucid.training import Recipe
from pellucid.training.objectives import objective

BASE, SUPERVISED = "bce", "evidence"
"""The strategy that the others are held against, and the objective that is shown human evidence."""

STRATEGIES = ("bce", "igr", "pgd", "tm", "evidence")
METHODS = (
    "attention", "attention_filtered", "attention_rollout", "attgrad", "attgrad_signed", "value_norm", "input_x_gradient",
    "integrated_gradients", "attingrad", "attingrad_filtered", "gim", "attingim", "random",
)  # fmt: skip
METRICS = (
    "average_precision", "true_positives", "false_positives", "false_negatives", "empty", "span_hit_recall", "iou_at_size",
    "recall_at_5", "punctuation_at_5", "naopc_comprehensiveness", "naopc_sufficiency", "naopc_gap",
)  # fmt: skip
CHOOSING = ("average_precision", "naopc_comprehensiveness")
"""What decides on validation, and is then tested."""

PACE = ("epochs", "learning_rate", "encoder_learning_rate", "warmup", "schedule", "patience")
"""Fields of the recipe that are for models which learn from nothing."""

_DECIDED = ("objective", "start", "seed")

_NAME = re.compile(r"[A-Za-z0-9_.+]+")


@dataclass(frozen=True, order=True)
class Part:
    """One strategy with one seed: a model, and its audits."""

    strategy: str
    seed: int

    def __str__(self) -> str:
        return f"{self.strategy}-{self.seed}"


@dataclass(frozen=True)
class Study:
    """Everything that decides the tables, besides the data.

    Attributes:
        recipe: fields of the recipe of every model, apart from objective, start and seed.
        plan: how each model is audited on the test split.
        preset: name of the published settings under them, or None.
        strategies: objectives, each as :func:`pellucid.training.objectives.objective` reads it, in the order of the tables.
        seeds: training seeds; models of one seed in two strategies are a pair.
        choice_cases: validation cases on which a combination is chosen; None for all.

    Raises:
        PellucidError: a strategy is no objective, or cannot be the name of a folder; a field of the recipe is not allowed, or
            is the study's own to decide.
    """

    recipe: Mapping[str, Any]
    plan: Plan
    preset: str | None = None
    strategies: tuple[str, ...] = field(default_factory=lambda: at_hand(STRATEGIES, registry.objectives))
    seeds: tuple[int, ...] = (0, 1, 2)
    choice_cases: int | None = None

    def __post_init__(self) -> None:
        known = {name: i for i, name in enumerate(STRATEGIES)}
        ordered = sorted(set(self.strategies), key=lambda name: (known.get(name, len(known)), name))
        object.__setattr__(self, "strategies", tuple(ordered))
        object.__setattr__(self, "seeds", tuple(sorted(set(self.seeds))))
        check_undecided(self.recipe, _DECIDED)
        if not self.strategies or not self.seeds:
            raise PellucidError("A study needs at least one strategy and one seed; give them with --strategies and --seeds.")
        for name in self.strategies:
            if not _NAME.fullmatch(name):
                raise PellucidError(
                    f"The strategy {name!r} cannot name a folder; join names of objectives by '+', such as tm+igr."
                )
            self.recipe_of(Part(name, 0), None)
            objective(name)

    @property
    def parts(self) -> list[Part]:
        """Every strategy with every seed; strategies that learn from another model come after it."""
        return [Part(name, seed) for seed in self.seeds for name in sorted(self.strategies, key=needs_teacher)]

    @property
    def validation_plan(self) -> Plan:
        """The audit on which a combination is chosen: the same methods, on validation cases, by what decides."""
        return replace(self.plan, split="validation", cases=self.choice_cases, metrics=CHOOSING)

    def recipe_of(self, part: Part, start: Path | None) -> Recipe:
        """How the model of a part is trained.

        Args:
            start: the model that it learns from, where it needs one; how fast and how long it goes on is then what suits a
                trained model, or what the preset says.
        """
        given = {**self.recipe, "seed": part.seed}
        if start is not None:
            given = {name: value for name, value in given.items() if name not in PACE} | {"start": str(start)}
        if self.preset is None:
            return Recipe(**{**given, "objective": part.strategy})
        recipe: Recipe = registry.presets.create(self.preset).recipe(part.strategy, **given)
        return recipe


def check_undecided(recipe: Iterable[str], decided: Sequence[str], group: str = "recipe") -> None:
    """Refuse a recipe that holds what the study decides.

    Args:
        group: what its options are called, in messages.

    Raises:
        PellucidError: it does.
    """
    given = set(recipe)
    for name in decided:
        if name in given:
            raise PellucidError(f"The study decides the {name} of every recipe by itself; leave {group}.{name} out.")


def needs_teacher(strategy: str) -> bool:
    """Whether the strategy learns from a model that was trained before."""
    return bool(objective(strategy).teacher)


def is_supervised(strategy: str) -> bool:
    """Whether the strategy is shown human evidence."""
    return any(part.name == SUPERVISED for _, part in objective(strategy).parts)


def at_hand(wanted: Sequence[str], among: Registry) -> tuple[str, ...]:
    """Those of the study's own names that are registered."""
    return tuple(name for name in wanted if name in among)


def plan_of(methods: Sequence[str], **settings: object) -> Plan:
    """A plan with the metrics of the tables, and words removed by masking alone."""
    return Plan(**{"explainers": tuple(methods), "metrics": METRICS, "fillers": ("mask",), **settings})  # type: ignore[arg-type]


@dataclass(frozen=True)
class Folders:
    """Where a study keeps what it has finished."""

    root: Path

    @property
    def data(self) -> Path:
        """The prepared data set."""
        return self.root / "data"

    def model(self, part: Part) -> Path:
        """A trained model."""
        return self.root / "models" / str(part)

    def predictions(self, part: Part) -> Path:
        """What the model says of the whole test split."""
        return self.root / "predictions" / f"{part}.npz"

    def audit(self, part: Part) -> Path:
        """Findings on test cases."""
        return self.root / "audits" / str(part)

    def probe(self, part: Part) -> Path:
        """What is measured beside the audit, or in its place."""
        return self.root / "probes" / f"{part}.npz"

    def choice(self, part: Part) -> Path:
        """Findings on validation cases."""
        return self.root / "validation" / str(part)
