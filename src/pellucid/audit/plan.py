"""What an audit will do, decided before it sees a single result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, get_args

from pellucid import registry
from pellucid.audit.planned import Planned
from pellucid.datasets.base import SPLITS, SplitName
from pellucid.errors import PellucidError
from pellucid.explainers.base import modalities_of
from pellucid.metrics.base import modalities_of as metric_modalities
from pellucid.metrics.grid import Grid
from pellucid.predictor import FILLERS, Filler, Modality
from pellucid.units import RegionKind, TextKind

Scale = Literal["probability", "logit"]
Unit = Literal[TextKind, "pixel", "sample", "feature"]


COSTLY = ("lime_", "kernel_shap_", "occlusion_section", "extremal_", "relax", "u_relax", "score_cam", "captum:")
TWINS = ("gradient_x_difference", "score_gradient", "value_norm", "pbx", "logit_difference")
SAME = ("gradient_x_difference", "saliency")
"""What gives the same numbers as another method where a unit has one channel and the reference is 0."""

ON_REQUEST: dict[Modality, tuple[str, ...]] = {
    "text": (*COSTLY, *TWINS, "released_"),
    "image": (*COSTLY, *TWINS, "released_"),
    "table": (*SAME, "released_"),  # of a row nothing is costly, and the Jacobian with signs is nobody's twin
    "signal": (*COSTLY, *SAME, "released_"),
}
"""Beginnings of the names of explainers that a plan must ask for: costly ones, near twins of others, what released code has."""

USUAL: dict[Modality, dict[str, Any]] = {
    "text": {},
    "image": {"unit": "pixel", "fillers": ("blur", "mask"), "validation_cases": 40, "sanity_cases": 5},
    "table": {"unit": "feature", "fillers": ("mask",), "sanity_cases": 20},
    "signal": {
        **{"unit": "sample", "regions": "segment", "across": 20},
        **{"fillers": ("inpaint", "mask"), "validation_cases": 40, "sanity_cases": 5},
    },
}
"""In what the usual plan of a kind of model differs from that of text, besides its methods and metrics."""

MODALITIES: dict[str, Modality] = {"pixel": "image", "feature": "table", "sample": "signal"}
"""What kind of model a unit belongs to; all others are units of text."""

REGIONS: dict[Modality, tuple[RegionKind, ...]] = {"image": ("patch", "superpixel"), "signal": ("segment",)}
"""What can be removed whole; of texts and rows it is what is judged."""


def usual_explainers(modality: Modality = "text") -> tuple[str, ...]:
    """All registered explainers of a kind of model, those of other packages included, but for those that must be asked for."""
    known = [name for name in registry.explainers if not name.startswith(ON_REQUEST[modality])]
    return tuple(name for name in known if modality in modalities_of(registry.explainers.factory(name)))


def usual_metrics(modality: Modality = "text") -> tuple[str, ...]:
    """All registered metrics that can judge explanations of a kind of model."""
    known = registry.metrics
    return tuple(name for name in known.names() if modality in metric_modalities(known.factory(name)))


def usual_plan(modality: Modality, **changes: Any) -> Plan:
    """The plan for a kind of model, with some fields as given.

    Raises:
        PellucidError: a field holds what it cannot hold.
    """
    check_unit(changes.get("unit", USUAL[modality].get("unit", Plan.unit)), modality)
    if modality == "text":
        return Plan(**changes)
    known = {"explainers": usual_explainers(modality), "metrics": usual_metrics(modality)}
    return Plan(**{**known, **USUAL[modality], **changes})


def check_unit(unit: str, modality: Modality) -> None:
    """Refuse a plan for another kind of model.

    Raises:
        PellucidError: the plan's unit is none of what the model reads.
    """
    if unit in get_args(Unit) and MODALITIES.get(unit, "text") != modality:
        raise PellucidError(
            f"The audit plan judges {unit}s, and the model reads {READS[modality]}; choose another unit, or begin with "
            f"usual_plan({modality!r})."
        )


READS: dict[Modality, str] = {"text": "text", "image": "images", "table": "rows", "signal": "signals"}


def check_plan(changes: Mapping[str, Any]) -> None:
    """Refuse fields that fit no kind of model.

    Raises:
        PellucidError: a field holds what it cannot hold, in the words that suit text.
    """
    refused: list[PellucidError] = []
    for modality in FILLERS:
        try:
            usual_plan(modality, **changes)
        except PellucidError as error:
            refused.append(error)
    if len(refused) == len(FILLERS):
        raise refused[0]


@dataclass(frozen=True)
class Plan(Planned):
    """Everything that decides the findings of an audit, besides the model and the data.

    Attributes:
        explainers: registered names; by default :func:`usual_explainers`.
        metrics: registered names; by default :func:`usual_metrics`.
        fillers: what takes the place of removed units in perturbation tests; the first one is the headline.
        split: which cases are explained.
        cases: at most so many cases, drawn at random from the split with `seed`; None for all.
        max_targets: at most so many labels a case, drawn at random with `seed`; None for all gold and predicted ones.
        unit: what scores are summed to before they are judged: a kind of unit of text, "pixel", "sample" (of a lead of a
            signal) or "feature" (a measurement of a row).
        regions: what is removed whole of an image: boxes of a grid ("patch"), or regions along its edges ("superpixel"); of a
            signal stretches of single leads ("segment").
        across: how many boxes lie along each side of an image, or stretches along each lead; as many superpixels as such boxes
            are made.
        scale: what the model's output is read as in perturbation tests.
        grid: how many steps the perturbation sweep takes; "coarse" costs about half of "fine". See
            :func:`pellucid.metrics.grid.step_counts`.
        candidates: how many more orders of each explanation the search for NAOPC bounds may try; see
            :func:`pellucid.metrics.orders.orders`.
        random_texts: how many random texts of the length of the evidence stand for chance; see
            :func:`pellucid.metrics.interventions.interventions`.
        sanity_cases: on so many of the first cases, of anything but text, explanations are also tested under noise, on a model
            with shuffled weights, and for another label; every method explains each of them seven times more.
        validation_cases: at most so many validation cases tune the thresholds of evidence; None for all.
        fit_cases: at most so many training cases are shown to explainers that learn (the prior); None for all.
        draws: bootstrap draws of every interval.
        seed: of the draws of cases and targets, of ties, and of the bootstrap.

    Raises:
        PellucidError: a field holds what it cannot hold.
    """

    called: ClassVar[str] = "An audit plan"

    explainers: tuple[str, ...] = field(default_factory=lambda: usual_explainers())
    metrics: tuple[str, ...] = field(default_factory=lambda: usual_metrics())
    fillers: tuple[Filler, ...] = FILLERS["text"]
    split: SplitName = "test"
    cases: int | None = None
    max_targets: int | None = None
    unit: Unit = "word"
    regions: RegionKind = "patch"
    across: int = 14
    scale: Scale = "probability"
    grid: Grid = "fine"
    candidates: int = 8
    random_texts: int = 10
    sanity_cases: int = 0
    validation_cases: int | None = 100
    fit_cases: int | None = 1000
    draws: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("explainers", "metrics", "fillers"):
            object.__setattr__(self, name, tuple(dict.fromkeys(getattr(self, name))))
            if not getattr(self, name):
                raise PellucidError(f"The audit plan names no {name}; give at least one.")
        kinds = {"split": SPLITS, "unit": get_args(Unit), "scale": get_args(Scale), "grid": get_args(Grid)}
        kinds |= {"regions": REGIONS.get(self.modality, get_args(RegionKind))}
        for name, allowed in kinds.items():
            if getattr(self, name) not in allowed:
                raise PellucidError(
                    f"The audit plan's {name} is {getattr(self, name)!r}; it must be one of {', '.join(allowed)}."
                )
        known = FILLERS[self.modality]
        if wrong := set(self.fillers) - set(known):
            raise PellucidError(f"The audit plan's filler {wrong.pop()!r} does not exist; choose from {', '.join(known)}.")
        for name in ("across", "cases", "max_targets", "random_texts", "validation_cases", "fit_cases", "draws"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise PellucidError(f"The audit plan's {name} is {value}; it must be at least 1.")
        if self.sanity_cases and self.modality == "text":
            raise PellucidError("Noise and shuffled weights are for models of anything but text; leave sanity_cases at 0.")
        for name in ("candidates", "sanity_cases", "seed"):
            if getattr(self, name) < 0:
                raise PellucidError(f"The audit plan's {name} is {getattr(self, name)}; it must be at least 0.")

    @property
    def modality(self) -> Modality:
        """What kind of model the plan is for."""
        return MODALITIES.get(self.unit, "text")
