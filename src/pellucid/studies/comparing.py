"""The questions of the paper as tests, and what may be said of each: derived from p and sign, never by hand.

A claim is that one side is better than the other in one metric. It *holds* where the difference points that way and p, after
Holm's correction over all tests of the question, is below 0.05; it *does not hold* where the difference points the other way
just as clearly; else it *cannot be told*, which is no proof that the sides are equal: the interval says how far apart they may
be.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pellucid import registry
from pellucid.audit.aggregate import RATIOS
from pellucid.audit.models import Models, Side
from pellucid.crossed import Estimate
from pellucid.statistics import holm
from pellucid.studies.study import BASE, is_supervised

Verdict = Literal["holds", "does not hold", "cannot be told"]

LEVEL = 0.05
OURS, ATTENTION, GRADIENT = "attingrad", "attention", "input_x_gradient"
PLAUSIBLE = ("average_precision", "pooled_f1", "empty")
FAITHFUL = ("naopc_comprehensiveness", "naopc_sufficiency")


@dataclass(frozen=True)
class Question:
    """Pairs of sides and the metrics they are compared in; one family of tests.

    Attributes:
        claim: one sentence, which each test affirms of its first side.
    """

    name: str
    claim: str
    pairs: tuple[tuple[Side, Side], ...]
    metrics: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """One comparison.

    Attributes:
        question: name of its family.
        a, b: `found` is the figure of `a` minus that of `b`.
        adjusted: p after Holm's correction over the family; NaN where there is no p.
        family: how many tests the family has.
        higher: whether more is better.
    """

    question: str
    metric: str
    a: Side
    b: Side
    found: Estimate
    adjusted: float
    family: int
    higher: bool

    @property
    def verdict(self) -> Verdict:
        """What may be said of the claim that `a` is better."""
        return verdict(self.found.value, self.adjusted, self.higher)


def verdict(value: float, p: float, higher: bool) -> Verdict:
    """What p and sign say of the claim that the difference `value` is for the better."""
    if not p < LEVEL or value == 0:  # NaN is not below
        return "cannot be told"
    return "holds" if (value > 0) == higher else "does not hold"


def questions(models: Models) -> Iterator[Question]:
    """The paper's questions, as far as the study has the strategies and methods for them."""
    for rival in (ATTENTION, GRADIENT):
        within = tuple((Side(name, OURS), Side(name, rival)) for name in models.names)
        yield Question(
            f"{OURS} v {rival}", f"On one and the same model, {OURS} is better than {rival}.", within, (*PLAUSIBLE, FAITHFUL[0])
        )
    free = [name for name in models.names if not is_supervised(name)]
    taught = [name for name in models.names if is_supervised(name)]
    yield Question(
        "without evidence v with evidence",
        f"{OURS} on a model that never saw evidence is better than {ATTENTION} on a model that was shown it.",
        tuple((Side(a, OURS), Side(b, ATTENTION)) for b in taught for a in free),
        PLAUSIBLE,
    )
    others = [name for name in models.names if name != BASE] if BASE in models.names else []
    for method in (OURS, ATTENTION, GRADIENT):
        pairs = tuple((Side(name, method), Side(BASE, method)) for name in others)
        yield Question(
            f"strategies, {method}", f"{method} is better on the strategy than on {BASE}.", pairs, (*PLAUSIBLE[:2], *FAITHFUL)
        )


def answered(models: Models, question: Question) -> list[Answer]:
    """Every test of a question, corrected for all of them; empty where the study lacks what it takes."""
    pairs = [(a, b) for a, b in question.pairs if {a.method, b.method} <= set(models.methods)]
    asked = [(a, b, metric) for metric in question.metrics if measured(models, metric) for a, b in pairs]
    found = [models.against(a, b, metric) for a, b, metric in asked]
    adjusted = holm([estimate.p for estimate in found]).tolist()
    return [
        Answer(question.name, metric, a, b, estimate, p, len(asked), higher_is_better(metric))
        for (a, b, metric), estimate, p in zip(asked, found, adjusted, strict=True)
    ]


def measured(models: Models, metric: str) -> bool:
    """Whether the audits have what a figure is made of."""
    return set(RATIOS.get(metric, (metric,))) <= set(models.plan.metrics)


def higher_is_better(metric: str) -> bool:
    """The direction of a metric that has one."""
    return metric in RATIOS or registry.metrics.create(metric).higher_is_better is not False


def statement(test: Answer) -> str:
    """One test in a sentence."""
    words = {"holds": "is better than", "does not hold": "is worse than", "cannot be told": "cannot be told apart from"}
    e = test.found
    alone = "; one training seed, so of these very models only" if e.runs == 1 else ""
    return (
        f"{test.a} {words[test.verdict]} {test.b} in {test.metric}: {e.value:+.3f} [{e.low:+.3f}, {e.high:+.3f}], "
        f"p = {shown_p(e.p)}, after Holm over {test.family} {shown_p(test.adjusted)} "
        f"({e.patients} patients, {e.runs} seed{'s' if e.runs != 1 else ''}{alone})."
    )


def summary(question: Question, tests: Sequence[Answer]) -> list[str]:
    """One sentence a metric: on how many pairs the claim holds."""
    lines = []
    for metric in dict.fromkeys(test.metric for test in tests):
        found = [test for test in tests if test.metric == metric]
        counts = {v: [t for t in found if t.verdict == v] for v in ("holds", "does not hold", "cannot be told")}
        told = "; ".join(f"{v} for {_pairs(some)}" for v, some in counts.items() if some)
        alone = " (one training seed: of these very models only)" if all(test.found.runs == 1 for test in found) else ""
        lines.append(f"{metric}: {told}{alone}.")
    return lines


def _pairs(tests: Sequence[Answer]) -> str:
    return ", ".join(t.a.model if t.a.model == t.b.model else f"{t.a.model} v {t.b.model}" for t in tests)


def shown_p(p: float) -> str:
    """A p-value as text."""
    if p != p:
        return "unknown"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
