"""The two tables of PTB-XL: what was stated of a recording, and which diagnosis a statement belongs to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from pellucid.datasets.image_files import Row, number, table
from pellucid.errors import DataError

SUPERCLASSES = ("NORM", "MI", "STTC", "CD", "HYP")
"""Normal, myocardial infarction, changes of ST and T, conduction disturbance, hypertrophy."""

_DIAGNOSTIC = ("1", "1.0")
_FACTS = ("age", "height", "weight", "device", "validated_by_human")
_SEX = {"0": "male", "1": "female"}

Statements = Mapping[str, "str | None"]


def statements(path: Path) -> Statements:
    """The superclass of each statement; None for those about form and rhythm.

    Raises:
        DataError: the file is not what it should be, or a diagnostic statement is in none of the five superclasses.
    """
    found: dict[str, str | None] = {}
    for where, row in table(path, ("", "diagnostic", "diagnostic_class")):
        diagnostic = row["diagnostic"] in _DIAGNOSTIC
        if diagnostic and row["diagnostic_class"] not in SUPERCLASSES:
            raise DataError(
                f"{where} has the diagnostic class {row['diagnostic_class']!r}; it must be one of {', '.join(SUPERCLASSES)}: "
                "get the file again."
            )
        found[row[""]] = row["diagnostic_class"] if diagnostic else None
    return found


def stated(cell: str, known: Statements, where: str) -> dict[str, float]:
    """The statements of a recording with their likelihood in per cent; 0 where that is not known.

    Args:
        cell: as published, "{'NORM': 100.0, 'SR': 0.0}".

    Raises:
        DataError: the cell is not of that form, or has a statement that `known` lacks.
    """
    try:
        found = json.loads(cell.replace("'", '"'))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not all(isinstance(one, float | int) and 0 <= one <= 100 for one in found.values()):
        raise DataError(f"{where} has scp_codes that cannot be read; get the file again, or correct the row.")
    for code in found:
        if code not in known:
            raise DataError(f"{where} has the statement {code!r}, which is not in scp_statements.csv; get both files again.")
    return found


def whole(row: Row, column: str, where: str) -> int:
    """The whole number in a column, which may be written as 15709.0.

    Raises:
        DataError: the cell holds none.
    """
    value = number(row[column], f"{where}, column {column},")
    if value != int(value):
        raise DataError(f"{where}, column {column}, holds {value} instead of a whole number; correct the row.")
    return int(value)


def facts(row: Row) -> dict[str, str]:
    """What is kept of a recording, as published; an age of 300 stands for one above 89."""
    sex = {"sex": _SEX[row["sex"]]} if row.get("sex") in _SEX else {}
    return {**{key: row[key] for key in _FACTS if row.get(key)}, **sex}
