"""All codes of the grammar, from the most to the least frequent, and how they go together."""

from __future__ import annotations

from pellucid.datasets.phantom.condition import Condition
from pellucid.datasets.phantom.conditions.abdominal import ABDOMINAL
from pellucid.datasets.phantom.conditions.circulatory import CIRCULATORY
from pellucid.datasets.phantom.conditions.general import GENERAL
from pellucid.datasets.phantom.conditions.metabolic import METABOLIC
from pellucid.datasets.phantom.conditions.respiratory import RESPIRATORY

FREQUENCY = (
    "I10", "E78.5", "N17.9", "K21.9", "E11.9", "I48.91", "I50.9", "I25.10", "J96.01", "D64.9", "A41.9", "N39.0", "E03.9",
    "J18.9", "N18.30", "Z87.891", "E87.1", "F32.A", "E87.6", "Z79.01", "J44.1", "E11.65", "F17.210", "G47.33", "J45.909", "D62",
    "J44.9", "I21.4", "F41.9", "K92.2", "Z66", "E66.9", "D69.6", "Z86.73", "M10.9", "I63.9", "M81.0", "E87.5", "N40.0",
    "G40.909", "I26.99", "L03.115", "R55", "E86.0", "F10.20", "I82.409", "K85.90", "R07.9", "K57.30", "Z95.1", "S72.001A",
    "F05",
)  # fmt: skip
"""Every code once, by rank of frequency among inpatients (roughly)."""

_EXCLUSIVE: tuple[frozenset[str], ...] = tuple(
    map(
        frozenset,
        (
            ("I10", "I50.9"), ("I10", "N18.30"),  # together they are coded as I11 and I12
            ("E11.9", "E11.65"), ("D64.9", "D62"), ("J44.1", "J44.9", "J45.909"), ("E87.5", "E87.6"),
            ("R07.9", "I21.4"), ("R07.9", "I25.10"), ("R07.9", "Z95.1"), ("R55", "I63.9"), ("R55", "G40.909"),
            ("I63.9", "Z86.73"),
            ("K57.30", "K92.2"), ("K85.90", "F10.20"), ("F17.210", "Z87.891"), ("M81.0", "S72.001A"),
        ),
    )
)  # fmt: skip
"""Codes that exclude each other, by rule of coding or because one note could not say both without contradiction."""

_KIN: tuple[frozenset[str], ...] = tuple(
    map(
        frozenset,
        (
            ("I25.10", "I21.4", "Z95.1"), ("N17.9", "N18.30"), ("J44.1", "J96.01"), ("K92.2", "D62"), ("I26.99", "I82.409"),
            ("F10.20", "F05"), ("A41.9", "J18.9"), ("I26.99", "J96.01"), ("I50.9", "E66.9"),
        ),
    )
)  # fmt: skip
"""Codes that may stand together, but of which one cannot well be denied where another is present."""

IMPLIES = {"Z95.1": "I25.10"}
"""A bypass graft is not coded without the disease that it bypasses."""

WEIGHT = {code: (rank + 3) ** -0.5 for rank, code in enumerate(FREQUENCY)}
"""Zipf-like: how likely a code is drawn falls with its rank."""

CATALOGUE: dict[str, Condition] = {
    code: {c.code: c for c in (*CIRCULATORY, *METABOLIC, *RESPIRATORY, *ABDOMINAL, *GENERAL)}[code] for code in FREQUENCY
}
"""Code to condition, most frequent first."""


def excluded_by(code: str) -> frozenset[str]:
    """The codes that cannot stand beside `code`."""
    return frozenset().union(*(group for group in _EXCLUSIVE if code in group)) - {code}


def undeniable_beside(code: str) -> frozenset[str]:
    """The codes that a note with `code` cannot well deny: those it excludes, and its kin."""
    return excluded_by(code).union(*(group for group in _KIN if code in group)) - {code}
