"""What a study of mask networks is made of, decided before it sees a single result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pellucid import registry
from pellucid.audit.plan import Plan, usual_plan
from pellucid.errors import PellucidError
from pellucid.studies.data import Source
from pellucid.studies.study import check_undecided
from pellucid.training import Recipe
from pellucid.training.masks import MaskRecipe

OURS, UNSUPERVISED, PUBLISHED = "nemt", "nem_u", "nemt2025"
NETWORKS = (OURS, UNSUPERVISED, PUBLISHED)
"""Mask networks in the order in which they are trained, each for the model with those before it; those whose explainers are
not asked for are left out, ours apart."""

RIVALS = ("grad_cam_plus_plus", "layer_cam", "rise", "integrated_gradients", "extremal_perturbation")
"""The methods that a mask network must beat."""

SUPERVISED = (OURS, PUBLISHED, *RIVALS, "rise_published", "grad_cam", "smoothgrad", "occlusion")
WITHOUT_LABELS = (UNSUPERVISED, "relax", "u_relax")
BASELINES = ("prior", "centre_prior", "edges", "random_smooth", "random")
METRICS = (
    "relevance_rank", "relevance_mass", "relevance_mass_on_others", "pointing_game", "average_precision", "entropy", "gini",
    "srg", "deletion_auc", "insertion_auc", "sensitivity_n",
)  # fmt: skip
FACTOR = 1.3
"""How many times the relevance mass of the best rival ours should have."""

_DECIDED = ("model", "seed", "start", "objective")

SOURCES = {
    "phantom": Source("phantom_chest", {"n": 2000, "size": 96}),
    "rsna": Source("rsna", {"size": 224}),
    "ham10000": Source("ham10000", {"size": 224}),
    "isic2017": Source("isic2017", {"size": 224}),
}
"""The data sets of the reproduction."""


@dataclass(frozen=True)
class MaskStudy:
    """Everything that decides the tables, besides the data.

    Attributes:
        recipe: fields of the recipe of every classifier, apart from model and seed.
        masks: fields of the recipe of every mask network of ours; the published one has its preset's.
        plan: how each model is audited on the test split.
        seeds: training seeds of classifier and mask networks.
        timed: test images on which seconds an image are measured.

    Raises:
        PellucidError: there is no seed; or a field of a recipe is not allowed, or is the study's own to decide.
    """

    recipe: Mapping[str, Any]
    masks: Mapping[str, Any]
    plan: Plan
    seeds: tuple[int, ...] = (0, 1, 2)
    timed: int = 5

    def __post_init__(self) -> None:
        object.__setattr__(self, "seeds", tuple(sorted(set(self.seeds))))
        check_undecided(self.recipe, _DECIDED)
        check_undecided(self.masks, _DECIDED, "masks")
        if not self.seeds:
            raise PellucidError("A study needs at least one seed; give them with --seeds.")
        self.classifier(0)
        for network in self.networks:
            self.network(network, 0, Path())

    @property
    def parts(self) -> tuple[int, ...]:
        """What is done one after the other: the seeds."""
        return self.seeds

    @property
    def networks(self) -> tuple[str, ...]:
        """Those that are trained: ours, and the others that the plan asks for."""
        return tuple(name for name in NETWORKS if name == OURS or name in self.plan.explainers)

    def classifier(self, seed: int) -> Recipe:
        """How the model that will be explained is trained."""
        return Recipe(**{**self.recipe, "model": "image_classifier", "seed": seed})

    def network(self, name: str, seed: int, start: Path) -> MaskRecipe:
        """How a mask network is trained for the model in `start`."""
        if name == PUBLISHED:
            pace = {key: value for key, value in self.masks.items() if key in ("width", "taps", "epochs", "batch_size")}
            published: MaskRecipe = registry.presets.create("nemt2025").recipe(OURS, **pace, seed=seed, start=str(start))
            return published
        return MaskRecipe(**{**self.masks, "objective": name, "seed": seed, "start": str(start)})


def plan_of(methods: tuple[str, ...] | None, **settings: Any) -> Plan:
    """A plan with the methods and metrics of the tables."""
    known = [name for name in (methods or (*SUPERVISED, *WITHOUT_LABELS)) if name not in BASELINES]
    usual = {"explainers": (*known, *BASELINES), "metrics": METRICS, "fillers": ("blur",), "sanity_cases": 0}
    return usual_plan("image", **{**usual, **settings})


@dataclass(frozen=True)
class Folders:
    """Where a study keeps what it has finished."""

    root: Path

    def model(self, seed: int, network: str = "") -> Path:
        """A classifier; with a network's name, the classifier with the networks up to that one."""
        return self.root / "models" / (f"{seed}-{network}" if network else str(seed))

    def audit(self, seed: int) -> Path:
        """Findings on test images."""
        return self.root / "audits" / str(seed)

    def pace(self, seed: int, network: str) -> Path:
        """Seconds that the training of a mask network took."""
        return self.root / "models" / f"{seed}-{network}.json"

    def probe(self, seed: int) -> Path:
        """Seconds an image, and what is marked for findings that an image does not show."""
        return self.root / "probes" / f"{seed}.json"
