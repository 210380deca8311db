"""A case as a row of an Arrow table, and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from pellucid.case import Case, Fixations, Lazy
from pellucid.datasets.mark_rows import (
    ANATOMY,
    MARKS,
    MARKS_AND_LOOKS,
    SENTENCES,
    TEXT_MARKS,
    mark_facts,
    to_mark,
    to_mark_row,
    to_sentence,
    to_sentence_row,
)
from pellucid.datasets.pixel_rows import PIXEL_FIELDS, to_pixel_row
from pellucid.errors import DataError
from pellucid.files import digest, digest_json

HEAVY = ("text", "pixels")
"""Columns that are read only when a text or an image is asked for."""


def _schema(marks: pa.DataType) -> pa.Schema:
    return pa.schema(
        [
            ("id", pa.string()),
            ("patient", pa.string()),
            ("text", pa.large_string()),
            ("labels", pa.list_(pa.string())),
            ("evidence", marks),
            ("causes", marks),
            ("meta", pa.string()),  # JSON
        ]
    )


_INPUTS = pa.field("inputs", pa.string())  # JSON: inputs beside text and image, such as a question

SCHEMA = _schema(TEXT_MARKS)
SCHEMA_WITH_INPUTS = SCHEMA.append(_INPUTS)
SCHEMA_WITH_IMAGES = pa.schema([*_schema(MARKS), _INPUTS, *PIXEL_FIELDS])
SCHEMA_WITH_GAZE = pa.schema([*_schema(MARKS_AND_LOOKS), _INPUTS, *PIXEL_FIELDS, pa.field(ANATOMY, MARKS_AND_LOOKS)])
SCHEMA_WITH_SENTENCES = SCHEMA_WITH_GAZE.append(pa.field("sentences", SENTENCES))
SCHEMAS = (SCHEMA, SCHEMA_WITH_INPUTS, SCHEMA_WITH_IMAGES, SCHEMA_WITH_GAZE, SCHEMA_WITH_SENTENCES)
"""The columns of a data set: of texts alone, the format that it always had; of texts beside which there is more; of images; of
images of which it is known where people looked, or where structures lie; of images with reports."""

Row = dict[str, Any]


def schema_of(cases: Iterable[Case]) -> pa.Schema:
    """The fewest columns that hold the cases."""
    cases = list(cases)
    if any(case.sentences for case in cases):
        return SCHEMA_WITH_SENTENCES
    if any(case.anatomy or any(isinstance(mark, Fixations) for mark in (*case.evidence, *case.causes)) for case in cases):
        return SCHEMA_WITH_GAZE
    names = [set(case.inputs) for case in cases]
    if any("image" in found for found in names):
        return SCHEMA_WITH_IMAGES
    return SCHEMA_WITH_INPUTS if any(len(found) > 1 for found in names) else SCHEMA


def to_row(case: Case) -> Row:
    """The case as a row of :data:`SCHEMA_WITH_SENTENCES`; labels sorted, marks in their order.

    Args:
        case: as :func:`pellucid.datasets.fitting.fitted` gives it.

    Raises:
        DataError: the case holds something that a data set cannot hold, or marks that do not fit its text and labels.
    """
    text, inputs = _inputs(case)
    row: Row = {"id": case.id, "patient": case.patient, "text": text, "labels": sorted(case.labels), "meta": _meta(case)}
    row["inputs"] = inputs
    for kind, marks in (("evidence", case.evidence), ("causes", case.causes), (ANATOMY, case.anatomy)):
        row[kind] = [to_mark_row(case, kind, mark) for mark in marks]
    for sentence in case.sentences:
        _check_encodable(case, sentence.text)
    row["sentences"] = [to_sentence_row(case, sentence) for sentence in case.sentences]
    return {**row, **(to_pixel_row(case.inputs["image"]) if "image" in case.inputs else {})}


def row_digest(row: Mapping[str, Any]) -> str:
    """SHA-256 over everything in the row; a case has the digest that it had before there were inputs that it does not have."""
    facts = {key: value for key, value in row.items() if key not in HEAVY and value is not None}
    facts |= {kind: [mark_facts(mark) for mark in row[kind]] for kind in ("evidence", "causes")}
    anatomy = [mark_facts(mark) for mark in facts.pop(ANATOMY, [])]
    facts |= {ANATOMY: anatomy} if anatomy else {}
    said = [mark_facts(sentence) for sentence in facts.pop("sentences", [])]
    facts |= {"sentences": said} if said else {}
    # A case without text differs from one whose text is empty.
    return digest(row["text"] or "", digest_json(facts if row["text"] is not None else {**facts, "text": None}), *_pixels(row))


def _pixels(row: Mapping[str, Any]) -> list[bytes]:
    return [] if row.get("pixels") is None else [row["pixels"]]


def from_row(row: Mapping[str, Any], heavy: Mapping[str, Lazy]) -> Case:
    """The case of a row whose text and image, as far as it has them, are read when asked for."""
    return Case(
        id=row["id"],
        patient=row["patient"],
        inputs={**heavy, **json.loads(row.get("inputs") or "{}")},
        labels=frozenset(row["labels"]),
        evidence=tuple(to_mark(mark) for mark in row["evidence"]),
        causes=tuple(to_mark(mark) for mark in row["causes"]),
        meta=json.loads(row["meta"]),
        anatomy=tuple(to_mark(mark) for mark in row.get(ANATOMY) or ()),
        sentences=tuple(to_sentence(sentence) for sentence in row.get("sentences") or ()),
    )


def _inputs(case: Case) -> tuple[str | None, str | None]:
    """The text, if there is one, and as JSON the inputs beside text and image; None if there are none."""
    values = {name: case.input(name) for name in sorted(case.inputs) if name != "image"}
    for name, value in values.items():
        if not isinstance(value, str):
            raise DataError(
                f"Case {case.id} has the input {name!r} of the kind {type(value).__name__}; a stored data set holds texts, and "
                "one image named 'image'."
            )
        _check_encodable(case, value)
    text = values.pop("text", None)
    return text, json.dumps(values, ensure_ascii=False) if values else None


def _meta(case: Case) -> str:
    try:
        return json.dumps(dict(case.meta), sort_keys=True, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise DataError(f"Case {case.id} has a meta that is not JSON ({error}); keep strings and numbers.") from None


def _check_encodable(case: Case, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"Case {case.id} has half a character (a lone surrogate) at offset {error.start}; decode its source as UTF-8."
        ) from None
