"""The files of MDACE: one JSON file an admission, with notes and the codes that coders marked in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pellucid.errors import DataError
from pellucid.files import read_json

T = TypeVar("T")

_SEPARATORS = "-.,/ \n\t"


@dataclass(frozen=True)
class Annotation:
    """A marked code.

    Attributes:
        where: file, note and position in the list of annotations.
        begin, end: half-open character offsets into the raw text of the note.
        system: ICD-9-CM, ICD-9-PCS, ICD-10-CM, ICD-10-PCS or CPT.
        origin: "Human", or which map made the code from a human ICD-10 code.
        covered: the marked text, in files into which the text was injected.
    """

    where: str
    begin: int
    end: int
    code: str
    system: str
    origin: str
    covered: str | None


@dataclass(frozen=True)
class Note:
    """A note of an admission.

    Attributes:
        where: file and note.
        id: ROW_ID of NOTEEVENTS.
        text: in files into which the text was injected.
    """

    where: str
    id: str
    admission: str
    category: str
    text: str | None
    annotations: tuple[Annotation, ...]


def notes(folder: Path) -> Iterator[Note]:
    """All notes of all files ``*.json`` of a folder, ordered by file name.

    Raises:
        DataError: no files, or one that is not as MDACE releases it; names file, note, field and remedy.
    """
    files = sorted(folder.glob("*.json"))
    if not files:
        raise DataError(f"{folder} has no *.json files; give the folder of MDACE (it holds data/Inpatient/ICD-9/1.0/*.json).")
    for file in files:
        chart = read_json(file)
        admission = str(_field(chart, "hadm_id", int, file.name))
        for item in _field(chart, "notes", list, file.name):
            yield _note(item, admission, file.name)


def trim(text: str, begin: int, end: int) -> tuple[int, int]:
    """Take separators off both ends of ``text[begin:end]``, as MDACE's own evaluation does.

    Taken off are ``- . , /``, space, newline and tab; a closing parenthesis on the left, an opening one on the right. The
    result is empty (begin == end) where nothing else is marked.

    >>> trim("(CHF), old", 1, 6)
    (1, 5)
    """
    begin += end - begin - len(text[begin:end].lstrip(_SEPARATORS + ")"))
    return begin, begin + len(text[begin:end].rstrip(_SEPARATORS + "("))


def _note(item: Any, admission: str, file: str) -> Note:
    identifier = str(_field(item, "note_id", int, file))
    where = f"{file} note {identifier}"
    marked = _field(item, "annotations", list, where)
    return Note(
        where=where,
        id=identifier,
        admission=admission,
        category=_field(item, "category", str, where).strip(),
        text=_optional(item, "text", where),
        annotations=tuple(_annotation(mark, f"{where} annotation {number}") for number, mark in enumerate(marked, start=1)),
    )


def _annotation(item: Any, where: str) -> Annotation:
    return Annotation(
        where=where,
        begin=_field(item, "begin", int, where),
        end=_field(item, "end", int, where),
        code=_field(item, "code", str, where).strip().upper(),
        system=_field(item, "code_system", str, where),
        origin=_field(item, "type", str, where),
        covered=_optional(item, "covered_text", where),
    )


def _field(item: Any, name: str, kind: type[T], where: str) -> T:
    value = item.get(name) if isinstance(item, Mapping) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise DataError(f"{where} has no {kind.__name__} in the field {name!r}; get the file again from the MDACE release.")
    return value


def _optional(item: Mapping[str, Any], name: str, where: str) -> str | None:
    return None if item.get(name) is None else _field(item, name, str, where)
