"""The report of a phantom radiograph: sentences that are true of it, each with its exact place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pellucid.case import Boxes, Phrase
from pellucid.datasets.phantom.chest.canvas import Mark
from pellucid.datasets.phantom.chest.describing import box_of
from pellucid.datasets.phantom.chest.radiograph import Radiograph
from pellucid.datasets.phantom.chest.scenes import Drawn
from pellucid.datasets.phantom.chest.stating import Shown, Statement, statements
from pellucid.datasets.phantom.chest.wordings import Fact, wordings
from pellucid.datasets.phantom.dice import Dice

_REPORT = 5  # entropy as in `scenes`


@dataclass(frozen=True)
class Report:
    """Of one picture.

    Attributes:
        sentences: in the order in which they are dictated; one at least.
        meta: JSON values, one a sentence.
    """

    sentences: tuple[Phrase, ...]
    meta: list[dict[str, Any]]


def report(drawn: Drawn, radiograph: Radiograph, meta: Mapping[str, Any], seed: int) -> Report:
    """Write the report of a picture, from dice of its own.

    Args:
        meta: what :func:`pellucid.datasets.phantom.chest.describing.described` says of the picture.
    """
    dice = Dice(seed, drawn.patient, drawn.number, _REPORT)
    said = statements(Shown(meta["findings"], meta["heart_ratio"], drawn.labels), dice)
    sentences, facts = [], []
    for statement in said:
        options = wordings(statement.fact)
        wording = dice.between(0, len(options) - 1)
        sentences.append(_phrase(options[wording], statement, radiograph))
        facts.append({**asdict(statement.fact), "wording": wording, "findings": list(statement.findings)})
    return Report(tuple(sentences), facts)


def _phrase(text: str, statement: Statement, radiograph: Radiograph) -> Phrase:
    fact = statement.fact
    regions = _regions(fact)
    marks = [radiograph.findings[number] for number in statement.findings] or _parts(regions[0], radiograph)
    label = fact.finding if statement.findings else None
    return Phrase(
        text,
        _boxes(marks, label),
        label,
        source="phantom",
        mask=np.logical_or.reduce(marks),
        regions=regions,
        conditions=((fact.finding, fact.present),),
    )


def _regions(fact: Fact) -> tuple[str, ...]:
    """The names of the anatomy that the sentence speaks of."""
    if fact.finding == "cardiomegaly":
        return ("heart",)
    if fact.side in ("both", None):
        return ("lungs",)
    lung = f"{fact.side} lung"
    return (lung,) if fact.zone is None else (lung, f"{fact.side} {fact.zone} zone")


def _parts(region: str, radiograph: Radiograph) -> Sequence[Mark]:
    """The parts of a region that lie apart."""
    return list(radiograph.lungs.values()) if region == "lungs" else [radiograph.structures[region]]


def _boxes(marks: Sequence[Mark], label: str | None) -> Boxes:
    boxes = [box for box in map(box_of, marks) if box is not None]
    return Boxes(np.array(boxes, dtype=np.float64).reshape(-1, 4), label, source="phantom")
