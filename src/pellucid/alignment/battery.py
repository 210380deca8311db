"""The whole battery for one case: all texts on its picture, and other versions of the picture.

The picture is encoded once however many texts there are, and once more for each version of it. Maps are drawn of the picture,
of its mirror image and of another patient's picture; of the other versions only scores are needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

from pellucid.alignment.asking import twin
from pellucid.alignment.findings import JS_FLIPPED, Writer, of_texts
from pellucid.alignment.hearing import Maps, Texts, mapped, scored
from pellucid.alignment.job import Job
from pellucid.alignment.maps import flipped, jensen_shannon
from pellucid.alignment.plan import ELSEWHERE, MIRROR, OTHER_PATIENT, RANDOM_BOXES, REGION, SAME_FINDING
from pellucid.alignment.sentences import Sentence, places
from pellucid.alignment.versions import elsewhere, mirrored, without
from pellucid.alignment.view import View
from pellucid.case import Case
from pellucid.errors import DataError
from pellucid.finding import Finding
from pellucid.predictor import Batch
from pellucid.randomness import stream


@dataclass(frozen=True, eq=False)
class Heard:
    """What was found about a case, and the maps for all texts on its own picture."""

    findings: list[Finding]
    maps: Maps


def run(job: Job, view: View) -> Heard:
    """Ask everything."""
    scores = scored(job.model, view.batch, view.texts.of(view.battery.asked))
    maps = mapped(job, view.batch, view.battery.asked)
    findings = list(of_texts(job, view, scores, maps))
    wanted = set(job.plan.images)
    if MIRROR in wanted:
        findings += _mirrored(job, view, maps)
    if OTHER_PATIENT in wanted:
        findings += _other_patient(job, view, maps)
    if RANDOM_BOXES in wanted:
        findings += _random_boxes(job, view, maps)
    findings += _filled_in(job, view, wanted & {REGION, ELSEWHERE})
    if SAME_FINDING in wanted:
        findings += _same_finding(job, view)
    return Heard(findings, maps)


def _mirrored(job: Job, view: View, maps: Maps) -> Iterator[Finding]:
    """The flipped picture with flipped sentences. A map leans the other way there, and flipped back it is as before."""
    asked = [twin(sentence) for sentence in view.asserting]
    if not asked:
        return
    writer, areas = Writer(job, view), view.areas.mirrored(view.units)
    batch = job.model.encode([mirrored(view.case)])
    scores = scored(job.model, batch, Texts(job.model, asked).of(asked))
    turned = mapped(job, batch, asked)
    for row, sentence in enumerate(view.asserting):
        yield from writer.scores(sentence, MIRROR, scores, row)
        for method, given in turned.scores.items():
            true, back = maps.scores[method][view.rows[sentence.target, ""]], flipped(given[row], view.units)
            yield from writer.leans(sentence, method, MIRROR, given[row], areas)
            yield writer.judge(sentence, method, JS_FLIPPED, MIRROR, partial(jensen_shannon, true, back))


def _other_patient(job: Job, view: View, maps: Maps) -> Iterator[Finding]:
    """The same sentences on another picture: how far maps move with the picture."""
    batch = None if view.stranger is None else _encoded(job, view.stranger)
    if batch is None or not view.asserting:
        return
    writer, asked = Writer(job, view), [view.true(sentence) for sentence in view.asserting]
    scores = scored(job.model, batch, view.texts.of(asked))
    strange = mapped(job, batch, asked)
    for row, sentence in enumerate(view.asserting):
        yield from writer.scores(sentence, OTHER_PATIENT, scores, row)
        for method, given in strange.scores.items():
            true = maps.scores[method][view.rows[sentence.target, ""]]
            yield from writer.apart(sentence, method, OTHER_PATIENT, true, given[row])


def _random_boxes(job: Job, view: View, maps: Maps) -> Iterator[Finding]:
    """The same maps against a place in another patient's picture, apart from the place of the sentence."""
    strange = [] if view.stranger is None else places(view.stranger, view.units)
    for sentence, truth in view.placed:
        apart = [place for place in strange if not (place & truth).any()]
        if apart:
            drawn = int(stream(job.plan.seed, RANDOM_BOXES, view.case.id, sentence.target).integers(len(apart)))
            for method, given in maps.scores.items():
                own = given[view.rows[sentence.target, ""]]
                yield Writer(job, view).auroc(sentence, method, RANDOM_BOXES, own, apart[drawn])


def _filled_in(job: Job, view: View, wanted: set[str]) -> Iterator[Finding]:
    """Scores with the place of a sentence filled in, and with another place filled in."""
    for sentence, truth in view.placed if wanted else ():
        about = (view.case.id, sentence.target)
        filled = {REGION: truth, ELSEWHERE: elsewhere(truth, view.places, view.units, job.plan.seed, *about)}
        for setting, place in filled.items():
            if setting in wanted and place is not None:
                batch = without(job.model, view.batch, place, job.plan.filler)
                yield from _scores(job, view, sentence, setting, batch)


def _same_finding(job: Job, view: View) -> Iterator[Finding]:
    """Scores of the sentence with the picture of another patient with the same finding."""
    for sentence in view.asserting:
        other = job.others.alike(view.case, sentence.phrase)
        batch = None if other is None else _encoded(job, other)
        if batch is not None:
            yield from _scores(job, view, sentence, SAME_FINDING, batch)


def _scores(job: Job, view: View, sentence: Sentence, setting: str, batch: Batch) -> Iterator[Finding]:
    scores = scored(job.model, batch, view.texts.of([view.true(sentence)]))
    return Writer(job, view).scores(sentence, setting, scores, 0)


def _encoded(job: Job, case: Case) -> Batch | None:
    """The picture of another patient; None where the model cannot read it, which is counted where that case has its turn."""
    try:
        return job.model.encode([replace(case, evidence=(), causes=(), anatomy=(), sentences=())])
    except DataError:
        return None
