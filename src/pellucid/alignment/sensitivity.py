"""How far other words move the map of a sentence, and how far another picture does: by its derivatives, and as it is.

Beside the divergences of the battery, which hold maps of whole sentences against each other, this asks the map itself, at the
words and at the shades (:mod:`pellucid.metrics.sensitivity_ratio`). It takes about a second a sentence, so few are asked.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Self

import numpy as np
from jaxtyping import Float

from pellucid.alignment.job import Job
from pellucid.alignment.manifest import SENSITIVITY
from pellucid.alignment.plan import AlignmentPlan
from pellucid.alignment.sentences import Sentence, readable, sentences
from pellucid.audit import shard
from pellucid.audit.shard import Shard
from pellucid.case import Case
from pellucid.errors import CapabilityError, DataError
from pellucid.files import digest
from pellucid.finding import Finding
from pellucid.metrics.sensitivity_ratio import SensitivityRatio, sensitivity_ratio
from pellucid.predictor import missing_capabilities
from pellucid.predictors.image_text import ImageText

METHOD = "local_attention"
"""Whose map is asked."""

TEXT, IMAGE, RATIO = "text_moves_map", "image_moves_map", "text_over_image"
FIRST_ORDER, MADE = "first order", "made"
"""Settings: by derivatives at the case, and by changing words and picture."""

STILL = 0.01
"""A map that changes by less than this share of its length counts as one that stays: ratios of next to nothing mislead."""

STILL_BITS = STILL**2 / (8 * math.log(2))
"""By how much (Jensen-Shannon, base 2) an even map diverges that changes by :data:`STILL` of its length, to leading order."""

UNMOVED = "nothing moves the map by 1 % of its length"
UNSEEN = "no picture moves the map by 1 % of its length"

STRANGERS = 16
"""Pictures of other patients that are drawn from."""


@dataclass(frozen=True)
class Asked:
    """What was asked.

    Attributes:
        sentences: how many.
        still: how many maps neither words nor picture change by :data:`STILL`.
        skipped: why none was asked; empty where one was.
    """

    sentences: int = 0
    still: int = 0
    skipped: str = ""

    @classmethod
    def read(cls, out: Path) -> Self:
        """Of an audit; one from before this was asked says so."""
        path = out / SENSITIVITY
        return cls(**shard.read(path).facts) if path.is_file() else cls(skipped="this audit did not ask it")


def moved_by_picture(divergences: Float[np.ndarray, " N"]) -> Float[np.ndarray, " N"]:
    """Divergences under another picture as what others may be divided by.

    Where their mean is below :data:`STILL_BITS` they are rounding errors (of an even map) or next to it: zeros, by which a
    ratio has no value. NaN stays.
    """
    known = divergences[~np.isnan(divergences)]
    return divergences if known.sum() >= STILL_BITS * len(known) else 0 * divergences


def finished(plan: AlignmentPlan, out: Path) -> bool:
    """Whether an audit has asked it, if it was to."""
    return not plan.sensitivity_cases or (out / SENSITIVITY).is_file()


def measured(job: Job, cases: Sequence[Case], out: Path, key: str) -> Shard:
    """The findings, computed unless they are there.

    Args:
        cases: all that are audited; asked is the first sentence with a place of each of the first that have one.
        key: digest of what is audited.
    """
    path, identity = out / SENSITIVITY, digest(key, str(job.plan.sensitivity_cases))
    if not shard.is_whole(path, identity):
        found, skipped = _found(job, cases)
        still = sum(one.metric == RATIO and one.setting == MADE and one.note == UNMOVED for one in found)
        count = len(found) // 6  # of each sentence three metrics in two settings
        shard.write(path, identity, {"sentences": count, "still": still, "skipped": skipped}, {}, found)
    return shard.read(path)


def _found(job: Job, cases: Sequence[Case]) -> tuple[list[Finding], str]:
    """Findings, or why there are none."""
    model = job.model
    missing = missing_capabilities(model, ("sentence_alignment", "network"))
    if missing or not isinstance(model, ImageText):
        return [], f"it needs {(missing or ['a model whose words can be changed'])[0]}"
    if not job.plan.sensitivity_cases:
        return [], "the plan does not ask it"
    pictures = list(islice(_readable(model, job.others.cases), STRANGERS))
    asked = list(islice(_asked(job, model, cases), job.plan.sensitivity_cases))
    findings: list[Finding] = []
    for case, sentence in asked:
        said = [phrase.text for phrase in job.others.sentences(case, job.plan.other_sentences) if readable(phrase.text)]
        strangers = [other for other in pictures if other.patient != case.patient]
        if not set(said) - {sentence.phrase.text} or not strangers:
            return [], "there is no sentence or no picture of another patient"
        try:
            ratio = sensitivity_ratio(model, case, sentence.phrase.text, said, strangers, seed=job.plan.seed)
        except CapabilityError as refusal:
            return [], str(refusal).rstrip(".")
        findings += _findings(job, case, sentence, ratio)
    return findings, "" if asked else "no sentence has a place"


def _readable(model: ImageText, cases: Iterable[Case]) -> Iterator[Case]:
    for case in cases:
        try:
            model.encode([case])
        except DataError:  # counted where the case has its turn
            continue
        yield case


def _asked(job: Job, model: ImageText, cases: Sequence[Case]) -> Iterator[tuple[Case, Sentence]]:
    """The first sentence with a place of each case that has one."""
    for case in _readable(model, (case for case in cases if case.sentences)):
        found = sentences(case, model.encode([case]).units[0], job.plan.max_sentences, job.plan.seed)
        yield from ((case, one) for one in islice((one for one in found if one.truth is not None), 1))


def _findings(job: Job, case: Case, sentence: Sentence, found: SensitivityRatio) -> Iterator[Finding]:
    for setting, text, image in ((FIRST_ORDER, found.text, found.image), (MADE, found.text_whole, found.image_whole)):
        ratio, note = (text / image, "") if image >= STILL else (math.nan, UNSEEN if text >= STILL else UNMOVED)
        for metric, value in ((TEXT, text), (IMAGE, image), (RATIO, ratio)):
            address = (sentence.target, sentence.stratum, METHOD, metric, setting)
            yield Finding(case.id, case.patient, *address, value, job.seed, note if metric == RATIO else "")
