"""One case as the audit of alignment sees it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Bool

from pellucid.alignment.asking import Asked, Battery, battery
from pellucid.alignment.hearing import Texts
from pellucid.alignment.job import Job
from pellucid.alignment.maps import Areas
from pellucid.alignment.sentences import ABSENT, Sentence, places, sentences
from pellucid.case import Case
from pellucid.errors import DataError
from pellucid.predictor import Batch
from pellucid.units import PixelUnits


@dataclass(frozen=True, eq=False)
class View:
    """One case with everything that will be asked about it.

    Attributes:
        case: with its picture in memory.
        found: its sentences, those without a word left out.
        texts: every text of the battery, read once.
        areas: the two sides of the picture.
        stranger: the case of another patient, with its picture in memory; None where there is none that can be read.
    """

    case: Case
    batch: Batch
    units: PixelUnits
    found: tuple[Sentence, ...]
    battery: Battery
    texts: Texts
    areas: Areas
    stranger: Case | None

    @cached_property
    def by_target(self) -> dict[str, Sentence]:
        """The sentences by their names."""
        return {sentence.target: sentence for sentence in self.found}

    @cached_property
    def rows(self) -> dict[tuple[str, str], int]:
        """Where the text of each sentence and setting stands in the battery."""
        return {(one.target, one.setting): row for row, one in enumerate(self.battery.asked)}

    @property
    def asserting(self) -> list[Sentence]:
        """The sentences that say that something is there."""
        return [sentence for sentence in self.found if sentence.stratum != ABSENT]

    @property
    def placed(self) -> list[tuple[Sentence, Bool[np.ndarray, " U"]]]:
        """The sentences that speak of a place, with it."""
        return [(sentence, sentence.truth) for sentence in self.found if sentence.truth is not None]

    @cached_property
    def places(self) -> list[Bool[np.ndarray, " U"]]:
        """The places of all sentences of the report, also of those that are not asked."""
        return places(self.case, self.units)

    def true(self, sentence: Sentence) -> Asked:
        """The sentence as the report has it."""
        return self.battery.asked[self.rows[sentence.target, ""]]


def look(job: Job, case: Case) -> View | str:
    """Encode a case and find what there is to ask, or why there is nothing.

    Raises:
        DataError: the model cannot read the picture.
    """
    if not case.sentences:
        return "it has no sentence"
    case = replace(case, inputs={**case.inputs, "image": case.picture})  # needed several times, and may lie in a file
    batch = job.model.encode([case])
    units: PixelUnits = batch.units[0]
    found = tuple(sentences(case, units, job.plan.max_sentences, job.plan.seed))
    if not found:
        return "no sentence has a word"
    others = job.others.sentences(case, job.plan.other_sentences)
    asked = battery(case, found, others, job.plan, job.model.mask_token)
    texts = Texts(job.model, asked.asked)
    return View(case, batch, units, found, asked, texts, Areas.of(case, units), _stranger(job, case))


def _stranger(job: Job, case: Case) -> Case | None:
    """Another patient's case with its picture in memory; None where there is none, or the model cannot read it."""
    other = job.others.any_case(case)
    if other is None:
        return None
    try:
        other = replace(other, inputs={**other.inputs, "image": other.picture})
        job.model.encode([other])
    except DataError:  # it is counted where that case has its turn
        return None
    return other
