"""What was asked and what was left out, with the ids of the cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pellucid.alignment.sentences import ABSENT, STRATA
from pellucid.audit import shard


def counts(paths: Sequence[Path]) -> dict[str, Any]:
    """Sums over the finished cases; what was left out is listed by its reason, with ids of cases and names of sentences."""
    found = [shard.read(path).facts for path in paths]
    asked = [facts for facts in found if not facts["excluded"]]
    said = [(facts["case"], one) for facts in asked for one in facts["sentences"]]
    unfit: Counter[str] = Counter()
    for facts in asked:
        unfit.update(facts["unfit"])
    return {
        "cases": len(found),
        "cases asked about": len(asked),
        "patients": len({facts["patient"] for facts in asked}),
        "sentences": len(said),
        "sentences with a place": sum(one["placed"] for _, one in said),
        **{f"sentences: {stratum}": sum(one["stratum"] == stratum for _, one in said) for stratum in STRATA},
        "images encoded": sum(facts["images encoded"] for facts in asked),
        "lungs known": sum(facts["lungs known"] for facts in asked),
        "rewordings that did not apply": dict(sorted(unfit.items())),
        "left out": _left_out(found),
        "noted": {
            "words beyond what the model reads": [_name(c, s) for c, s in said if s["truncated"]],
            "place too small for the model's resolution": [_name(c, s) for c, s in said if s["lost"]],
            "only absent findings": [f["case"] for f in asked if all(s["stratum"] == ABSENT for s in f["sentences"])],
            "no picture of another patient": [f["case"] for f in asked if not f["other patient"]],
        },
        "truncated words": sum(one["truncated"] for _, one in said),
    }


def _left_out(found: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    result: dict[str, list[str]] = {}
    for facts in found:
        if facts["excluded"]:
            result.setdefault(facts["excluded"], []).append(facts["case"])
        elif facts["wordless"]:
            result.setdefault("a sentence has no word", []).extend(f"{facts['case']} {name}" for name in facts["wordless"])
    return result


def _name(case: str, sentence: Mapping[str, Any]) -> str:
    return f"{case} {sentence['target']}"
