"""What the audit did not measure, and why; and the limits that hold for every audit of this kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pellucid import finding
from pellucid.audit.finished import Finished
from pellucid.audit.lineup import BASELINES
from pellucid.audit.manifest import FINDINGS
from pellucid.audit.plan import usual_explainers
from pellucid.audit.tallies import UNKNOWN_EVIDENCE
from pellucid.audit.wording import plural

LIMITS = (
    "Taking words away makes notes that nobody wrote. A model may react to the gap itself, and not to the missing word; two "
    "ways of removing words are compared where the plan asks for both.",
    "People who mark evidence stop when they have enough. An unmarked word may be evidence all the same, so precision is a "
    "lower bound.",
    "Agreement with people is no proof of truth: a model can be right for a reason that nobody marked, and an explanation can "
    "please without being true.",
    "Comparisons are between methods on this one model. Raw faithfulness of two models must not be compared.",
    "The bounds of the normalised AOPC are exact for short texts only. For long ones they are over the few words that the "
    "methods of this plan rank first, so they change when a method is added.",
    "Intervals resample patients, not annotators, and not training runs unless several seeds were audited.",
)

NOT_SHAKEN = "No test of robustness to paraphrase or noise, and none of randomised models."

NEVER_TESTED = (
    "No reader study: nothing here says whether people decide better with these explanations.",
    "No comparison of subgroups (sex, age, site): fairness of the explanations is not tested.",
    "No second annotator: how far people agree with each other is unknown.",
)


def never_tested(audit: Finished) -> list[str]:
    """What an audit of this kind, as it was planned, does not ask."""
    return [*NEVER_TESTED[:1], *([] if audit.plan.sanity_cases else [NOT_SHAKEN]), *NEVER_TESTED[1:]]


@dataclass(frozen=True)
class Omission:
    """Something that is missing from the tables."""

    what: str
    reason: str


def omissions(audit: Finished) -> list[Omission]:
    """Skipped methods, figures that could not be measured, refusals of metrics, and what was not tried."""
    return [*_skipped(audit), *_unmet(audit), *_refusals(audit)]


def _skipped(audit: Finished) -> Iterator[Omission]:
    for item in audit.about["skipped"]:
        yield Omission(f"{item['kind']} {item['name']}", item["reason"])
    for name in usual_explainers(audit.plan.modality):
        if name in BASELINES and name not in audit.plan.explainers:
            yield Omission(f"baseline {name}", "it is not in the plan")


def _unmet(audit: Finished) -> Iterator[Omission]:
    reason = audit.thresholds["reason"]
    needing = [name for name, metric in audit.metrics.items() if {"threshold", "budget"} & set(metric.needs)]
    if reason and needing:
        yield Omission(", ".join(needing), f"no threshold was tuned: {reason}")
    gaze = [name for name, metric in audit.metrics.items() if "gaze" in metric.needs]
    if gaze and not audit.measured & set(gaze):
        yield Omission(", ".join(gaze), "nobody's gaze at these images is known")
    targets, marked = audit.counts["targets"], audit.counts["targets with evidence"]
    if marked < targets:
        yield Omission(
            f"plausibility of {targets - marked} of {targets} targets",
            "nobody marked evidence for them (wrong codes have none of their own)",
        )
    lost = audit.counts["targets whose evidence the model did not read"]
    if lost:
        yield Omission(f"plausibility of {lost} of these", "all of their evidence lies beyond what the model reads")
    unknown = audit.counts[UNKNOWN_EVIDENCE]
    if unknown:
        labels = plural(len(audit.counts["unknown_evidence"]), "label")
        yield Omission(f"agreement with {plural(unknown, 'marked passage')}", f"the model does not know their {labels}")


def _refusals(audit: Finished) -> Iterator[Omission]:
    """Values that a metric refused, by metric and reason."""
    table = finding.read(audit.folder / FINDINGS)
    refused = table.filter(pc.is_nan(table["value"])).select(["metric", "note", "explainer"])
    if not len(refused):
        return
    plain = refused.cast(pa.schema([(name, pa.string()) for name in refused.column_names]))
    counted = plain.group_by(["metric", "note"]).aggregate([("explainer", "count"), ("explainer", "distinct")])
    for row in sorted(counted.to_pylist(), key=lambda row: (row["metric"], row["note"])):
        names = sorted(filter(None, row["explainer_distinct"]))
        of = f" of {', '.join(names)}" if names else ""
        yield Omission(f"{row['explainer_count']} values of {row['metric']}{of}", row["note"])
