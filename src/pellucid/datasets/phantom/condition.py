"""What the grammar knows about one code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pellucid.datasets.phantom.sections import Section

Nature = Literal["chronic", "acute", "status"]
"""Chronic conditions and statuses belong to the patient and return in every note; acute ones belong to one admission."""

Kind = Literal[
    "negation", "family", "resolved", "ruled_out", "screening", "education", "allergy", "ambiguous", "other_use",
    "other_person", "copied", "misleading", "leaked_shortcut",
]  # fmt: skip
"""Why a phrase that looks like evidence is none."""

Said = tuple[Section, str]
"""A template and the section in which it is said."""


@dataclass(frozen=True)
class Condition:
    """One code and the ways in which a note speaks of it.

    Attributes:
        code, title: ICD-10-CM.
        nature: what it belongs to.
        names: full names and synonyms: noun phrases without article that fit the general frames. A status has none.
        short: abbreviations, used like names.
        says: evidence in the condition's own words (drugs, laboratory values, findings), by section. Marked.
        spread: evidence in several sections that is one mention: each part alone would not do.
        misleads: phrases that seem to speak for the code and do not: (kind, section, template).
        ages: youngest and oldest age at which a patient may have it.
        sex: "F" or "M" where only they may have it.
        unfit: kinds of general distractor that would be odd for this condition.
    """

    code: str
    title: str
    nature: Nature
    names: tuple[str, ...] = ()
    short: tuple[str, ...] = ()
    says: Mapping[Section, tuple[str, ...]] = field(default_factory=dict)
    spread: tuple[tuple[Said, ...], ...] = ()
    misleads: tuple[tuple[Kind, Section, str], ...] = ()
    ages: tuple[int, int] = (18, 99)
    sex: Literal["F", "M"] | None = None
    unfit: frozenset[Kind] = frozenset()

    def fits(self, age: int, sex: str) -> bool:
        """Whether a patient of that age and sex may have it."""
        return self.ages[0] <= age <= self.ages[1] and self.sex in (None, sex)
