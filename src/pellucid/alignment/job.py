"""What is the same for all cases: the model, the methods and metrics, and who stands in for other patients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

from pellucid.alignment.others import Others
from pellucid.alignment.plan import PRIOR, AlignmentPlan
from pellucid.alignment.prior import SentencePrior
from pellucid.audit.lineup import Chosen, Skipped, assemble
from pellucid.audit.manifest import training_seed
from pellucid.audit.plan import usual_plan
from pellucid.datasets.base import Dataset
from pellucid.errors import DataError, PellucidError
from pellucid.explainers.base import Explainer
from pellucid.metrics.base import Metric
from pellucid.predictor import Predictor, SentenceAlignment, modality_of, require
from pellucid.units import PixelUnits


class Model(Predictor, SentenceAlignment, Protocol):
    """A predictor of images that reads sentences."""


@dataclass(frozen=True, eq=False)
class Job:
    """What is the same for all cases.

    Attributes:
        explainers: the methods that this model can serve, but for the prior.
        prior: None where the plan does not ask for it, or nothing could be learnt.
        skipped: methods that were left out, and why.
        seed: the training seed of the model, for the findings.
    """

    model: Model
    plan: AlignmentPlan
    explainers: Mapping[str, Explainer]
    prior: SentencePrior | None
    metrics: Mapping[str, Metric]
    others: Others
    skipped: tuple[Skipped, ...]
    seed: int

    @property
    def methods(self) -> list[str]:
        """All that draw maps, in the order of the plan."""
        there = {*self.explainers, *([PRIOR] if self.prior else [])}
        return [name for name in self.plan.methods if name in there]


def hired(model: Predictor, dataset: Dataset, plan: AlignmentPlan) -> Job:
    """Make the methods and metrics of the plan, and let those learn that must.

    Raises:
        CapabilityError: the model does not read sentences.
        PellucidError: the model does not read pictures; or a metric of the plan needs more than marks.
        UnknownNameError: the plan names a method or metric that does not exist.
    """
    require(model, ("sentence_alignment",), "An audit of alignment")
    if modality_of(model) != "image":
        raise PellucidError("An audit of alignment needs a model that reads pictures; choose another model.")
    names = tuple(name for name in plan.methods if name != PRIOR) or ("uniform",)
    usual: dict[str, Any] = {"explainers": names, "metrics": plan.metrics, "fit_cases": plan.fit_cases, "seed": plan.seed}
    lineup = assemble(model, dataset, usual_plan("image", **usual))
    for name, metric in lineup.metrics.items():
        if set(metric.needs) - {"evidence"}:
            raise PellucidError(f"The metric {name} needs more than marks; leave it out of the plan's metrics.")
    prior = _prior(model, dataset, plan) if PRIOR in plan.methods else None
    skipped = (*lineup.skipped, *([Skipped("explainer", PRIOR, prior)] if isinstance(prior, str) else []))
    explainers = {name: explainer for name, explainer in lineup.explainers.items() if name in plan.methods}
    others = Others.of(Chosen(dataset.split(plan.split), plan.other_cases, plan.seed), plan.seed)
    learnt = None if isinstance(prior, str) else prior
    return Job(cast(Model, model), plan, explainers, learnt, lineup.metrics, others, skipped, training_seed(model))


def _prior(model: Predictor, dataset: Dataset, plan: AlignmentPlan) -> SentencePrior | str:
    """The prior, or why there is none."""
    cases = Chosen(dataset.split("train"), plan.fit_cases, plan.seed)
    if not cases:
        return "it learns from training cases, and the data set has none"
    units = model.encode([cases[0]]).units[0]
    if not isinstance(units, PixelUnits) or units.depth is not None:
        return "the model does not read flat pictures"
    try:
        return SentencePrior.of(cases, units)
    except DataError as error:
        return f"it could not learn from the training cases: {error}"
