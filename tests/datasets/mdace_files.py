"""Small made-up files in the exact layout of MDACE, MIMIC-III and MIMIC-IV."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any

NOTE = 'Admission: [**2101-3-4**]\n"CHF", (s/p MI), DM-2.\nNaïve cœur; intubated.\n'
OTHER = "Pneumonia, treated.\n"

_NOTEEVENTS = [
    *("ROW_ID", "SUBJECT_ID", "HADM_ID", "CHARTDATE", "CHARTTIME", "STORETIME"),
    *("CATEGORY", "DESCRIPTION", "CGID", "ISERROR", "TEXT"),
]

Charts = dict[int, list[dict[str, Any]]]


def mark(covered: str, code: str, system: str = "ICD-9-CM", origin: str = "MapType.EXACT", text: str = NOTE) -> dict[str, Any]:
    """An annotation of the first place of `covered` in the text."""
    begin = text.index(covered)
    made = {"begin": begin, "end": begin + len(covered), "code": code, "code_system": system}
    return {**made, "description": "", "type": origin}


def note(identifier: int, *annotations: dict[str, Any], category: str = "Discharge summary") -> dict[str, Any]:
    return {"note_id": identifier, "category": category, "description": "Report", "annotations": list(annotations)}


DEFAULT: Charts = {
    100: [
        note(
            1,
            mark('"CHF", ', "428.0"),
            mark("(s/p MI", "412", origin="Human"),
            mark("intubated", "96.71", "ICD-9-PCS", "MapType.APPROX"),
            mark("DM", "99213", "CPT", "Human"),
        ),
        note(2, mark("CHF", "428.0"), category="Physician "),
    ],
    101: [note(3, mark("Pneumonia", "486", text=OTHER))],
    102: [note(4, mark("Pneumonia", "486", text=OTHER))],
}
TEXTS = {1: NOTE, 2: NOTE, 3: OTHER, 4: OTHER}
SUBJECTS = {100: 7, 101: 8, 102: 9}


def mdace(root: Path, charts: Charts | None = None, coding: str = "ICD-9", setting: str = "Inpatient") -> Path:
    """Write charts as root/data/Inpatient/ICD-9/1.0/100-ICD-9.json."""
    folder = root / "data" / setting / coding / "1.0"
    folder.mkdir(parents=True)
    for admission, notes in (charts or DEFAULT).items():
        chart = {"hadm_id": admission, "comment": "", "notes": notes}
        (folder / f"{admission}-{coding}.json").write_text(json.dumps(chart))
    return root


def inject(root: Path) -> Path:
    """Put texts into the JSON files, as the release's own script does."""
    for file in root.rglob("*.json"):
        chart = json.loads(file.read_text())
        for item in chart["notes"]:
            item["text"] = TEXTS[item["note_id"]]
            for annotation in item["annotations"]:
                annotation["covered_text"] = item["text"][annotation["begin"] : annotation["end"]]
        file.write_text(json.dumps(chart))
    return root


def table(path: Path, columns: list[str], rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, quoting=csv.QUOTE_NONNUMERIC, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def event(row: int, subject: int, admission: int | str, text: str, **changes: Any) -> dict[str, Any]:
    made = {"ROW_ID": row, "SUBJECT_ID": subject, "HADM_ID": admission, "CHARTDATE": "2101-03-04", "TEXT": text}
    return {"CATEGORY": "Discharge summary", "DESCRIPTION": "Report", **made, **changes}


ANNOTATED = [
    event(1, 7, 100, NOTE),
    event(2, 7, 100, NOTE, CATEGORY="Physician ", CHARTTIME="2101-03-04 10:00:00"),
    event(3, 8, 101, OTHER),
    event(4, 9, 102, OTHER),
]


def mimic3(root: Path, extra: list[dict[str, Any]] = [], codes: dict[int, list[str]] = {}) -> Path:  # noqa: B006
    """Write NOTEEVENTS, DIAGNOSES_ICD and PROCEDURES_ICD as the release of MIMIC-III 1.4 does."""
    folder = root / "physionet.org" / "files" / "mimiciii" / "1.4"
    table(folder / "NOTEEVENTS.csv.gz", _NOTEEVENTS, ANNOTATED + extra)
    rows = [{"HADM_ID": admission, "ICD9_CODE": code} for admission, listed in codes.items() for code in listed]
    columns = ["ROW_ID", "SUBJECT_ID", "HADM_ID", "SEQ_NUM", "ICD9_CODE"]
    table(folder / "DIAGNOSES_ICD.csv.gz", columns, rows)
    table(folder / "PROCEDURES_ICD.csv.gz", columns, [{"HADM_ID": admission, "ICD9_CODE": "3961"} for admission in codes])
    return root


def mimic4(root: Path) -> Path:
    """Write the discharge notes and codes of MIMIC-IV: admission 500 is coded in ICD-10, 501 in ICD-9, 502 has no codes."""
    notes = [
        {"note_id": f"{subject}-DS-{seq}", "subject_id": subject, "hadm_id": admission, "note_seq": seq, "text": text}
        for subject, admission, seq, text in [
            (70, 500, 22, "later"),
            (70, 500, 3, "first"),
            (71, 501, 1, "x"),
            (72, 502, 1, "y"),
        ]
    ]
    columns = ["note_id", "subject_id", "hadm_id", "note_type", "note_seq", "charttime", "storetime", "text"]
    table(root / "mimic-iv-note" / "2.2" / "note" / "discharge.csv.gz", columns, notes)
    hosp = root / "mimiciv" / "2.2" / "hosp"
    columns = ["subject_id", "hadm_id", "seq_num", "icd_code", "icd_version"]
    codes = [(500, "I5023", 10), (500, "Z66", 10), (501, "4280", 9)]
    rows = [{"hadm_id": admission, "icd_code": code, "icd_version": version} for admission, code, version in codes]
    table(hosp / "diagnoses_icd.csv.gz", columns, rows)
    procedures = [{"hadm_id": 500, "icd_code": "5A1935Z", "icd_version": 10}]
    table(
        hosp / "procedures_icd.csv.gz", ["subject_id", "hadm_id", "seq_num", "chartdate", "icd_code", "icd_version"], procedures
    )
    return root


def lists(root: Path, kind: str = "ev", **admissions: list[int]) -> Path:
    """Write the published lists: lists(root, train=[100], val=[101], test=[102])."""
    root.mkdir(exist_ok=True)
    for name, listed in admissions.items():
        (root / f"MDace-{kind}-{name}.csv").write_text("".join(f"{admission}\n" for admission in listed))
    return root
