"""Thresholds of evidence: tuned on validation cases before the audit looks at any case that it judges, then frozen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.audit import shard
from pellucid.audit.blurring import best_blurs, kept
from pellucid.audit.explaining import explain
from pellucid.audit.view import Job, View, look
from pellucid.case import Case
from pellucid.errors import DataError
from pellucid.metrics.base import Budget, shares
from pellucid.metrics.threshold import tune, tune_length
from pellucid.units import PixelUnits, SampleUnits


@dataclass(frozen=True)
class Thresholds:
    """What validation said.

    Attributes:
        values: share of positive score above which a unit counts as shown, by explainer.
        budget: mean number of evidence units of a target, rounded, at least 1; 0 where nothing was tuned.
        at_budget: share above which an explainer shows `budget` units on average, by explainer.
        cases, targets: how many validation cases and targets with evidence were used.
        reason: why no threshold was tuned; empty otherwise.
        blurs: the best blur of each explainer for comparing it with gaze, in pixels; empty where nobody's gaze is known.
        gaze_images: how many training images the usual gaze is from.
    """

    values: dict[str, float]
    cases: int
    targets: int
    reason: str = ""
    budget: int = 0
    at_budget: dict[str, float] = field(default_factory=dict)
    blurs: dict[str, float] = field(default_factory=dict)
    gaze_images: int = 0

    @property
    def budgets(self) -> dict[str, Budget]:
        """How much each explainer may show where lengths are matched."""
        return {name: Budget(self.budget, threshold) for name, threshold in self.at_budget.items()}

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return dict(self.__dict__)


def thresholds(
    job: Job, cases: Sequence[Case], folder: Path, identity: str, tell: Callable[[int], None] = lambda done: None
) -> Thresholds:
    """Explain the validation cases and choose each explainer's threshold for the best pooled F1, and one for a matched length.

    Every finished case is kept as a shard under `folder`, so that an interrupted audit goes on from there.

    Args:
        identity: digest of the model, the data and the plan.
        tell: called with the number of finished cases.
    """
    if not any(job.lineup.needs(need) for need in ("threshold", "budget", "gaze")):
        return Thresholds({}, 0, 0, "no metric of the plan needs a threshold")
    paths = []
    for index, case in enumerate(cases):
        paths.append(shard.path_of(folder, index, case.id))
        if not shard.is_whole(paths[-1], identity):
            facts, arrays = _explained(job, case)
            shard.write(paths[-1], identity, facts, arrays)
        tell(index + 1)
    names = tuple(job.lineup.explainers)
    blurs, images = best_blurs(names, paths, job.elsewhere), 0 if job.elsewhere is None else job.elsewhere.images
    used = [n for n in (shard.read(path).facts["targets"] for path in paths) if n]
    if not used:
        reason = "no validation case has human evidence for a label that is gold or predicted"
        return Thresholds({}, 0, 0, reason, blurs=blurs, gaze_images=images)
    values = {name: tune(_rows(name, paths)) for name in names}
    budget = max(1, round(sum(_marked_units(paths)) / sum(used)))
    at_budget = {name: tune_length(_rows(name, paths), budget) for name in names}
    return Thresholds(values, len(used), sum(used), "", budget, at_budget, blurs, images)


def _explained(job: Job, case: Case) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What :func:`_scored` gives; nothing of a case that cannot be read or explained."""
    try:
        return _scored(job, look(job.predictor, case, job.plan))
    except DataError as error:
        return {"targets": 0, "excluded": str(error)}, {}


def _scored(job: Job, view: View) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The scores of the targets that have evidence; where people looked at the image, of all targets."""
    marked = np.any(view.truth, axis=1)
    looks = kept(view) if job.lineup.needs("gaze") else {}
    wanted = marked | bool(looks)
    if not wanted.any():
        return {"targets": 0}, {}
    targets = [target for target, use in zip(view.targets, wanted.tolist(), strict=True) if use]
    said, _ = explain(job.lineup.explainers, job.predictor, view.batch, targets, view.units)
    # Pixels and samples are many, and a threshold needs no more than single precision; words keep what they always had.
    kind = np.float32 if isinstance(view.units, PixelUnits | SampleUnits) else np.float64
    arrays = {f"scores/{name}": attribution.scores.astype(kind) for name, attribution in said.items()}
    facts = {"targets": int(marked.sum()), **({"looked": True} if looks else {})}
    return facts, {"truth": view.truth[wanted], **arrays, **looks}


def _marked_units(paths: Sequence[Path]) -> Iterator[int]:
    """How many units are marked for the targets of each shard."""
    for path in paths:
        whole = shard.read(path)
        if whole.facts["targets"]:
            yield int(whole.array("truth").sum())


def _rows(name: str, paths: Sequence[Path]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Shares and truth of one explainer on every target, shard after shard."""
    for path in paths:
        whole = shard.read(path)
        if whole.facts["targets"]:
            for scores, truth in zip(whole.array(f"scores/{name}"), whole.array("truth"), strict=True):
                if truth.any():  # of others only the gaze is known
                    yield shares(scores), truth
