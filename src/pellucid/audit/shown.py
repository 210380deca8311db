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
OTHERS = "evidence_of_other_labels_at_5"
CLASSES = ("match_exact", "match_proximate", "match_partial", "match_none", "match_empty")


@dataclass(frozen=True)
class Shown:
    """Three tables; None where nothing of it was measured.

    Attributes:
        errors: agreement, emptiness and evidence of other codes, for right, missed and wrong codes.
        matches: in which way explanations meet the evidence, and how much of their first words is punctuation.
        matched_length: the same length for every method.
    """

    errors: Table | None
    matches: Table | None
    matched_length: Table | None


def shown(audit: Finished) -> Shown:
    """Tabulate what a reader is shown."""
    return Shown(_errors(audit), _matches(audit), _matched_length(audit))


def _errors(audit: Finished) -> Table | None:
    groups = []
    for stratum, title in TITLES.items():
        n = audit.counts.get(f"targets: {stratum}", 0)
        # Wrong codes have no evidence of their own to agree with.
        names = ("empty", OTHERS) if stratum == FALSE_POSITIVE else ("pooled_f1", "empty", OTHERS)
        groups.append((f"{title} ({plural(n, 'code')})", _columns(audit, names, stratum) if n else []))
    return grouped(audit, groups, [*_everyone(audit), CHANCE] if measured(audit, OTHERS) else _everyone(audit))


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
