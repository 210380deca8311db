"""Sentences of reports, as data sets publish them: several rows often speak of one sentence, and become one phrase."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from pellucid.case import Boxes, Phrase
from pellucid.datasets.base import Exclusion
from pellucid.datasets.mimic_cxr import LeftOut

WORDLESS = "a sentence has no word"
SILENT = "the report has no sentence with a word"
ABNORMAL = "abnormal"
"""The condition of a sentence that says whether something is wrong at all; it is no label."""

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels of the published image, half-open."""

Condition = tuple[str, bool]

_WORD = re.compile(r"[^\W\d_]{2}")  # two letters in a row: "2.", "___" and "a" are none


@dataclass
class Draft:
    """A sentence while its rows are collected; what occurs twice is kept once, in the order of its first time.

    Attributes:
        text: the sentence, as published.
        source: who says where its place is (:class:`pellucid.case.Evidence`).
    """

    text: str
    source: str = "human"
    boxes: dict[Box, None] = field(default_factory=dict)
    regions: dict[str, None] = field(default_factory=dict)
    conditions: dict[Condition, None] = field(default_factory=dict)

    def add(self, boxes: Iterable[Box] = (), regions: Iterable[str] = (), conditions: Iterable[Condition] = ()) -> None:
        """What one row says of the sentence."""
        self.boxes.update(dict.fromkeys(boxes))
        self.regions.update(dict.fromkeys(regions))
        self.conditions.update(dict.fromkeys(conditions))

    def phrase(self) -> Phrase:
        """The sentence on one line. It supports the finding that it says is there, if that is a single one."""
        found = sorted(findings(self.conditions))
        label = found[0] if len(found) == 1 else None
        boxes = Boxes(np.array(list(self.boxes), dtype=np.float64).reshape(-1, 4), label, source=self.source)
        text, regions, said = " ".join(self.text.split()), tuple(self.regions), tuple(self.conditions)
        return Phrase(text, boxes, label, source=self.source, regions=regions, conditions=said)


def worded(text: str) -> bool:
    """Whether a text has a word: two letters in a row."""
    return _WORD.search(text) is not None


def findings(conditions: Iterable[Condition]) -> frozenset[str]:
    """What is said to be there, and has a name."""
    return frozenset(finding for finding, there in conditions if there and finding != ABNORMAL)


def phrases(drafts: Mapping[str, Draft], where: str, exclusions: list[Exclusion]) -> tuple[Phrase, ...]:
    """The sentences of a report that have a word; the others are counted in `exclusions`.

    Args:
        drafts: by id; the ids are told where a sentence is left out, its text never.
        where: the image, for `exclusions`.

    Raises:
        LeftOut: no sentence is left.
    """
    kept = {name: draft for name, draft in drafts.items() if worded(draft.text)}
    exclusions.extend(Exclusion(f"{where} sentence {name}", WORDLESS) for name in drafts if name not in kept)
    if not kept:
        raise LeftOut(SILENT)
    return tuple(draft.phrase() for draft in kept.values())


def labels(sentences: Collection[Phrase]) -> frozenset[str]:
    """What any sentence of a report says is there."""
    return frozenset(finding for sentence in sentences for finding in findings(sentence.conditions))
