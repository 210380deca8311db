"""A small vocabulary of findings: what each looks like, and where it usually is.

Two findings of one look are not told apart by their names (an opacity may be a consolidation), so one is never put in the place
of the other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from pellucid.rewording.lexicon import whole

Place = Literal["lung", "pleura", "heart"]


@dataclass(frozen=True)
class Finding:
    """One finding.

    Attributes:
        name: in the singular.
        look: what it looks like in a radiograph.
        place: where it usually is.
        plural: None for what is not counted ("pneumonia").
        spelled: a pattern of all its names in the singular, where it has several.
        covers: other looks that may rightly be called so: a nodule is an opacity, too.
    """

    name: str
    look: str
    place: Place
    plural: str | None = None
    spelled: str | None = None
    covers: frozenset[str] = frozenset()

    @property
    def looks(self) -> frozenset[str]:
        """All looks that may be called so."""
        return self.covers | {self.look}


_DENSE = frozenset({"lump", "edema"})

VOCABULARY = (
    Finding("opacity", "shadow", "lung", "opacities", covers=_DENSE),
    Finding("density", "shadow", "lung", "densities", covers=_DENSE),
    Finding("consolidation", "shadow", "lung", "consolidations", r"(?:air ?space )?consolidation"),
    Finding("infiltrate", "shadow", "lung", "infiltrates"),
    Finding("pneumonia", "shadow", "lung"),
    Finding("airspace disease", "shadow", "lung"),
    Finding("atelectasis", "shadow", "lung"),
    Finding("pulmonary edema", "edema", "lung", None, r"(?:pulmonary |interstitial )?o?edema"),
    Finding("nodule", "lump", "lung", "nodules"),
    Finding("mass", "lump", "lung", "masses"),
    Finding("round lesion", "lump", "lung", "round lesions"),
    Finding("bulla", "bubble", "lung", "bullae"),
    Finding("emphysema", "bubble", "lung", None, r"(?<!subcutaneous )(?<!mediastinal )(?<!surgical )emphysema"),
    Finding("pericardial effusion", "heart", "heart", "pericardial effusions"),
    Finding(
        "pleural effusion", "fluid", "pleura", "pleural effusions", r"(?:pleural |(?<!pericardial )(?<!parapneumonic ))effusion"
    ),
    Finding("pleural fluid", "fluid", "pleura"),
    Finding("pneumothorax", "air", "pleura", "pneumothoraces"),
    Finding("pleural air", "air", "pleura"),
    Finding("cardiomegaly", "heart", "heart"),
    Finding("pneumomediastinum", "air around the heart", "heart"),
    Finding("pneumopericardium", "air around the heart", "heart", "pneumopericardia"),
)


@dataclass(frozen=True)
class Named:
    """A finding where a text names it, and whether in the plural."""

    finding: Finding
    match: re.Match[str]
    many: bool


def _patterns() -> list[tuple[Finding, re.Pattern[str], bool]]:
    ones = [(finding, whole(finding.spelled or finding.name), False) for finding in VOCABULARY]
    many = [(finding, whole(_many(finding)), True) for finding in VOCABULARY if finding.plural]
    return ones + many


def _many(finding: Finding) -> str:
    return f"{finding.spelled}s" if finding.spelled else str(finding.plural)


_PATTERNS = _patterns()


def named(text: str) -> list[Named]:
    """Each place where a text names a finding of the vocabulary, in reading order."""
    found = [Named(finding, match, many) for finding, pattern, many in _PATTERNS for match in pattern.finditer(text)]
    return sorted(found, key=lambda item: item.match.start())


def looks(text: str) -> frozenset[str]:
    """The looks of all findings that a text names, said to be there or not.

    >>> sorted(looks("Masses, no pleural effusion"))
    ['fluid', 'lump']
    """
    return frozenset(item.finding.look for item in named(text))


def covered(text: str) -> frozenset[str]:
    """The looks that any finding named in a text may stand for.

    >>> sorted(covered("Opacity"))
    ['edema', 'lump', 'shadow']
    """
    return frozenset[str]().union(*(item.finding.looks for item in named(text)))
