"""What an audit will do, decided before it sees a single result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, Self, get_args

from pellucid import registry
from pellucid.datasets.base import SPLITS, SplitName
from pellucid.errors import PellucidError
from pellucid.files import digest_json
from pellucid.metrics.grid import Grid
from pellucid.predictor import FILLERS, Filler
from pellucid.units import TextKind

Scale = Literal["probability", "logit"]


COSTLY, TWINS = ("lime_", "kernel_shap_", "occlusion_section"), ("gradient_x_difference", "score_gradient", "value_norm")
ON_REQUEST = (*COSTLY, *TWINS, "released_")
"""Beginnings of the names of explainers that a plan must ask for: costly ones, near twins of others, what released code has."""


def usual_explainers() -> tuple[str, ...]:
    """All registered explainers, those of other packages included, but for those that must be asked for."""
    return tuple(name for name in registry.explainers if not name.startswith(ON_REQUEST))


@dataclass(frozen=True)
class Plan:
    """Everything that decides the findings of an audit, besides the model and the data.

    Attributes:
        explainers: registered names; by default :func:`usual_explainers`.
        metrics: registered names; all of them by default.
        fillers: what takes the place of removed units in perturbation tests; the first one is the headline.
        split: which cases are explained.
        cases: at most so many cases, drawn at random from the split with `seed`; None for all.
        max_targets: at most so many labels a case, drawn at random with `seed`; None for all gold and predicted ones.
        unit: what scores are summed to before they are judged.
        scale: what the model's output is read as in perturbation tests.
        grid: how many steps the perturbation sweep takes; "coarse" costs about half of "fine". See
            :func:`pellucid.metrics.grid.step_counts`.
        candidates: how many more orders of each explanation the search for NAOPC bounds may try; see
            :func:`pellucid.metrics.orders.orders`.
        random_texts: how many random texts of the length of the evidence stand for chance; see
            :func:`pellucid.metrics.interventions.interventions`.
        validation_cases: at most so many validation cases tune the thresholds of evidence; None for all.
        fit_cases: at most so many training cases are shown to explainers that learn (the prior); None for all.
        draws: bootstrap draws of every interval.
        seed: of the draws of cases and targets, of ties, and of the bootstrap.

    Raises:
        PellucidError: a field holds what it cannot hold.
    """

    explainers: tuple[str, ...] = field(default_factory=lambda: usual_explainers())
    metrics: tuple[str, ...] = field(default_factory=lambda: tuple(registry.metrics.names()))
    fillers: tuple[Filler, ...] = FILLERS
    split: SplitName = "test"
    cases: int | None = None
    max_targets: int | None = None
    unit: TextKind = "word"
    scale: Scale = "probability"
    grid: Grid = "fine"
    candidates: int = 8
    random_texts: int = 10
    validation_cases: int | None = 100
    fit_cases: int | None = 1000
    draws: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("explainers", "metrics", "fillers"):
            object.__setattr__(self, name, tuple(dict.fromkeys(getattr(self, name))))
            if not getattr(self, name):
                raise PellucidError(f"The audit plan names no {name}; give at least one.")
        kinds = {"split": SPLITS, "unit": get_args(TextKind), "scale": get_args(Scale), "grid": get_args(Grid)}
        for name, allowed in kinds.items():
            if getattr(self, name) not in allowed:
                raise PellucidError(
                    f"The audit plan's {name} is {getattr(self, name)!r}; it must be one of {', '.join(allowed)}."
                )
        if wrong := set(self.fillers) - set(FILLERS):
            raise PellucidError(f"The audit plan's filler {wrong.pop()!r} does not exist; choose from {', '.join(FILLERS)}.")
        for name in ("cases", "max_targets", "random_texts", "validation_cases", "fit_cases", "draws"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise PellucidError(f"The audit plan's {name} is {value}; it must be at least 1.")
        for name in ("candidates", "seed"):
            if getattr(self, name) < 0:
                raise PellucidError(f"The audit plan's {name} is {getattr(self, name)}; it must be at least 0.")

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON values."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The plan that :meth:`to_json` described.

        Raises:
            PellucidError: a field is unknown or holds what it cannot hold.
        """
        known = {f.name for f in fields(cls)}
        if unknown := sorted(set(value) - known):
            raise PellucidError(f"An audit plan has no field {unknown[0]!r}; it has {', '.join(sorted(known))}.")
        settings: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in value.items()}
        return cls(**settings)

    @property
    def digest(self) -> str:
        """SHA-256 of the plan; plans that do the same have the same digest."""
        return digest_json(self.to_json())
