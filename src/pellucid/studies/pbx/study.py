"""What a study of Jacobians is made of, decided before it sees a single result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pellucid.errors import PellucidError
from pellucid.studies import study as studies
from pellucid.studies.data import Source
from pellucid.studies.study import Part
from pellucid.training import Recipe
from pellucid.training.objectives import objective

PLAIN, MARKED, IGR, JACOBIAN = "plain", "marked", "igr", "jacobian"
STRATEGIES = (PLAIN, MARKED, IGR, JACOBIAN)
"""Trained on pictures without marks; on the same with a mark that gives a label away; and without marks, with a penalty."""

_DECIDED = ("model", "seed", "start", "objective")
_SCENES: dict[str, Any] = {"n": 800, "size": 64, "reports": True}
"""Reports are not read; with them a case says where lungs and heart lie."""


@dataclass(frozen=True)
class Weights:
    """How hard slopes are held down.

    Attributes:
        igr: weight of the gradient of the loss.
        jacobian: weight of the squared slope of the logits.
    """

    igr: float = 0.4
    jacobian: float = 0.0001

    def objective_of(self, strategy: str) -> str:
        """What a strategy minimises."""
        penalties = {IGR: f"bce + {self.igr:g} * igr", JACOBIAN: f"bce + {self.jacobian:g} * jacobian"}
        return penalties.get(strategy, "bce")


@dataclass(frozen=True)
class PbxStudy:
    """Everything that decides the tables, besides the data.

    Attributes:
        recipe: fields of the recipe of every model, apart from those that a strategy decides.
        label: the finding whose logit is differentiated; in marked pictures a mark gives it away.
        cases: test pictures whose Jacobian is taken; None for all.
        strategies: those that are trained.
        weights: of the penalties.
        seeds: training seeds; models of one seed in two strategies are a pair.

    Raises:
        PellucidError: there is no seed, no strategy or an unknown one, or a field of the recipe is the study's own to decide.
    """

    recipe: Mapping[str, Any]
    label: str = "opacity"
    cases: int | None = 60
    strategies: tuple[str, ...] = STRATEGIES
    weights: Weights = field(default_factory=Weights)
    seeds: tuple[int, ...] = tuple(range(10))

    def __post_init__(self) -> None:
        unknown = [name for name in self.strategies if name not in STRATEGIES]
        if unknown:
            raise PellucidError(f"There is no strategy {unknown[0]!r} in this study; use {', '.join(STRATEGIES)}.")
        object.__setattr__(self, "seeds", tuple(sorted(set(self.seeds))))
        object.__setattr__(self, "strategies", tuple(name for name in STRATEGIES if name in self.strategies))
        studies.check_undecided(self.recipe, _DECIDED)
        if not self.seeds:
            raise PellucidError("A study needs at least one seed; give them with --seeds.")
        if PLAIN not in self.strategies:
            raise PellucidError(f"Everything is held against the strategy {PLAIN}; add it to --strategies.")
        for name in self.strategies:
            objective(self.recipe_of(Part(name, 0)).objective)

    @property
    def parts(self) -> list[Part]:
        """Every strategy with every seed."""
        return [Part(name, seed) for seed in self.seeds for name in self.strategies]

    def recipe_of(self, part: Part) -> Recipe:
        """How the model of a part is trained."""
        objective_of = self.weights.objective_of(part.strategy)
        return Recipe(**{**self.recipe, "model": "image_classifier", "seed": part.seed}, objective=objective_of)


def sources(label: str, options: Mapping[str, Any]) -> dict[str, Source]:
    """Pictures without marks, and the same scenes with a mark that stands by the label nineteen times in twenty."""
    scenes = {**_SCENES, **options}
    mark = {"shortcut": "marker", "shortcut_label": label, "shortcut_rate": 0.95, "shortcut_rate_absent": 0.05}
    return {PLAIN: Source("phantom_chest", scenes), MARKED: Source("phantom_chest", {**scenes, **mark})}


@dataclass(frozen=True)
class Folders(studies.Folders):
    """Where a study keeps what it has finished."""

    def on_marked(self, part: Part) -> Path:
        """What the model says of the test split with marks."""
        return self.root / "predictions" / f"{part}.marked.npz"
