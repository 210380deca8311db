"""Sums over the finished cases of an audit: what was left out, and what the work took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pellucid.audit import shard


def counts(paths: Sequence[Path]) -> dict[str, Any]:
    """How much was measured, and what was left out and why; `unreadable` says more about cases that could not be read."""
    total: Counter[str] = Counter()
    excluded: Counter[str] = Counter()
    patients: set[str] = set()
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
        for stratum in {t["stratum"] for t in targets}:
            total[f"targets: {stratum}"] += sum(t["stratum"] == stratum for t in targets)
    sizes = {"cases": len(paths), "patients": len(patients)}
    return {**sizes, **dict(sorted(total.items())), "excluded": dict(excluded), "unreadable": unreadable}


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
