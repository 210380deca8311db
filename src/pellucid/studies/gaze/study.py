"""What a study of consensus and gaze is made of, decided before it sees a single result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pellucid.audit.plan import Plan, usual_plan
from pellucid.errors import PellucidError
from pellucid.studies import study as studies
from pellucid.studies.data import Source
from pellucid.studies.study import Part
from pellucid.training import Recipe
from pellucid.training.objectives import objective
from pellucid.training.objectives.guidance import By
from pellucid.training.objectives.guidance import Source as Evidence

SINGLE, ENSEMBLE, CONSENSUS, GUIDED, DISTILLED = "single", "ensemble", "consensus", "consensus_gaze", "distilled"
STRATEGIES = (SINGLE, ENSEMBLE, CONSENSUS, GUIDED, DISTILLED)
"""In the order in which they are trained: the last learns from the one before it."""

HEADLINE = "grad_cam"
"""The method by which strategies are compared; it is what training makes agree."""

METHODS = (HEADLINE, "integrated_gradients", "smoothgrad")
BASELINES = ("random", "uniform", "centre_prior", "lungs", "edges", "random_smooth")
FAITHFUL, COMPARABLE = "srg", "naopc_comprehensiveness"
METRICS = (
    "gaze_information_gain", "gaze_sauc", "gaze_shuffled_nss", "gaze_shuffled_cc", "gaze_nss", "gaze_cc", "gaze_sim",
    "gaze_kld", "gaze_auc", "gaze_auc_judd", FAITHFUL, COMPARABLE, "relevance_mass",
)  # fmt: skip
"""All of gaze but the earth mover's distance, which is slow."""

_DECIDED = ("model", "seed", "start", "objective", "members", "teacher")

SOURCES = {
    "phantom": Source(
        "phantom_chest",
        {
            "n": 1200,
            "size": 64,
            "readers": 3,
            "shortcut": "marker",
            "shortcut_label": "opacity",
            "shortcut_rate": 0.8,
            "shortcut_rate_absent": 0.2,
        },
    ),
    "egd": Source("egd_cxr", {"size": 224}),
    "reflacx": Source("reflacx", {"size": 224}),
}
"""The data sets of the reproduction. In the phantom one a mark of the technician gives opacity away, four times in five."""


@dataclass(frozen=True)
class Weights:
    """How hard members are taught to agree, and to look where people look.

    Attributes:
        consensus: weight of the objective "consensus".
        gaze: weight of the objective "gaze".
        annotated: share of the patients whose evidence may be read.
        by: evidence that is read, "gaze", "marks" or "any".
    """

    consensus: float = 0.1
    gaze: float = 0.01
    annotated: float = 0.1
    by: By = "gaze"

    @property
    def source(self) -> Evidence:
        """What may be read of the evidence of training cases."""
        return Evidence(self.annotated, self.by)

    def objective_of(self, strategy: str) -> str:
        """What a strategy minimises."""
        agree = f"bce + {self.consensus:g} * consensus"
        looks = f"{self.gaze:g} * gaze(annotated={self.annotated:g}, by={self.by})"
        return {CONSENSUS: agree, GUIDED: f"{agree} + {looks}", DISTILLED: "distil"}.get(strategy, "bce")


@dataclass(frozen=True)
class GazeStudy:
    """Everything that decides the tables, besides the data.

    Attributes:
        recipe: fields of the recipe of every model, apart from those that a strategy decides.
        plan: how each model is audited on the test split.
        members: networks of an ensemble; the single model and the student have one.
        weights: of consensus and gaze.
        seeds: training seeds; models of one seed in two strategies are a pair.

    Raises:
        PellucidError: there is no seed, or an ensemble of one; a field of the recipe or a weight is not allowed, or is the
            study's own to decide.
    """

    recipe: Mapping[str, Any]
    plan: Plan
    members: int = 3
    weights: Weights = field(default_factory=Weights)
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)

    def __post_init__(self) -> None:
        object.__setattr__(self, "seeds", tuple(sorted(set(self.seeds))))
        studies.check_undecided(self.recipe, _DECIDED)
        if not self.seeds:
            raise PellucidError("A study needs at least one seed; give them with --seeds.")
        if self.members < 2:
            raise PellucidError(f"An ensemble of {self.members} has nobody to agree with; give --members of at least 2.")
        if HEADLINE not in self.plan.explainers:
            raise PellucidError(f"Strategies are compared by {HEADLINE}, and the plan is without it; add it to --methods.")
        for name in STRATEGIES:
            objective(self.recipe_of(Part(name, 0), Path()).objective)

    @property
    def parts(self) -> list[Part]:
        """Every strategy with every seed; the student comes after its teacher."""
        return [Part(name, seed) for seed in self.seeds for name in STRATEGIES]

    def members_of(self, strategy: str) -> int:
        """How many networks answer together."""
        return 1 if strategy in (SINGLE, DISTILLED) else self.members

    def recipe_of(self, part: Part, teacher: Path) -> Recipe:
        """How the model of a part is trained.

        Args:
            teacher: the model that the student learns from; of no meaning to others.
        """
        given = {**self.recipe, "model": "image_classifier", "seed": part.seed, "members": self.members_of(part.strategy)}
        given |= {"teacher": str(teacher)} if part.strategy == DISTILLED else {}
        return Recipe(**given, objective=self.weights.objective_of(part.strategy))


def teacher_of(part: Part) -> Part | None:
    """The part that the student learns from; None for all others."""
    return Part(GUIDED, part.seed) if part.strategy == DISTILLED else None


def plan_of(methods: tuple[str, ...] | None, **settings: Any) -> Plan:
    """A plan with the methods and metrics of the tables, and controls beside them."""
    known = [name for name in (methods or METHODS) if name not in BASELINES]
    usual = {"explainers": (*known, *BASELINES), "metrics": METRICS, "fillers": ("blur",), "sanity_cases": 0}
    return usual_plan("image", **{**usual, **settings})


@dataclass(frozen=True)
class Folders(studies.Folders):
    """Where a study keeps what it has finished."""

    def pace(self, part: Part) -> Path:
        """Seconds that a training took."""
        return self.root / "models" / f"{part}.json"
