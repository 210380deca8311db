"""What the same audit knows of all cases, and what it sees of one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float

from pellucid.audit.aims import Aim, aims
from pellucid.audit.explaining import Judged, by_parts, marking, marks, marks_of_others, parts_of, read_units, stored_units
from pellucid.audit.lineup import Lineup
from pellucid.audit.looking import Elsewhere
from pellucid.audit.plan import Plan
from pellucid.case import Case
from pellucid.metrics.base import Budget
from pellucid.predictor import Batch, Predictor, modality_of, predicted
from pellucid.target import Target


@dataclass(frozen=True)
class Job:
    """What is the same for all cases of an audit.

    Attributes:
        thresholds: share above which a unit counts as shown, by explainer; empty where none was tuned.
        budgets: how much is shown where lengths are matched, by explainer; empty where it was not tuned.
        blurs: standard deviation in pixels of the blur under which maps are compared with gaze too, by explainer; empty where
            nobody's gaze is known.
        elsewhere: where people look in images of other patients; None where nobody's gaze is known, or none is asked for.
        seed: the training seed of the model, for the findings.
    """

    predictor: Predictor
    plan: Plan
    lineup: Lineup
    thresholds: Mapping[str, float] = field(default_factory=dict)
    budgets: Mapping[str, Budget] = field(default_factory=dict)
    seed: int = 0
    blurs: Mapping[str, float] = field(default_factory=dict)
    elsewhere: Elsewhere | None = None


@dataclass(frozen=True, eq=False)
class View:
    """One case as the audit sees it: encoded, with the labels to explain and what is marked for each.

    Attributes:
        given: the model's probability of every label.
        assigned: the labels that the model predicts.
        units: those that the model read.
        parts: what is removed whole when the case is perturbed: the units of a text or row, the regions of an image or signal.
        beyond: how many units the model did not read, because the note is longer than its limit.
        truth: what people marked. A row without any mark is a target without evidence.
        others: what people marked for another label and not for this one.
        cause: what generated the label, where that is known.
        lost: targets whose marked evidence lies wholly beyond what the model read, or, in an image or signal, is too small to
            be seen at its resolution.
        unknown: marked passages whose label the model does not know, by label.
        idle: marked passages of labels that the model knows but that are not explained here.
    """

    case: Case
    batch: Batch
    given: Float[np.ndarray, " C"]
    assigned: Bool[np.ndarray, " C"]
    aims: tuple[Aim, ...]
    units: Judged
    parts: Judged
    beyond: int
    truth: Bool[np.ndarray, "K U"]
    others: Bool[np.ndarray, "K U"]
    cause: Bool[np.ndarray, "K U"]
    lost: int
    unknown: Mapping[str, int]
    idle: int

    @property
    def targets(self) -> list[Target]:
        """The labels to explain."""
        return [Target.label(aim.label) for aim in self.aims]

    def by_parts(self) -> View:
        """The same case, judged over what is removed whole."""
        truth, others, cause = (by_parts(rows, self.units, self.parts) for rows in (self.truth, self.others, self.cause))
        return replace(self, units=self.parts, truth=truth, others=others, cause=cause)


def look(predictor: Predictor, case: Case, plan: Plan) -> View:
    """Encode a case and find what there is to explain.

    Raises:
        DataError: the predictor cannot read the case.
    """
    case = _read_once(predictor, case)
    batch = predictor.encode([case])
    given = predictor.probabilities(batch)[0]
    assigned = predicted(predictor, given)
    found = tuple(aims(case, given, assigned, predictor.labels, plan.max_targets, plan.seed))
    units, whole = read_units(batch, plan.unit)
    targets = [Target.label(aim.label) for aim in found]
    everywhere = marks(case, case.evidence, targets, whole)
    truth, cause = everywhere[:, : len(units)], marks(case, case.causes, targets, units)
    stored = stored_units(case, whole)
    there = everywhere if stored is whole else marks(case, case.evidence, targets, stored)
    unknown, idle = _unused(case, set(predictor.labels), {aim.label for aim in found})
    others = marks_of_others(case, case.evidence, targets, units) & ~truth
    parts = parts_of(predictor, batch, units, plan)
    return View(
        case, batch, given, assigned, found, units, parts, len(whole) - len(units), truth, others, cause,
        lost=int((there.any(1) & ~truth.any(1)).sum()), unknown=unknown, idle=idle,
    )  # fmt: skip


def _read_once(predictor: Predictor, case: Case) -> Case:
    """The case with its image or signal in memory, which is needed several times and may lie in a file."""
    name = modality_of(predictor)
    if name == "text" or name not in case.inputs:
        return case
    return replace(case, inputs={**case.inputs, name: case.input(name)})


def _unused(case: Case, known: set[str], explained: set[str]) -> tuple[dict[str, int], int]:
    """Marked passages that no explanation is compared with: of labels unknown to the model, and how many of others."""
    about = (item.label for item in marking(case.evidence))
    counted = Counter(label for label in about if label is not None and label not in explained)
    unknown = {label: n for label, n in sorted(counted.items()) if label not in known}
    return unknown, counted.total() - sum(unknown.values())
