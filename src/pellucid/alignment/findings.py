"""Findings of one case: numbers about a map, a pair of maps, or a score."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from jaxtyping import Bool, Float

from pellucid.alignment.asking import TRUE
from pellucid.alignment.hearing import NULL, Maps, Scores
from pellucid.alignment.job import Job
from pellucid.alignment.maps import Areas, jensen_shannon, lean, symmetric_kl
from pellucid.alignment.sentences import Sentence
from pellucid.alignment.tops import at_percent
from pellucid.alignment.view import View
from pellucid.finding import Finding
from pellucid.metrics.base import Reading, Undefined
from pellucid.rewording import REWORDINGS

Scored = Float[np.ndarray, " U"]

AUROC, LEAN, JS, KL, JS_FLIPPED = "auroc", "lean", "js", "symmetric_kl", "js_flipped"
RANDOM, SWAP = "random_sentence", "side_swap"
MATCHING = {"matching_local": "local_score", "matching_whole": "whole_score"}
"""How often a sentence fits its picture better than a random one, by the score that decides."""


class Writer:
    """Makes findings about one case; what a metric refuses becomes a note."""

    def __init__(self, job: Job, view: View) -> None:
        self.job, self.view = job, view

    def say(self, sentence: Sentence, method: str, metric: str, setting: str, value: float, note: str = "") -> Finding:
        """One finding."""
        case, address = self.view.case, (sentence.target, sentence.stratum, method, metric, setting)
        return Finding(case.id, case.patient, *address, value, self.job.seed, note)

    def judge(self, sentence: Sentence, method: str, metric: str, setting: str, of: Callable[[], float]) -> Finding:
        """One finding that may be refused."""
        try:
            return self.say(sentence, method, metric, setting, float(of()))
        except Undefined as refusal:
            return self.say(sentence, method, metric, setting, np.nan, str(refusal))

    def scores(self, sentence: Sentence, setting: str, scores: Scores, row: int) -> Iterator[Finding]:
        """What the model gives a pair."""
        for name, value in scores.row(row).items():
            yield self.say(sentence, "", name, setting, value)

    def auroc(self, sentence: Sentence, method: str, setting: str, scores: Scored, truth: Bool[np.ndarray, " U"]) -> Finding:
        """Where a map lies."""
        reading = Reading(scores, False, self.view.units, truth)
        return self.judge(sentence, method, AUROC, setting, partial(self.job.metrics[AUROC], reading))

    def leans(self, sentence: Sentence, method: str, setting: str, scores: Scored, areas: Areas) -> Iterator[Finding]:
        """To which side a map leans; nothing for a sentence that does not name one."""
        side = sentence.side
        if side is not None:
            yield self.judge(sentence, method, LEAN, setting, partial(lean, scores, areas, side))

    def apart(self, sentence: Sentence, method: str, setting: str, one: Scored, other: Scored) -> Iterator[Finding]:
        """How far two maps are from each other."""
        yield self.judge(sentence, method, JS, setting, partial(jensen_shannon, one, other))
        yield self.judge(sentence, method, KL, setting, partial(symmetric_kl, one, other))


def of_texts(job: Job, view: View, scores: Scores, maps: Maps) -> Iterator[Finding]:
    """Every sentence and rewording on the picture of the case."""
    writer = Writer(job, view)
    for row, asked in enumerate(view.battery.asked):
        sentence = view.by_target[asked.target]
        first = view.rows[asked.target, TRUE]
        yield from writer.scores(sentence, asked.setting, scores, row)
        if asked.setting == RANDOM:
            yield from _matching(writer, sentence, scores, first, row)
        for method, given in maps.scores.items():
            if method in maps.nulls:
                yield writer.say(sentence, method, NULL, asked.setting, float(maps.nulls[method][row]))
            if asked.setting == TRUE:
                yield from _of_true(writer, sentence, method, given[row])
            else:
                yield from _of_reworded(writer, sentence, method, asked.setting, given[first], given[row])


def _of_true(writer: Writer, sentence: Sentence, method: str, scores: Scored) -> Iterator[Finding]:
    reading = Reading(scores, False, writer.view.units, sentence.truth)
    for name, metric in writer.job.metrics.items():
        if sentence.truth is not None or not metric.needs:
            yield writer.judge(sentence, method, name, TRUE, partial(metric, reading))
    for percent in writer.job.plan.percents if sentence.truth is not None else ():
        for name, value in at_percent(reading, percent):
            yield writer.say(sentence, method, name, TRUE, value)
    yield from writer.leans(sentence, method, TRUE, scores, writer.view.areas)


def _of_reworded(
    writer: Writer, sentence: Sentence, method: str, setting: str, true: Scored, reworded: Scored
) -> Iterator[Finding]:
    if sentence.truth is not None:
        yield writer.auroc(sentence, method, setting, reworded, sentence.truth)
    yield from writer.apart(sentence, method, setting, true, reworded)
    if REWORDINGS[setting].expected == "mirror":
        yield from writer.leans(sentence, method, setting, reworded, writer.view.areas)


def _matching(writer: Writer, sentence: Sentence, scores: Scores, true: int, random: int) -> Iterator[Finding]:
    for metric, score in MATCHING.items():
        gain = scores.row(true)[score] - scores.row(random)[score]
        yield writer.say(sentence, "", metric, RANDOM, 0.5 + 0.5 * float(np.sign(gain)))
