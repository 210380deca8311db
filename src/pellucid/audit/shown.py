"""What a reader is shown: on right, wrong and missed codes, how it meets the evidence, and at one length for all methods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pellucid.audit.aims import FALSE_NEGATIVE, FALSE_POSITIVE, TRUE_POSITIVE
from pellucid.audit.finished import Finished
from pellucid.audit.judging import CHANCE, HUMAN
from pellucid.audit.tabulating import Column, Table, column, grouped, measured
from pellucid.audit.wording import plural

TITLES = {TRUE_POSITIVE: "Rightly assigned", FALSE_NEGATIVE: "Missed", FALSE_POSITIVE: "Wrongly assigned"}
OTHERS = {"evidence_of_other_labels_at_5": CHANCE, "relevance_mass_on_others": "uniform"}
"""What lies on marks of other codes, of words and of anything else; and the row that tells what chance would show of that."""

CLASSES = ("match_exact", "match_proximate", "match_partial", "match_none", "match_empty")


@dataclass(frozen=True)
class Shown:
    """Three tables; None where nothing of it was measured.

    Attributes:
        errors: agreement, emptiness and evidence of other codes, for right, missed and wrong codes.
        matches: in which way explanations meet the evidence, and how much of their first words is punctuation.
        matched_length: the same length for every method.
        chance: the row of the first table that tells what chance would show of evidence of other codes; empty if none does.
    """

    errors: Table | None
    matches: Table | None
    matched_length: Table | None
    chance: str = ""


def shown(audit: Finished) -> Shown:
    """Tabulate what a reader is shown."""
    errors = _errors(audit)
    rows = [row.name for row in errors.rows] if errors else []
    chance = next((row for row in _of_others(audit).values() if row in rows), "")
    return Shown(errors, _matches(audit), _matched_length(audit), chance)


def _of_others(audit: Finished) -> dict[str, str]:
    """Those of :data:`OTHERS` that were measured; none where nobody marked anything."""
    marked = audit.counts["targets with evidence"]
    return {name: row for name, row in OTHERS.items() if marked and measured(audit, name)}


def _errors(audit: Finished) -> Table | None:
    groups, others = [], _of_others(audit)
    for stratum, title in TITLES.items():
        n = audit.counts.get(f"targets: {stratum}", 0)
        # Wrong codes have no evidence of their own to agree with.
        names = ("empty", *others) if stratum == FALSE_POSITIVE else ("pooled_f1", "empty", *others)
        groups.append((f"{title} ({plural(n, 'code')})", _columns(audit, names, stratum) if n else []))
    beside = [row for row in others.values() if row == CHANCE]
    return grouped(audit, groups, [*_everyone(audit), *beside])


def _matches(audit: Finished) -> Table | None:
    tuned = bool(audit.thresholds["values"])
    groups = [
        ("Share of the explanations, by how they meet the evidence", _columns(audit, CLASSES) if tuned else []),
        ("Of the first five words", _columns(audit, ("punctuation_at_5",))),
    ]
    beside = [HUMAN, CHANCE] if measured(audit, "punctuation_at_5") else []
    return grouped(audit, groups, [*beside[:1], *_everyone(audit), *beside[1:]])


def _matched_length(audit: Finished) -> Table | None:
    budget = audit.thresholds["budget"]
    if not budget:
        return None
    words = plural(budget, audit.plan.unit)
    exactly = _columns(audit, ("precision_at_budget", "recall_at_budget", "f1_at_budget"))
    on_average = _columns(audit, ("empty_at_budget", "budget_pooled_precision", "budget_pooled_recall", "budget_pooled_f1"))
    return grouped(audit, [(f"The first {words} of each", exactly), (f"{words} on average", on_average)])


def _columns(audit: Finished, names: Sequence[str], stratum: str = "") -> list[Column]:
    return [replace(column(audit, name), stratum=stratum) for name in names if measured(audit, name)]


def _everyone(audit: Finished) -> list[str]:
    return [*audit.methods, *audit.baselines]
