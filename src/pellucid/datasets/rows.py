"""A case as a row of an Arrow table, and back."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

import pyarrow as pa

from pellucid.case import Case, Fixations, Lazy
from pellucid.datasets.mark_rows import (
    ANATOMY,
    MARKS,
    MARKS_AND_LOOKS,
    SENTENCES,
    SENTENCES_AND_LOOKS,
    TEXT_MARKS,
    mark_facts,
    to_mark,
    to_mark_row,
    to_sentence,
    to_sentence_row,
)
from pellucid.datasets.number_rows import SIGNAL_FIELDS, TABLE_FIELD, to_measurements, to_signal_row, to_table_row
from pellucid.datasets.pixel_rows import PIXEL_FIELDS, to_pixel_row
from pellucid.errors import DataError
from pellucid.files import digest, digest_json

HEAVY = ("text", "pixels", "signal")
"""Columns that are read only when a text, an image or a signal is asked for."""

_SPOKEN = "gaze of sentences"
_KINDS = ("image", "table", "signal")  # inputs that are no texts


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


_INPUTS = pa.field("inputs", pa.string())  # JSON: texts beside the text, such as a question

SCHEMA = _schema(TEXT_MARKS)
SCHEMA_WITH_INPUTS = SCHEMA.append(_INPUTS)
SCHEMA_WITH_IMAGES = pa.schema([*_schema(MARKS), _INPUTS, *PIXEL_FIELDS])
SCHEMA_WITH_GAZE = pa.schema([*_schema(MARKS_AND_LOOKS), _INPUTS, *PIXEL_FIELDS, pa.field(ANATOMY, MARKS_AND_LOOKS)])
SCHEMA_WITH_SENTENCES = SCHEMA_WITH_GAZE.append(pa.field("sentences", SENTENCES))
SCHEMA_WITH_TABLES = pa.schema([*_schema(MARKS), _INPUTS, TABLE_FIELD])
SCHEMA_WITH_SIGNALS = pa.schema([*SCHEMA_WITH_SENTENCES, TABLE_FIELD, *SIGNAL_FIELDS])
SCHEMAS_WITH_SPOKEN_GAZE = tuple(
    schema.set(schema.get_field_index("sentences"), pa.field("sentences", SENTENCES_AND_LOOKS))
    for schema in (SCHEMA_WITH_SENTENCES, SCHEMA_WITH_SIGNALS)
)
SCHEMAS = (
    SCHEMA,
    SCHEMA_WITH_INPUTS,
    SCHEMA_WITH_IMAGES,
    SCHEMA_WITH_GAZE,
    SCHEMA_WITH_SENTENCES,
    SCHEMA_WITH_TABLES,
    SCHEMA_WITH_SIGNALS,
    *SCHEMAS_WITH_SPOKEN_GAZE,
)
"""The columns of a data set: of texts alone, the format that it always had; of texts beside which there is more; of images; of
images of which it is known where people looked, or where structures lie; of images with reports; of rows of a table; of
signals, and of rows beside images; the two of them that hold sentences, with where was looked while each was spoken."""

Row = dict[str, Any]


def columns_for(case: Case) -> frozenset[str]:
    """Which of image, table, signal, further inputs, sentences, their gaze and anatomy a case has; other gaze is stored beside
    anatomy."""
    looked = case.anatomy or any(isinstance(mark, Fixations) for mark in (*case.evidence, *case.causes))
    beside = {"inputs": len(case.inputs) > 1, "sentences": bool(case.sentences), ANATOMY: bool(looked)}
    beside[_SPOKEN] = any(sentence.gaze is not None for sentence in case.sentences)
    return frozenset(case.inputs.keys() & set(_KINDS)) | {name for name, there in beside.items() if there}


def schema_of(columns: Collection[str]) -> pa.Schema:
    """The fewest columns that hold cases, of which :func:`columns_for` says what any of them needs."""
    said, looked = "sentences" in columns, ANATOMY in columns
    spoken = _SPOKEN in columns
    if "signal" in columns or ("table" in columns and (said or looked or "image" in columns)):
        return SCHEMAS_WITH_SPOKEN_GAZE[1] if spoken else SCHEMA_WITH_SIGNALS
    if "table" in columns:
        return SCHEMA_WITH_TABLES
    if spoken:
        return SCHEMAS_WITH_SPOKEN_GAZE[0]
    if said or looked:
        return SCHEMA_WITH_SENTENCES if said else SCHEMA_WITH_GAZE
    if "image" in columns:
        return SCHEMA_WITH_IMAGES
    return SCHEMA_WITH_INPUTS if "inputs" in columns else SCHEMA


def to_row(case: Case) -> Row:
    """The case as a row of the largest of :data:`SCHEMAS`; labels sorted, marks in their order.

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
    return {**row, **_numbers(case), **(to_pixel_row(case.inputs["image"]) if "image" in case.inputs else {})}


def _numbers(case: Case) -> Row:
    """The columns of the row of a table and of the signal, as far as the case has them."""
    made: Row = {}
    words: list[str] = []
    if "table" in case.inputs:
        made |= to_table_row(case.measurements)
        words += [*case.measurements.names, *case.measurements.units]
    if "signal" in case.inputs:
        made |= to_signal_row(case.signal)
        words += [*case.signal.leads, case.signal.unit]
    for word in words:
        _check_encodable(case, word)
    return made


def row_digest(row: Mapping[str, Any]) -> str:
    """SHA-256 over everything in the row; a case has the digest that it had before there were inputs that it does not have."""
    facts = {key: value for key, value in row.items() if key not in HEAVY and value is not None}
    facts |= {kind: [mark_facts(mark) for mark in row[kind]] for kind in ("evidence", "causes")}
    anatomy = [mark_facts(mark) for mark in facts.pop(ANATOMY, [])]
    facts |= {ANATOMY: anatomy} if anatomy else {}
    said = [mark_facts(sentence) for sentence in facts.pop("sentences", [])]
    facts |= {"sentences": said} if said else {}
    # A case without text differs from one whose text is empty.
    return digest(row["text"] or "", digest_json(facts if row["text"] is not None else {**facts, "text": None}), *_bytes(row))


def _bytes(row: Mapping[str, Any]) -> list[bytes]:
    return [row[name] for name in ("pixels", "signal") if row.get(name) is not None]


def from_row(row: Mapping[str, Any], heavy: Mapping[str, Lazy]) -> Case:
    """The case of a row whose text, image and signal, as far as it has them, are read when asked for."""
    measured = {"table": to_measurements(row["table"])} if row.get("table") is not None else {}
    return Case(
        id=row["id"],
        patient=row["patient"],
        inputs={**heavy, **measured, **json.loads(row.get("inputs") or "{}")},
        labels=frozenset(row["labels"]),
        evidence=tuple(to_mark(mark) for mark in row["evidence"]),
        causes=tuple(to_mark(mark) for mark in row["causes"]),
        meta=json.loads(row["meta"]),
        anatomy=tuple(to_mark(mark) for mark in row.get(ANATOMY) or ()),
        sentences=tuple(to_sentence(sentence) for sentence in row.get("sentences") or ()),
    )


def _inputs(case: Case) -> tuple[str | None, str | None]:
    """The text, if there is one, and as JSON the texts beside it; None if there are none."""
    values = {name: case.input(name) for name in sorted(case.inputs) if name not in _KINDS}
    for name, value in values.items():
        if not isinstance(value, str):
            raise DataError(
                f"Case {case.id} has the input {name!r} of the kind {type(value).__name__}; a stored data set holds texts, and "
                "one image, table and signal of these names."
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
