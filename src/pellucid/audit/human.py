"""Is the human evidence what the model uses? The answer in figures, and in sentences that follow from their intervals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from pellucid.audit.aims import FALSE_NEGATIVE, TRUE_POSITIVE
from pellucid.audit.comparing import Contest, best
from pellucid.audit.finished import Finished
from pellucid.audit.judging import CHANCE, HUMAN
from pellucid.audit.tabulating import Table, column, grouped, measured
from pellucid.audit.wording import SETTINGS, figure, plural
from pellucid.statistics import Interval

WITHOUT, ONLY = "comprehensiveness_at_evidence_size", "sufficiency_at_evidence_size"
WITHOUT_GAP, ONLY_GAP = "comprehensiveness_over_random", "sufficiency_over_random"
STRATA = {TRUE_POSITIVE: "rightly assigned", FALSE_NEGATIVE: "missed"}

Use = Literal["alone", "among others", "replaceable", "no different", "less than chance", "unknown"]
"""What the intervals say.

* "alone": the output falls further without the evidence than without random text, and no loss is shown with the evidence alone.
* "among others": it falls further without the evidence, and something is lost with the evidence alone.
* "replaceable": it falls no further without the evidence, but holds better with the evidence alone than with random text alone.
* "no different": neither.
* "less than chance": it falls less without the evidence than without random text.
* "unknown": there is no interval, since fewer than two patients have evidence.
"""


@dataclass(frozen=True)
class Answer:
    """What was found for one stratum with one filler.

    Attributes:
        without, only: how far the output falls without the evidence, and with nothing else.
        without_gap, only_gap: how much further than for random text, paired.
    """

    stratum: str
    filler: str
    use: Use
    without: Interval
    only: Interval
    without_gap: Interval
    only_gap: Interval


@dataclass(frozen=True)
class HumanEvidence:
    """The section of the report.

    Attributes:
        tables: one a filler, with its name in words.
        answers: one a stratum with the first filler.
        sentences: the answers in words, one a stratum.
    """

    tables: list[tuple[str, Table]]
    answers: list[Answer]
    sentences: list[str]


def human_evidence(audit: Finished) -> HumanEvidence | None:
    """Whether the model uses what people marked; None where that was not measured."""
    if not all(measured(audit, name) for name in (WITHOUT, ONLY, WITHOUT_GAP, ONLY_GAP)):
        return None
    first, *rest = audit.plan.fillers
    answers = [a for stratum in STRATA if (a := _answer(audit, stratum, first)).without.n]
    if not answers:
        return None
    tables = [(SETTINGS[filler], _table(audit, filler, [a.stratum for a in answers])) for filler in audit.plan.fillers]
    sentences = [_sentence(a, [_answer(audit, a.stratum, filler) for filler in rest]) for a in answers]
    return HumanEvidence([(words, t) for words, t in tables if t], answers, sentences)


def use_of(without_gap: Interval, only_gap: Interval, only: Interval) -> Use:
    """What the intervals say, by the rule of :data:`Use`."""
    if np.isnan(without_gap.low) or np.isnan(only_gap.low):
        return "unknown"
    if without_gap.low > 0:
        return "among others" if only.low > 0 else "alone"
    if without_gap.high < 0:
        return "less than chance"
    return "replaceable" if only_gap.high < 0 else "no different"


def _answer(audit: Finished, stratum: str, filler: str) -> Answer:
    draws, seed = audit.plan.draws, audit.plan.seed
    without, only, without_gap, only_gap = (
        audit.frame.interval(HUMAN, metric, filler, draws, seed, stratum) for metric in (WITHOUT, ONLY, WITHOUT_GAP, ONLY_GAP)
    )
    return Answer(stratum, filler, use_of(without_gap, only_gap, only), without, only, without_gap, only_gap)


_SAID: dict[Use, str] = {
    "alone": (
        "the model uses the evidence. Without it the output falls by {without}, which is {without_gap} more than without as "
        "much random text; {kept}."
    ),
    "among others": (
        "the model uses the evidence, and other text as well. Without the evidence the output falls by {without}, which is "
        "{without_gap} more than without as much random text; but with nothing but the evidence it still falls by {only}."
    ),
    "replaceable": (
        "the model can use the evidence, and does not need it. With nothing but the evidence the output holds up better than "
        "with as much random text (by {only_saved}), yet taking the evidence away costs no more than taking random text away "
        "(a difference of {without_gap}): other text says the same."
    ),
    "no different": (
        "what people marked cannot be told apart from random text. Without the evidence the output falls by {without}, which "
        "differs by {without_gap} from the fall without as much random text."
    ),
    "less than chance": (
        "the model uses other text than people marked. Without the evidence the output falls by {without}, which differs by "
        "{without_gap} from the fall without as much random text: random text matters more."
    ),
    "unknown": (
        "there is no verdict: evidence of at least two patients is needed for an interval. "
        "Without the evidence the output falls by {without}."
    ),
}
_SHORT: dict[Use, str] = {
    "alone": "the evidence is used, and no loss is shown with the evidence alone",
    "among others": "the evidence is used, and other text as well",
    "replaceable": "the evidence can be used, but is not needed",
    "no different": "the evidence cannot be told apart from random text",
    "less than chance": "the evidence matters less than random text",
    "unknown": "there is no verdict",
}


def _sentence(answer: Answer, elsewhere: list[Answer]) -> str:
    said = _SAID[answer.use].format(
        without=figure(answer.without),
        only=figure(answer.only),
        without_gap=figure(answer.without_gap),
        only_saved=figure(_negated(answer.only_gap)),
        kept=_kept(answer.only),
    )
    subject = f"For codes {STRATA[answer.stratum]} ({plural(answer.without.n, 'code')})"
    return " ".join([f"{subject}, {said}", *_against(answer, elsewhere)])


def _kept(only: Interval) -> str:
    """What is said where no loss is shown with the evidence alone."""
    if only.high < 0:
        return f"with nothing but the evidence it even rises by {figure(_negated(only))}"
    return f"with nothing but the evidence no loss can be shown ({figure(only)})"


def _against(answer: Answer, elsewhere: list[Answer]) -> Iterator[str]:
    """Where another way of taking words away says something else."""
    for other in elsewhere:
        if other.use == answer.use:
            yield f"The verdict is the same with {SETTINGS[other.filler]}."
        else:
            yield f"With {SETTINGS[other.filler]} the verdict is another: {_SHORT[other.use]}."


def _negated(interval: Interval) -> Interval:
    return replace(interval, value=-interval.value, low=-interval.high, high=-interval.low)


def _table(audit: Finished, filler: str, strata: list[str]) -> Table | None:
    """Human evidence, the best methods and random text, for all codes and by stratum."""
    titles = {"": "All codes with evidence"} | {stratum: f"Codes {STRATA[stratum]}" for stratum in strata}
    groups = [
        (title, [replace(column(audit, metric, filler), stratum=stratum, setting=filler) for metric in (WITHOUT, ONLY)])
        for stratum, title in titles.items()
    ]
    return grouped(audit, groups, [HUMAN, *_best_methods(audit, filler), CHANCE])


def _best_methods(audit: Finished, filler: str) -> list[str]:
    """The method that comes first on each primary metric, and the one whose first words the output needs most."""
    contests = [*audit.contests, Contest("faithfulness", WITHOUT, filler, True)]
    firsts = [best(audit.frame, contest, audit.methods) for contest in contests]
    return list(dict.fromkeys(name for name in firsts if name))
