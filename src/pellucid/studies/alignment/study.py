"""What a study of alignment is made of, decided before it sees a single result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pellucid.alignment.plan import PRIOR, AlignmentPlan
from pellucid.errors import PellucidError
from pellucid.studies import study as studies
from pellucid.studies.alignment.variants import VARIANTS, WHOLE_MAP, WORD_MAP
from pellucid.studies.data import Source
from pellucid.studies.study import PACE, Part
from pellucid.training import Recipe
from pellucid.training.objectives import objective

METHODS = (
    WHOLE_MAP, "local_attention_words", WORD_MAP, "local_attention_concentration", "local_attention_max", "dense_cosine",
)  # fmt: skip
BASELINES = ("random", "uniform", "centre_prior", PRIOR)
METRICS = ("auroc", "average_precision", "entropy", "relevance_mass", "pointing_game", "cnr")
PERCENTS = (5, 10, 30)

SOURCES = {
    "phantom": Source("phantom_chest", {"n": 1600, "size": 64, "reports": True, "prevalence": 0.3, "contrast": 1.5}),
    "imagenome": Source("imagenome", {"size": 224}),
    "mscxr": Source("ms_cxr", {"size": 224}),
}
"""The data sets of the reproduction."""

JUDGED_ONLY = ("mscxr",)
"""Data sets that are for judging models alone: they hold no whole reports to train on."""

_DECIDED = ("model", "seed", "start", "objective", "attention", "members", "teacher")


@dataclass(frozen=True)
class AlignmentStudy:
    """Everything that decides the tables, besides the data.

    Attributes:
        recipe: fields of the recipe of every model, apart from those that a variant decides.
        plan: how each model is audited.
        variants: names of :data:`VARIANTS`.
        seeds: training seeds; models of one seed in two variants are a pair.
        also: what every new model minimises beside its variant's objective; None for nothing. Published models start from
            networks that know pictures and language. New ones learn from few pictures, and hardly anything from pairs alone:
            labels, asked as sentences, stand in for that, for all variants alike.
        models: a folder with a finished model of every part, named as the part; None where the study trains them.

    Raises:
        PellucidError: there is no seed or variant, or one that does not exist; a variant goes on from one that is left out; the
            plan lacks the map by which a variant is judged; or the recipe holds what a variant decides.
    """

    recipe: Mapping[str, Any]
    plan: AlignmentPlan
    variants: tuple[str, ...] = tuple(VARIANTS)
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    also: str | None = "bce"
    models: Path | None = None

    def __post_init__(self) -> None:
        self._check_names()
        object.__setattr__(self, "variants", tuple(name for name in VARIANTS if name in self.variants))
        object.__setattr__(self, "seeds", tuple(sorted(set(self.seeds))))
        studies.check_undecided(self.recipe, _DECIDED)
        if not self.variants or not self.seeds:
            raise PellucidError("A study needs at least one variant and one seed; give them with --variants and --seeds.")
        for name in self.variants:
            self._check_variant(name)

    def _check_names(self) -> None:
        unknown = [name for name in self.variants if name not in VARIANTS]
        if unknown:
            raise PellucidError(f"The study has no variant {unknown[0]!r}; it has {', '.join(VARIANTS)}.")

    def _check_variant(self, name: str) -> None:
        variant = VARIANTS[name]
        if variant.method not in self.plan.methods:
            raise PellucidError(
                f"The variant {name} is judged by {variant.method}, and the plan is without it; add it to --methods."
            )
        if self.models is None and variant.after not in (None, *self.variants):
            raise PellucidError(
                f"The variant {name} goes on from the models of {variant.after}; add {variant.after} to --variants."
            )
        objective(self.recipe_of(Part(name, 0), Path()).objective)

    @property
    def parts(self) -> list[Part]:
        """Every variant with every seed; one that goes on from another comes after it."""
        return [Part(name, seed) for seed in self.seeds for name in self.variants]

    def recipe_of(self, part: Part, start: Path) -> Recipe:
        """How the model of a part is trained.

        Args:
            start: the model that it goes on from; of no meaning to others.
        """
        variant = VARIANTS[part.strategy]
        given = dict(self.recipe)
        if variant.after is not None:
            given = {name: value for name, value in given.items() if name not in PACE} | {"start": str(start)}
        minimised = self.minimised(part.strategy)
        given |= {"model": "image_text", "seed": part.seed, "attention": variant.attention, "objective": minimised}
        return Recipe(**{**given, **variant.pace})

    def minimised(self, name: str) -> str:
        """The objective of a variant."""
        variant = VARIANTS[name]
        return f"{variant.objective} + {self.also}" if self.also and variant.helped else variant.objective


def before(part: Part) -> Part | None:
    """The part whose model this one goes on from; None for a new model."""
    after = VARIANTS[part.strategy].after
    return None if after is None else Part(after, part.seed)


def plan_of(methods: tuple[str, ...] | None = None, **settings: Any) -> AlignmentPlan:
    """A plan with the methods and metrics of the tables, and what knows nothing of the model beside them."""
    known = tuple(name for name in (methods or METHODS) if name not in BASELINES)
    return AlignmentPlan(**{"methods": (*known, *BASELINES), "metrics": METRICS, "percents": PERCENTS, **settings})


@dataclass(frozen=True)
class Folders(studies.Folders):
    """Where a study keeps what it has finished.

    Attributes:
        given: holds the models in place of the study's own folder; None where it trains them.
    """

    given: Path | None = None

    def model(self, part: Part) -> Path:
        """A trained model."""
        return super().model(part) if self.given is None else self.given / str(part)
