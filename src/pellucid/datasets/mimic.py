"""The tables of MIMIC-III and MIMIC-IV that hold notes and codes, read as streams: only rows that are asked for are kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from pellucid.datasets.sources import decode
from pellucid.errors import DataError

Row = dict[str, str]
System = Literal["ICD-9-CM", "ICD-9-PCS", "ICD-10-CM", "ICD-10-PCS"]

_BLOCK = 1 << 24  # bytes read at a time; must hold the longest row


@dataclass(frozen=True)
class Admission:
    """The discharge summary of one admission, addenda after the report."""

    id: str
    subject: str
    text: str


def locate(root: Path, name: str) -> Path:
    """The one table ``name.csv.gz`` or ``name.csv`` at or below `root`.

    Raises:
        DataError: there is none, or more than one.
    """
    found = sorted(path for ending in (".csv.gz", ".csv") for path in Path(root).rglob(name + ending))
    if len(found) != 1:
        listed = ", ".join(str(path) for path in found[:3]) or "none"
        raise DataError(f"Expected one {name}.csv.gz below {root}, found {listed}; give the folder of one MIMIC release.")
    return found[0]


def rows(path: Path, columns: Sequence[str], *, key: str, keep: Collection[str]) -> Iterator[Row]:
    """The rows of a CSV table whose `key` column is one of `keep`, in the order of the file.

    Raises:
        DataError: not a readable CSV file, a column is missing, a row is broken or not UTF-8. No message holds text of a row.
    """
    wanted = pa.array(sorted(keep), pa.binary())
    for batch in _batches(path, columns):
        for row in batch.filter(pc.is_in(batch[key], wanted)).to_pylist():
            where = f"{path} row with {columns[0]} {row[columns[0]].decode(errors='replace')}"
            yield {name: decode(value, f"{where} column {name}") for name, value in row.items()}


def notes_by_row(path: Path, wanted: Collection[str]) -> dict[str, Row]:
    """Rows of NOTEEVENTS by ROW_ID."""
    columns = ("ROW_ID", "SUBJECT_ID", "HADM_ID", "TEXT")
    return {row["ROW_ID"]: row for row in rows(path, columns, key="ROW_ID", keep=wanted)}


def discharge_summaries_3(path: Path) -> Iterator[Admission]:
    """Discharge summaries of NOTEEVENTS, one an admission: the report, then addenda, joined by a space."""
    columns = ("ROW_ID", "SUBJECT_ID", "HADM_ID", "CHARTDATE", "CHARTTIME", "CATEGORY", "DESCRIPTION", "TEXT")
    found = list(rows(path, columns, key="CATEGORY", keep=["Discharge summary"]))
    # Two stable sorts: "Report" comes before "Addendum" (descending), and notes of one kind stand in order of time.
    found.sort(key=lambda row: (row["CHARTTIME"], row["CHARTDATE"], int(row["ROW_ID"])))
    found.sort(key=lambda row: row["DESCRIPTION"], reverse=True)
    return _by_admission(found, "HADM_ID", "SUBJECT_ID", "TEXT")


def discharge_summaries_4(path: Path, admissions: Collection[str]) -> Iterator[Admission]:
    """Discharge summaries of MIMIC-IV-Note of some admissions, one an admission, joined by a space."""
    columns = ("note_id", "subject_id", "hadm_id", "note_seq", "text")
    found = sorted(rows(path, columns, key="hadm_id", keep=admissions), key=lambda row: (int(row["note_seq"]), row["note_id"]))
    return _by_admission(found, "hadm_id", "subject_id", "text")


def codes_3(path: Path, admissions: Collection[str], system: System) -> dict[str, set[str]]:
    """Codes by admission from DIAGNOSES_ICD or PROCEDURES_ICD of MIMIC-III, dots added."""
    return _codes(rows(path, ("HADM_ID", "ICD9_CODE"), key="HADM_ID", keep=admissions), "HADM_ID", "ICD9_CODE", system)


def codes_4(path: Path, version: Literal["9", "10"], system: System) -> dict[str, set[str]]:
    """Codes by admission from diagnoses_icd or procedures_icd of MIMIC-IV of one ICD version, dots added."""
    found = rows(path, ("hadm_id", "icd_code", "icd_version"), key="icd_version", keep=[version])
    return _codes(found, "hadm_id", "icd_code", system)


def dotted(code: str, system: System) -> str:
    """A code as people write it: MIMIC stores codes without their dot.

    >>> dotted("4280", "ICD-9-CM"), dotted("E8859", "ICD-9-CM"), dotted("3961", "ICD-9-PCS"), dotted("I5023", "ICD-10-CM")
    ('428.0', 'E885.9', '39.61', 'I50.23')
    """
    code = code.strip().upper()
    if system == "ICD-10-PCS":
        return code
    place = 2 if system == "ICD-9-PCS" else 4 if system == "ICD-9-CM" and code.startswith("E") else 3
    return f"{code[:place]}.{code[place:]}" if len(code) > place else code


def _codes(found: Iterator[Row], admission: str, code: str, system: System) -> dict[str, set[str]]:
    result: dict[str, set[str]] = defaultdict(set)
    for row in found:
        if row[code].strip():
            result[row[admission]].add(dotted(row[code], system))
    return dict(result)


def _by_admission(found: Sequence[Row], admission: str, subject: str, text: str) -> Iterator[Admission]:
    grouped: dict[str, list[Row]] = defaultdict(list)
    for row in found:
        if row[admission] and row[text].strip():
            grouped[row[admission]].append(row)
    for name in sorted(grouped):
        yield Admission(name, grouped[name][0][subject], " ".join(row[text] for row in grouped[name]))


def _batches(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    broken: list[int] = []

    def note(row: Any) -> str:
        broken.append(row.number)
        return "skip"

    # Bytes, not strings: a row that is not UTF-8 can then be named, and does not stop rows that nobody asked for.
    types = dict.fromkeys(columns, pa.binary())
    options: Mapping[str, Any] = {
        "read_options": pyarrow.csv.ReadOptions(block_size=_BLOCK, use_threads=False),
        "parse_options": pyarrow.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=note),
        "convert_options": pyarrow.csv.ConvertOptions(include_columns=list(columns), column_types=types),
    }
    try:
        for batch in pyarrow.csv.open_csv(path, **options):
            if broken:
                break
            yield cast(pa.RecordBatch, batch)
    except KeyError:
        raise DataError(f"{path} lacks one of the columns {', '.join(columns)}; get the table again from PhysioNet.") from None
    except (pa.ArrowInvalid, OSError):
        # The cause is not shown: Arrow quotes the row, which is patient text.
        raise DataError(f"{path} is damaged or not a CSV table; get it again from PhysioNet.") from None
    if broken:
        raise DataError(f"{path} row {broken[0]} has too few or too many columns; get the table again from PhysioNet.")
