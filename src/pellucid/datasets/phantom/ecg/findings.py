"""What may be wrong with an electrocardiogram, and what may be wrong together."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Literal, get_args

FindingName = Literal[
    "anterior ST elevation",
    "inferior ST elevation",
    "left bundle branch block",
    "first-degree AV block",
    "atrial fibrillation",
    "left ventricular hypertrophy",
    "premature ventricular beats",
    "T-wave inversion",
]
FINDINGS: tuple[FindingName, ...] = get_args(FindingName)
LASTING: tuple[FindingName, ...] = FINDINGS[2:6]
"""Those that belong to the patient and are in all recordings; the others come and go."""

_APART: tuple[tuple[FindingName, ...], ...] = (
    ("anterior ST elevation", "inferior ST elevation", "left bundle branch block"),
    ("left bundle branch block", "left ventricular hypertrophy"),
    ("left bundle branch block", "T-wave inversion"),
    ("first-degree AV block", "atrial fibrillation"),
)
APART: frozenset[frozenset[FindingName]] = frozenset(
    frozenset(pair) for group in _APART for pair in itertools.combinations(group, 2)
)
"""Pairs that never occur together: a heart has one infarct at a time; in left bundle branch block neither ST segments nor
voltage nor T waves can be read; without atrial contraction there is no PR interval. All other pairs may."""


def together(wanted: Iterable[FindingName]) -> tuple[FindingName, ...]:
    """The findings that can stand together: of two that cannot, the one that comes first."""
    kept: list[FindingName] = []
    for name in wanted:
        if not any(frozenset((name, other)) in APART for other in kept):
            kept.append(name)
    return tuple(kept)
