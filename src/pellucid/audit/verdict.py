"""The audit in plain words: what was tested, what came out, what to believe and what not.

Every sentence follows from the findings by a fixed rule, so that the words say neither more nor less than the numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pellucid.audit.aims import FALSE_NEGATIVE, FALSE_POSITIVE, TRUE_POSITIVE
from pellucid.audit.comparing import Comparison, Contest, against_baseline, against_best, best_of
from pellucid.audit.finished import Finished
from pellucid.audit.wording import bounds, figure, heading, listed, number, p_value, plural
from pellucid.statistics import Interval

FEW_PATIENTS = 30


@dataclass(frozen=True)
class Result:
    """What came out on one primary metric.

    Attributes:
        against_baseline: every method against the best baseline.
        against_best: the best method against every other.
        sentences: the result in words.
    """

    contest: Contest
    winner: str | None
    baseline: str | None
    against_baseline: list[Comparison]
    against_best: list[Comparison]
    sentences: list[str]

    @property
    def beats_chance(self) -> bool:
        """The best method is better than every baseline, beyond what chance explains."""
        return any(c.explainer == self.winner and c.better for c in self.against_baseline)


@dataclass(frozen=True)
class Verdict:
    """The audit in plain words."""

    tested: str
    results: list[Result]
    believe: list[str]
    doubt: list[str]


def verdict(audit: Finished) -> Verdict:
    """Put the findings into words."""
    results = [_result(audit, contest) for contest in audit.contests]
    return Verdict(_tested(audit), results, list(_believe(audit, results)), list(_doubt(audit, results)))


def _tested(audit: Finished) -> str:
    counts, data = audit.counts, audit.about["data"]["name"]
    of = [f"{n} {said}" for stratum, said in _STRATA.items() if (n := counts.get(f"targets: {stratum}", 0))]
    return (
        f"The model reads a note and assigns codes. On {plural(counts['cases explained'], 'note')} of "
        f"{plural(counts['patients'], 'patient')} from the {audit.plan.split} split of {data}, "
        f"{plural(len(audit.methods), 'method')} said which words made the model give each of "
        f"{plural(counts['targets'], 'code')} its probability ({listed(of)}). " + _compared(counts["targets with evidence"])
    )


def _compared(marked: int) -> str:
    if not marked:
        return "Nobody marked evidence for any of them, so agreement with people was not measured."
    return f"{plural(marked, 'code')} had words marked as evidence to compare with."


_STRATA = {
    TRUE_POSITIVE: "rightly assigned",
    FALSE_POSITIVE: "wrongly assigned",
    FALSE_NEGATIVE: "missed by the model",
}


def _result(audit: Finished, contest: Contest) -> Result:
    seed, names = audit.plan.seed, [*audit.methods, *audit.baselines]
    winner, baseline = best_of(audit.frame, contest, names)
    chance = against_baseline(audit.frame, contest, names, seed)
    rivals = against_best(audit.frame, contest, names, seed)
    sentences = list(_said(audit, contest, winner, baseline, chance, rivals)) if winner else []
    return Result(contest, winner, baseline, chance, rivals, sentences)


def _said(
    audit: Finished, contest: Contest, winner: str, baseline: str | None, chance: list[Comparison], rivals: list[Comparison]
) -> Iterator[str]:
    short = heading(contest.metric).short.lower()
    yield f"{_LEAD[contest.family]} {winner} comes first, with {'an' if short[0] in 'aeiou' else 'a'} {short} of " + (
        f"{figure(_interval(audit, contest, winner))}."
    )
    own = next((c for c in chance if c.explainer == winner), None)
    if baseline and own:
        p = f"{p_value(own.adjusted)} after correction for {plural(len(chance), 'comparison')}"
        gap = f"a difference of {number(own.paired.difference)} {_range(own)}".rstrip()
        how = "is better than" if own.better else "is worse than" if own.worse else "cannot be told from"
        yield f"That {how} {baseline}, the best baseline, which has {figure(_interval(audit, contest, baseline))}: {gap}, {p}."
    same = [c.against for c in rivals if not (c.better or c.worse)]
    ahead = [c.against for c in rivals if c.worse]
    if same:
        yield f"Of the {plural(len(rivals), 'other method')}, it cannot be told apart from {listed(same)}."
    if ahead:  # a mean over other targets than those that both were measured on may mislead
        yield f"Where both were measured, {listed(ahead)} did better."
    if rivals and not same and not ahead:
        yield "It is better than every other method tested."


_LEAD = {
    "plausibility": "Agreement with people:",
    "faithfulness": "Agreement with the model:",
}


def _believe(audit: Finished, results: list[Result]) -> Iterator[str]:
    good = [r for r in results if r.beats_chance]
    for r in good:
        yield _TRUST[r.contest.family].format(method=r.winner)
    if not good:
        yield "No method was shown to be better than the baselines that know nothing of the model: believe none of them yet."
    winners = {r.winner for r in good}
    if len(good) == 2 and len(winners) == 1:
        yield f"On these notes one method both agrees most with people and follows the model best: {good[0].winner}."
    shown = audit.frame.interval(audit.headline or "", "pooled_precision", "", audit.plan.draws, audit.plan.seed)
    if audit.headline and not np.isnan(shown.value):
        found = audit.frame.interval(audit.headline, "pooled_recall", "", audit.plan.draws, audit.plan.seed)
        yield (
            f"Of the words that {audit.headline} shows at its tuned threshold, {_percent(shown)} were marked by people; "
            f"of the words that people marked, it shows {_percent(found)}."
        )


_TRUST = {
    "plausibility": ("{method} points at what people marked more than methods do that know nothing of the model."),
    "faithfulness": "The words that {method} ranks first do matter to this model: without them its output falls.",
}


def _doubt(audit: Finished, results: list[Result]) -> Iterator[str]:
    metric, name = ("model_precision", "accuracy") if audit.exclusive else ("model_f1", "F1")
    quality = audit.frame.interval("", metric, "", audit.plan.draws, audit.plan.seed)
    yield (
        "A coloured word tells what moved this model, not that the code is right. "
        f"The model itself errs: its {name} is {figure(quality)}, where 1 is perfect."
    )
    if len(results) == 2 and any(c.against == results[0].winner and c.better for c in results[1].against_best):
        yield (
            f"The method that people would agree with most ({results[0].winner}) follows the model less well than "
            f"{results[1].winner}: a pleasing explanation may be a wrong one."
        )
    wrong = audit.counts.get(f"targets: {FALSE_POSITIVE}", 0)
    if wrong:
        yield (
            f"Wrong codes are explained as readily as right ones: {plural(wrong, 'code')} here were wrong, "
            "and nothing in the colours says so."
        )
    yield from _missed(audit)
    if audit.counts.get("targets with planted cause"):
        yield "In some notes the label was caused by a planted phrase, not by what people marked; see “Known causes”."
    if audit.plan.split == "train":
        yield "These are notes that the model was trained on: on new notes it may be right, and be explained, less often."
    if audit.counts["patients"] < FEW_PATIENTS:
        yield f"There are only {plural(audit.counts['patients'], 'patient')}: read the intervals, not the figures."
    if "phantom" in audit.about["data"]["name"]:
        yield "The notes are invented by a grammar: nothing here says how the methods do on real notes."


def _missed(audit: Finished) -> Iterator[str]:
    """How the headline method does on codes that the model missed, where that is worse than on those it found."""
    plausible = audit.contest("plausibility")
    if plausible is None or audit.headline is None:
        return
    found, missed = (_interval(audit, plausible, audit.headline, s) for s in (TRUE_POSITIVE, FALSE_NEGATIVE))
    if missed.value < found.value:
        yield (
            f"For codes that the model missed, {audit.headline} finds the evidence less well: "
            f"{heading(plausible.metric).short.lower()} {figure(missed)}, against {figure(found)} for codes it found."
        )


def _interval(audit: Finished, contest: Contest, name: str, stratum: str | None = None) -> Interval:
    return audit.frame.interval(name, contest.metric, contest.setting, audit.plan.draws, audit.plan.seed, stratum)


def _range(comparison: Comparison) -> str:
    paired = comparison.paired
    return bounds(Interval(paired.difference, paired.low, paired.high, paired.n, paired.patients))


def _percent(interval: Interval) -> str:
    if np.isnan(interval.low):
        return f"{100 * interval.value:.0f} %"
    return f"{100 * interval.value:.0f} % [{100 * interval.low:.0f}, {100 * interval.high:.0f}]"
