"""Sums over the finished cases of an audit: what was left out, and what the work took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pellucid.audit import shard

UNKNOWN_EVIDENCE = "marked passages whose label the model does not know"


def counts(paths: Sequence[Path]) -> dict[str, Any]:
    """How much was measured, and what was left out and why.

    `unreadable` says more about cases that could not be read or explained, `unknown_evidence` which labels have marked passages
    but are not among the model's.
    """
    total: Counter[str] = Counter()
    excluded: Counter[str] = Counter()
    patients: set[str] = set()
    unknown: Counter[str] = Counter()
    unreadable: dict[str, str] = {}
    for facts in (shard.read(path).facts for path in paths):
        if facts["excluded"]:
            excluded[facts["excluded"]] += 1
            unreadable |= {facts["case"]: facts["detail"]} if facts.get("detail") else {}
        else:
            patients.add(facts["patient"])
            total["cases explained"] += 1
        targets = facts.get("targets", [])
        total["targets"] += len(targets)
        total["targets with evidence"] += sum(t["evidence"] for t in targets)
        total["targets with known cause"] += sum(t["cause"] for t in targets)
        total["targets with planted cause"] += sum(t["planted"] for t in targets)
        total["targets whose evidence the model did not read"] += facts.get("targets_lost", 0)
        total["cases longer than the model reads"] += facts.get("units_beyond", 0) > 0
        total["units that the model did not read"] += facts.get("units_beyond", 0)
        total["gold labels that the model does not know"] += facts.get("unknown_labels", 0)
        unknown.update(facts.get("unknown_evidence", {}))
        total["marked passages of labels that the model knows but that are not explained"] += facts.get("idle_evidence", 0)
        for stratum in {t["stratum"] for t in targets}:
            total[f"targets: {stratum}"] += sum(t["stratum"] == stratum for t in targets)
    total[UNKNOWN_EVIDENCE] = unknown.total()
    sizes = {"cases": len(paths), "patients": len(patients)}
    left_out = {"excluded": dict(excluded), "unknown_evidence": dict(sorted(unknown.items())), "unreadable": unreadable}
    return {**sizes, **dict(sorted(total.items())), **left_out}


def cost(paths: Sequence[Path]) -> dict[str, Any]:
    """Sums of what the explanations and perturbations took."""
    explainers: dict[str, Counter[str]] = {}
    perturbation: dict[str, Counter[str]] = {}
    for facts in (shard.read(path).facts for path in paths):
        part_costs = facts.get("cost", {"explainers": {}, "perturbation": {}})
        for name, spent in part_costs["explainers"].items():
            sums = explainers.setdefault(name, Counter())
            sums.update({**spent, "cases": 1, "targets": len(facts["targets"])})
        for filler, parts in part_costs["perturbation"].items():
            for part, spent in parts.items():
                known = {name: value for name, value in spent.items() if value is not None}
                perturbation.setdefault(f"{part}, {filler}", Counter()).update(known)
    return {
        "explainers": {name: dict(sums) for name, sums in explainers.items()},
        "perturbation": {name: dict(sums) for name, sums in perturbation.items()},
    }
