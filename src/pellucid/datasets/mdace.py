"""MDACE: notes of MIMIC-III in which professional coders marked the evidence of ICD codes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from pellucid.case import Case, Spans
from pellucid.datasets import mimic
from pellucid.datasets.base import Exclusion, Prepared, SplitName
from pellucid.datasets.mdace_json import Annotation, Note, notes, trim
from pellucid.datasets.mdace_splits import Lists, published
from pellucid.errors import DataError
from pellucid.registry import datasets

_CODINGS = {"icd9": "ICD-9", "icd10": "ICD-10"}
_SETTINGS = {"inpatient": "Inpatient", "profee": "Profee"}
_SYSTEMS = ("CM", "PCS")


@datasets.register("mdace")
@dataclass(frozen=True)
class Mdace:
    """MDACE: MIMIC-III notes in which professional coders marked the evidence of ICD codes (needs MIMIC access).

    One case a note; its labels are the codes marked in it. The text is either in the JSON files (as the release's own
    `inject-note-text.py` writes them) or is taken from NOTEEVENTS. Marks are trimmed by the rule of the release.

    Attributes:
        root: the MDACE folder: it, its `data` or its `gold` folder holds `Inpatient/ICD-9/1.0/*.json` and so on.
        mimic3: the folder of MIMIC-III 1.4; gives texts and patients. Without it an admission counts as a patient.
        mimic4: the folder that holds MIMIC-IV (hosp) and MIMIC-IV-Note; used for unannotated ICD-10 notes.
        coding: "icd9" (mapped from ICD-10 by the release, see `human_only`) or "icd10" (as annotated).
        setting: "inpatient" (sufficient evidence) or "profee" (nearly complete evidence).
        categories: categories of notes to keep.
        systems: "CM" (diagnoses) and "PCS" (procedures). CPT codes are never used.
        human_only: leave out codes that a map made from the human's code.
        unannotated: add discharge summaries without evidence, labelled with the codes billed: for icd9 those of MIMIC-III whose
            admission is not in MDACE, for icd10 those of MIMIC-IV.
        splits: folder with the published lists of admissions (`MDace-ev-train.csv` and so on; with unannotated icd9 notes
            `MDace-code-ev-train.csv` and so on). Without it the library makes its own splits.
        version: version folder of the release.
    """

    root: Path
    mimic3: Path | None = None
    mimic4: Path | None = None
    coding: Literal["icd9", "icd10"] = "icd9"
    setting: Literal["inpatient", "profee"] = "inpatient"
    categories: Sequence[str] = ("Discharge summary",)
    systems: Sequence[Literal["CM", "PCS"]] = ("CM", "PCS")
    human_only: bool = False
    unannotated: bool = False
    splits: Path | None = None
    version: str = "1.0"

    licence: ClassVar[str] = "MIT (annotations); PhysioNet Credentialed Health Data Use Agreement (notes of MIMIC)"
    cites: ClassVar[str] = (
        "Cheng, Jafari, Russell, Klopfer, Lu, Striner, Gormley: MDACE: MIMIC Documents Annotated with Code Evidence, ACL 2023; "
        "Johnson et al.: MIMIC-III, Scientific Data 2016"
    )
    needs: ClassVar[str] = "the MDACE repository, and NOTEEVENTS.csv.gz of MIMIC-III 1.4 unless the texts were injected"

    def __post_init__(self) -> None:
        for name, value, allowed in (("coding", self.coding, _CODINGS), ("setting", self.setting, _SETTINGS)):
            if value not in allowed:
                raise DataError(f"The option {name} of mdace is {value!r}; use one of {', '.join(allowed)}.")
        for name, values in (("categories", self.categories), ("systems", self.systems)):
            if isinstance(values, str) or not values:
                raise DataError(f"The option {name} of mdace is {values!r}; give a list of names.")
        if set(self.systems) - set(_SYSTEMS):
            raise DataError(f"The option systems of mdace is {list(self.systems)}; use one or both of {', '.join(_SYSTEMS)}.")

    def prepare(self) -> Prepared:
        """Read the annotations and the notes.

        Raises:
            DataError: a file, column, field or note is missing or not what it should be; names file, place and remedy.
        """
        exclusions: list[Exclusion] = []
        every = list(notes(self._folder()))
        texts = self._noteevents(every)
        cases = [case for note in self._wanted(every, exclusions) if (case := self._case(note, texts, exclusions))]
        if self.unannotated:
            cases += list(self._unannotated({note.admission for note in every}))
        assigned: Mapping[str, SplitName] = {}
        if self.splits is not None:
            lists: Lists = "code-ev" if self.unannotated and self.coding == "icd9" else "ev"
            cases, assigned = published(Path(self.splits), lists, cases, exclusions)
        return Prepared("mdace", cases, exclusions, self._about(cases), assigned)

    def _folder(self) -> Path:
        below = Path(_SETTINGS[self.setting]) / _CODINGS[self.coding] / self.version
        candidates = [Path(self.root) / start / below for start in ("", "data", "gold")]
        for folder in candidates:
            if folder.is_dir():
                return folder
        raise DataError(f"There is no folder {candidates[1]} (nor without 'data'); give the folder of the MDACE release.")

    def _noteevents(self, every: Sequence[Note]) -> Mapping[str, mimic.Row]:
        if self.mimic3 is None:
            return {}
        return mimic.notes_by_row(mimic.locate(self.mimic3, "NOTEEVENTS"), {note.id for note in every})

    def _wanted(self, every: Sequence[Note], exclusions: list[Exclusion]) -> Iterator[Note]:
        categories = {category.strip().casefold() for category in self.categories}
        for note in every:
            if note.category.casefold() in categories:
                yield note
            else:
                exclusions.append(Exclusion(note.where, "the category of the note is not asked for"))

    def _case(self, note: Note, texts: Mapping[str, mimic.Row], exclusions: list[Exclusion]) -> Case | None:
        row = texts.get(note.id)
        text = _text(note, row, self.mimic3)
        evidence = tuple(dict.fromkeys(self._marks(note, text, exclusions)))
        if not evidence:
            exclusions.append(Exclusion(note.where, "no code of the systems asked for is marked in the note"))
            return None
        return Case(
            id=f"mdace-{note.id}",
            patient=f"mimic3-{row['SUBJECT_ID']}" if row else f"mimic3-admission-{note.admission}",
            inputs={"text": text},
            labels=frozenset(code for code, _, _ in evidence),
            evidence=tuple(Spans.of((begin, end), label=code) for code, begin, end in evidence),
            meta={"source": "mdace", "admission": note.admission, "note": note.id, "category": note.category},
        )

    def _marks(self, note: Note, text: str, exclusions: list[Exclusion]) -> Iterator[tuple[str, int, int]]:
        systems = {f"{_CODINGS[self.coding]}-{system}" for system in self.systems}
        for mark in note.annotations:
            _check_offsets(mark, text)
            begin, end = trim(text, mark.begin, mark.end)
            reason = None
            if mark.system not in systems:
                reason = f"code of the system {mark.system}"
            elif self.human_only and mark.origin != "Human":
                reason = "the code was made by a map, not by a person"
            elif mark.covered is not None and mark.covered != text[mark.begin : mark.end]:
                reason = "the covered text differs from the text at its offsets"
            elif begin == end:
                reason = "nothing but separators is marked"
            if reason:
                exclusions.append(Exclusion(mark.where, reason))
            else:
                yield mark.code, begin, end

    def _unannotated(self, annotated: set[str]) -> Iterator[Case]:
        return _mimic3(self.mimic3, annotated, self.systems) if self.coding == "icd9" else _mimic4(self.mimic4, self.systems)

    def _about(self, cases: Sequence[Case]) -> dict[str, Any]:
        return {
            "title": f"MDACE ({self.setting}, {_CODINGS[self.coding]})",
            "licence": self.licence,
            "citation": self.cites,
            "language": "en",
            "options": {
                "categories": list(self.categories),
                "systems": list(self.systems),
                "human_only": self.human_only,
                "unannotated": self.unannotated,
                "published_splits": self.splits is not None,
            },
            "sources": dict(Counter(case.meta["source"] for case in cases)),
            "evidence": sum(len(case.evidence) for case in cases),
            "notes": self._notes(),
        }

    def _notes(self) -> list[str]:
        told = ["Coders marked sufficient evidence, not all of it; precision of an explanation is a lower bound."]
        if self.mimic3 is None:
            told.append("Patients are unknown without MIMIC-III; every admission counts as a patient of its own.")
        if self.unannotated:
            told.append("Unannotated notes have the codes billed for the admission as labels, and no evidence.")
        if self.unannotated and self.coding == "icd10":
            told.append("MIMIC-III and MIMIC-IV share patients of 2008 to 2012 under other identifiers; a split cannot see it.")
        return told


def _text(note: Note, row: mimic.Row | None, mimic3: Path | None) -> str:
    if mimic3 is not None and row is None:
        raise DataError(f"{note.where} is not in NOTEEVENTS below {mimic3}; use the whole table of MIMIC-III 1.4.")
    if row is not None and row["HADM_ID"] != note.admission:
        raise DataError(
            f"{note.where} belongs to another admission in NOTEEVENTS below {mimic3}; "
            "use MIMIC-III 1.4, the release that MDACE annotates."
        )
    if note.text is not None:
        return note.text
    if row is None:
        raise DataError(f"{note.where} has no text; give the folder of MIMIC-III, or run inject-note-text.py of MDACE.")
    return row["TEXT"]


def _check_offsets(mark: Annotation, text: str) -> None:
    if not 0 <= mark.begin < mark.end <= len(text):
        raise DataError(
            f"{mark.where} has the offsets {mark.begin} {mark.end}, outside the text of {len(text)} characters; "
            "use the unchanged text of MIMIC-III 1.4."
        )


def _mimic3(root: Path | None, annotated: set[str], systems: Sequence[str]) -> Iterator[Case]:
    if root is None:
        raise DataError("Unannotated icd9 notes come from MIMIC-III; give its folder as the option mimic3 of mdace.")
    summaries = mimic.discharge_summaries_3(mimic.locate(root, "NOTEEVENTS"))
    admissions = {item.id: item for item in summaries if item.id not in annotated}
    tables = {"CM": "DIAGNOSES_ICD", "PCS": "PROCEDURES_ICD"}
    codes = [mimic.codes_3(mimic.locate(root, tables[name]), set(admissions), _system("ICD-9", name)) for name in systems]
    for name, admission in admissions.items():
        yield from _billed("mimic3", admission, frozenset().union(*(table.get(name, ()) for table in codes)))


def _mimic4(root: Path | None, systems: Sequence[str]) -> Iterator[Case]:
    if root is None:
        raise DataError("Unannotated icd10 notes come from MIMIC-IV; give its folder as the option mimic4 of mdace.")
    tables = {"CM": "diagnoses_icd", "PCS": "procedures_icd"}
    codes = [mimic.codes_4(mimic.locate(root, tables[name]), "10", _system("ICD-10", name)) for name in systems]
    wanted = {admission for table in codes for admission in table}
    for admission in mimic.discharge_summaries_4(mimic.locate(root, "discharge"), wanted):
        yield from _billed("mimic4", admission, frozenset().union(*(table.get(admission.id, ()) for table in codes)))


def _system(coding: str, name: str) -> mimic.System:
    return f"{coding}-{name}"  # type: ignore[return-value]


def _billed(source: str, admission: mimic.Admission, codes: frozenset[str]) -> Iterator[Case]:
    """The case of an unannotated admission; none where nothing was billed, as its labels are then unknown."""
    if codes:
        meta = {"source": source, "admission": admission.id, "category": "Discharge summary"}
        yield Case(f"{source}-{admission.id}", f"{source}-{admission.subject}", {"text": admission.text}, codes, meta=meta)
