"""One case explained by several models, over units that are the same to all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from pellucid.audit.explaining import Judged, explain, parts_of, read_units
from pellucid.audit.lineup import assemble
from pellucid.audit.plan import usual_plan
from pellucid.case import Case
from pellucid.datasets.base import Dataset
from pellucid.errors import PellucidError
from pellucid.explainers.base import Explainer, refusals_when_tried
from pellucid.predictor import Predictor, modality_of
from pellucid.target import Target
from pellucid.units import TextUnits

WHOLES = {"word": "words", "patch": "patches", "segment": "stretches", "feature": "measurements"}
"""What is compared, in the plural."""


def check_alike(models: Mapping[str, Predictor]) -> None:
    """Refuse models whose explanations cannot be compared.

    Raises:
        PellucidError: there is none; or they differ in labels or in the kind of input.
    """
    if not models:
        raise PellucidError("There is no model to explain; give at least one.")
    (first, one), *others = models.items()
    for name, other in others:
        if modality_of(other) != modality_of(one):
            raise PellucidError(f"{first} and {name} do not read the same kind of input; compare models of one kind.")
        if set(other.labels) != set(one.labels):
            raise PellucidError(f"{first} and {name} do not have the same labels; compare models trained on the same labels.")


def explainers_for(
    models: Mapping[str, Predictor], dataset: Dataset, methods: Sequence[str], seed: int
) -> Mapping[str, Explainer]:
    """The methods, ready to explain any of the models; those that learn have seen training cases.

    Raises:
        PellucidError: a method cannot explain one of the models, or learns and cannot.
        UnknownNameError: a method is not registered.
    """
    (first, one), *others = models.items()
    lineup = assemble(one, dataset, usual_plan(modality_of(one), explainers=tuple(methods), seed=seed))
    if lineup.skipped:
        skipped = lineup.skipped[0]
        raise PellucidError(f"The method {skipped.name} cannot explain {first}: {skipped.reason}; choose another method.")
    for name, other in others:
        for method, explainer in lineup.explainers.items():
            if missing := refusals_when_tried(other, explainer):
                raise PellucidError(
                    f"The method {method} cannot explain {name}: it needs a model with {missing[0]}; choose another method."
                )
    return lineup.explainers


def explained(
    explainers: Mapping[str, Explainer],
    models: Mapping[str, Predictor],
    case: Case,
    targets: Sequence[Target],
    across: int,
) -> tuple[Judged, dict[str, Float[np.ndarray, "M K U"]]]:
    """The units that all models share of one case, and what every method says of them in every model.

    Units are patches of an image, stretches of the leads of a signal, the measurements of a row, and the words of a text that
    all models have read.

    Raises:
        PellucidError: the models cut the case into different units.
    """
    found = [_by_model(explainers, predictor, case, targets, across) for predictor in models.values()]
    shortest, _ = min(found, key=lambda one: len(one[0]))
    for name, (units, _) in zip(models, found, strict=True):
        if not _same(units, shortest):
            raise PellucidError(
                f"{name} and another model do not cut case {case.id} into the same {WHOLES[shortest.kind]}; compare models "
                "that read the same text, or images of at least as many pixels a side as there are patches."
            )
    said = {method: np.stack([scores[method][:, : len(shortest)] for _, scores in found]) for method in explainers}
    return shortest, said


def _by_model(
    explainers: Mapping[str, Explainer], predictor: Predictor, case: Case, targets: Sequence[Target], across: int
) -> tuple[Judged, dict[str, Float[np.ndarray, "K U"]]]:
    batch = predictor.encode([case])
    plan = usual_plan(modality_of(predictor), explainers=tuple(explainers), across=across)
    units, _ = read_units(batch, plan.unit)
    parts = parts_of(predictor, batch, units, plan)
    said, _ = explain(explainers, predictor, batch, targets, units)
    return parts, {name: (a if parts is units else a.project(parts)).scores for name, a in said.items()}


def _same(units: Judged, shortest: Judged) -> bool:
    """Whether the units are those of the shortest reading, and perhaps more words after them."""
    if isinstance(units, TextUnits) and isinstance(shortest, TextUnits):
        return np.array_equal(units.offsets[: len(shortest)], shortest.offsets)
    return len(units) == len(shortest)
