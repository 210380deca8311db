"""One case measured: every explainer by every metric, and what the report will want to show of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, cast

import numpy as np
from jaxtyping import Bool

from pellucid.attribution import Attribution
from pellucid.audit.explaining import explain
from pellucid.audit.gazing import gaze_findings
from pellucid.audit.judging import plain_findings
from pellucid.audit.performing import performance_of
from pellucid.audit.perturbing import arrays_of, perturb, perturbed_findings, wanted
from pellucid.audit.sanity import sanity_findings
from pellucid.audit.view import Job, View, look
from pellucid.case import Case
from pellucid.errors import DataError
from pellucid.finding import Finding
from pellucid.imaging import resized
from pellucid.predictor import MeasuredInputs
from pellucid.units import FeatureUnits, PixelUnits, SampleUnits, TextUnits


@dataclass(eq=False)
class Measured:
    """What a shard will hold of one case."""

    facts: dict[str, Any]
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def measure(job: Job, case: Case, *, sanity: bool = False) -> Measured:
    """Explain a case, judge the explanations, and keep what the report needs.

    A case that the model cannot read, or on which it or a method gives what is no number, is left out with its reason: for all
    methods, as they are compared on the same cases.

    Args:
        sanity: also test the explanations under noise, on a shuffled model and for another label.
    """
    try:
        view = look(job.predictor, case, job.plan)
    except DataError as error:
        return _left_out(case, "the model cannot read it", error)
    try:
        return _judged(job, view, sanity=sanity)
    except DataError as error:
        return _left_out(case, "it cannot be explained", error)


def _left_out(case: Case, reason: str, error: DataError) -> Measured:
    return Measured({"case": case.id, "patient": case.patient, "excluded": reason, "detail": str(error)})


def _judged(job: Job, view: View, *, sanity: bool) -> Measured:
    """What is measured of a case that the model read."""
    gold = np.array([label in view.case.labels for label in job.predictor.labels], dtype=bool)
    performance = performance_of(view.case, view.given, gold, view.assigned, job.seed)
    result = Measured(_facts(view, job), _basics(view, job, gold), list(performance))
    if result.facts["excluded"]:
        return result
    said, costs = explain(job.lineup.explainers, job.predictor, view.batch, view.targets, view.units)
    result.arrays |= {f"scores/{name}": _kept(a) for name, a in said.items()}
    result.arrays |= {f"facts/{name}/{fact}": v for name, a in said.items() for fact, v in a.facts.items()}
    result.facts["cost"] = {"explainers": {name: asdict(cost) for name, cost in costs.items()}, "perturbation": {}}
    result.findings += plain_findings(job, view, said)
    result.findings += gaze_findings(job, view, said)
    if said and sanity:
        result.findings += sanity_findings(job, view, said)
    if not (said and wanted(job)):
        return result
    parts, over = view.by_parts(), {name: a if view.parts is view.units else a.project(view.parts) for name, a in said.items()}
    for filler in job.plan.fillers:
        perturbed = perturb(job, parts, over, filler)
        result.facts["cost"]["perturbation"][filler] = perturbed.costs
        result.arrays |= arrays_of(perturbed, filler)
        result.findings += perturbed_findings(job, parts, over, perturbed, filler)
    return result


def _facts(view: View, job: Job) -> dict[str, Any]:
    unknown = len(view.case.labels - set(job.predictor.labels))
    excluded = "" if view.aims else "no label to explain: none is gold and known to the model, and none is predicted"
    if not len(view.units):
        excluded = "the model reads no unit of it"
    evidence, cause = np.any(view.truth, axis=1), np.any(view.cause, axis=1)
    planted = cause & np.any(view.cause != view.truth, axis=1)
    flags = zip(view.aims, evidence.tolist(), cause.tolist(), planted.tolist(), strict=True)
    return {
        "case": view.case.id,
        "patient": view.case.patient,
        "excluded": excluded,
        "text": view.units.text if isinstance(view.units, TextUnits) else "",
        **_named(view, job),
        "targets": [{**asdict(aim), "evidence": e, "cause": c, "planted": p} for aim, e, c, p in flags],
        "units_read": len(view.units),
        "units_beyond": view.beyond,
        "targets_lost": view.lost,
        "unknown_labels": unknown,
        "unknown_evidence": dict(view.unknown),
        "idle_evidence": view.idle,
    }


def _basics(view: View, job: Job, gold: Bool[np.ndarray, " C"]) -> dict[str, np.ndarray]:
    return {
        "probabilities": view.given.astype(np.float32),
        "assigned": view.assigned,
        "gold": gold,
        **_shown(view, job),
        "truth": view.truth,
        "cause": view.cause,
    }


def _shown(view: View, job: Job) -> dict[str, np.ndarray]:
    """What a reader will see under the explanation: where words stand in the text, or what else the model read."""
    if isinstance(view.units, TextUnits):
        return {"offsets": view.units.offsets.astype(np.int32)}
    if isinstance(view.units, PixelUnits):
        picture = resized(view.case.picture, view.units.shape)
        return {"picture": (picture.unit() * 255).round().astype(np.uint8)}
    return {"measured": cast(MeasuredInputs, job.predictor).measured(view.batch, 0).values.float().cpu().numpy()}


def _named(view: View, job: Job) -> dict[str, Any]:
    """What the numbers of a row or signal are called."""
    if isinstance(view.units, SampleUnits):
        named = {"leads": list(view.units.leads), "rate": view.units.rate}
    elif isinstance(view.units, FeatureUnits):
        named = {"names": list(view.units.names)}
    else:
        return {}
    return {**named, "unit": cast(MeasuredInputs, job.predictor).measured(view.batch, 0).unit}


def _kept(attribution: Attribution) -> np.ndarray:
    """The scores as a shard keeps them. Pixels and samples are many: half precision, scaled so that the strongest is 1."""
    if isinstance(attribution.units, TextUnits | FeatureUnits):
        return attribution.scores.astype(np.float32)
    largest = np.abs(attribution.scores).max(axis=1, keepdims=True, initial=0.0)
    return np.asarray(attribution.scores / np.where(largest > 0, largest, 1.0), dtype=np.float16)
