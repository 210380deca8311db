"""Agreement with evidence where all methods show equally much.

A method that shows more finds more. Here the length is fixed: the budget is the mean number of evidence units on validation
cases, the same for every method. Either every explanation shows exactly so many units (its first ones), or the method shows so
many on average, by a threshold of its own: then it may show much where its scores are sure and nothing where they are not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Bool

from pellucid.metrics.base import Budget, Need, Reading, Undefined, shares
from pellucid.metrics.checked import evidence_of, scores_of
from pellucid.metrics.facts import Facts
from pellucid.metrics.threshold import shown_units
from pellucid.metrics.tokens import Counts, compared
from pellucid.metrics.top import ERASER, top
from pellucid.registry import metrics

OWN = "Own definition; the length budget makes rates of empty explanations comparable"


def budget_of(reading: Reading) -> Budget:
    """The budget.

    Raises:
        Undefined: none was tuned.
    """
    if reading.budget is None:
        raise Undefined("no length budget was tuned")
    return reading.budget


def shown_at_budget(reading: Reading) -> Bool[np.ndarray, " U"]:
    """The units shown at the threshold of the budget.

    Raises:
        Undefined: no budget was tuned; no units; a score is not finite.
    """
    return shown_units(shares(scores_of(reading)), budget_of(reading).threshold)


class _AtBudget(Facts):
    needs: ClassVar[tuple[Need, ...]] = ("evidence", "budget")
    cites = f"{ERASER}; here with a budget from validation cases"


def _found(reading: Reading) -> tuple[float, int, int]:
    """Expected evidence units among the first ones, how many those are, and how many evidence units there are."""
    places = min(budget_of(reading).units, len(scores_of(reading)))
    return top(reading, places).expected, places, int(evidence_of(reading).sum())


@metrics.register("precision_at_budget")
@dataclass(frozen=True)
class PrecisionAtBudget(_AtBudget):
    """Share of the first B units that are evidence; B is the budget, or the number of units where the case has fewer.

    Equal scores at the last place count in expectation.

    Raises:
        Undefined: no evidence; no budget was tuned; no units; a score is not finite.
    """

    name = "precision_at_budget"

    def __call__(self, reading: Reading) -> float:
        found, places, _ = _found(reading)
        return found / places


@metrics.register("recall_at_budget")
@dataclass(frozen=True)
class RecallAtBudget(_AtBudget):
    """Share of the evidence units that are among the first B units; below 1 by construction where the evidence is longer.

    Raises:
        Undefined: as for precision.
    """

    name = "recall_at_budget"

    def __call__(self, reading: Reading) -> float:
        found, _, marked = _found(reading)
        return found / marked


@metrics.register("f1_at_budget")
@dataclass(frozen=True)
class F1AtBudget(_AtBudget):
    """2 x evidence units among the first B / (B + evidence units).

    Raises:
        Undefined: as for precision.
    """

    name = "f1_at_budget"

    def __call__(self, reading: Reading) -> float:
        found, places, marked = _found(reading)
        return 2 * found / (places + marked)


@metrics.register("empty_at_budget")
@dataclass(frozen=True)
class EmptyAtBudget(Facts):
    """1 if no unit is shown at the threshold of the budget, else 0.

    Its mean is the rate of empty explanations at a matched length.

    Raises:
        Undefined: no budget was tuned; no units; a score is not finite.
    """

    name = "empty_at_budget"
    higher_is_better: ClassVar[bool | None] = False
    needs: ClassVar[tuple[Need, ...]] = ("budget",)
    family = "complexity"
    cites = OWN

    def __call__(self, reading: Reading) -> float:
        return float(not shown_at_budget(reading).any())


def counts_at_budget(reading: Reading) -> Counts:
    """Compare the units shown at the threshold of the budget with the marked ones.

    Raises:
        Undefined: no evidence; no budget was tuned; no units; a score is not finite.
    """
    return compared(shown_at_budget(reading), evidence_of(reading))


@metrics.register("budget_false_negatives", of="false_negatives")
@metrics.register("budget_false_positives", of="false_positives")
@metrics.register("budget_true_positives", of="true_positives")
@dataclass(frozen=True)
class BudgetCount(_AtBudget):
    """Number of units shown and marked, shown only, or marked only, at the threshold of the budget.

    The parts of pooled figures at a matched length.

    Raises:
        Undefined: as :func:`counts_at_budget`.
    """

    of: Literal["true_positives", "false_positives", "false_negatives"] = "true_positives"
    higher_is_better = None
    range = (0.0, float("inf"))
    cites = OWN

    @property
    def name(self) -> str:
        return f"budget_{self.of}"

    def __call__(self, reading: Reading) -> float:
        return float(getattr(counts_at_budget(reading), self.of))
