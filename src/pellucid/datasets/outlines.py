"""What of a case decides how a data set is planned: enough to place it, and little enough to hold for all cases at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pellucid.case import Case
from pellucid.datasets.rows import columns_for
from pellucid.errors import DataError


@dataclass(frozen=True)
class Outline:
    """A case without its inputs and marks.

    Attributes:
        index: of the case in its data set.
        empty: whether it is a note without a visible character.
        columns: what its row needs (:func:`pellucid.datasets.rows.columns_for`).
    """

    index: int
    id: str
    patient: str
    labels: frozenset[str]
    empty: bool
    columns: frozenset[str]


def outlines(cases: Sequence[Case]) -> list[Outline]:
    """Those of all cases, in their order. Each case is asked for once, and none is held: it may be drawn or read anew.

    Raises:
        DataError: a case has no text, image, table or signal, or an id occurs twice.
    """
    found = [Outline(at, one.id, one.patient, one.labels, _is_empty(one), columns_for(one)) for at, one in enumerate(cases)]
    for name, count in Counter(one.id for one in found).items():
        if count > 1:
            raise DataError(f"The case id {name} occurs {count} times; give every case an id of its own.")
    return found


def _is_empty(case: Case) -> bool:
    if {"image", "table", "signal"} & case.inputs.keys():
        return False
    if "text" not in case.inputs:
        raise DataError(f"Case {case.id} has no text, image, table or signal; give it one of them, or leave it out.")
    return not case.inputs["text"] or not case.text.strip()
