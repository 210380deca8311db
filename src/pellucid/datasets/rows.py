"""A case as a row of an Arrow table, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from pellucid.case import Case, Evidence, Lazy, Spans
from pellucid.errors import DataError
from pellucid.files import digest, digest_json

_MARKS = pa.list_(
    pa.struct(
        [
            ("label", pa.string()),
            ("confidence", pa.float64()),
            ("source", pa.string()),
            ("spans", pa.list_(pa.int64())),  # start, end, start, end, ...: Python character offsets into the text
        ]
    )
)

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("patient", pa.string()),
        ("text", pa.large_string()),
        ("labels", pa.list_(pa.string())),
        ("evidence", _MARKS),
        ("causes", _MARKS),
        ("meta", pa.string()),  # JSON
    ]
)

SCHEMA_WITH_INPUTS = SCHEMA.append(pa.field("inputs", pa.string()))  # JSON: inputs beside the text, such as a question
"""The columns where a case has more than a text. A data set of texts alone does without, and keeps the format it always had."""

Row = dict[str, Any]


def to_row(case: Case) -> Row:
    """The case as a row of :data:`SCHEMA_WITH_INPUTS`; labels sorted, marks in their order.

    Raises:
        DataError: the case holds something that a text data set cannot hold, or marks that do not fit its text and labels.
    """
    text, inputs = _inputs(case)
    row: Row = {"id": case.id, "patient": case.patient, "text": text, "labels": sorted(case.labels), "meta": _meta(case)}
    row["inputs"] = inputs
    for kind, marks in (("evidence", case.evidence), ("causes", case.causes)):
        row[kind] = [_mark(case, kind, mark, len(text)) for mark in marks]
    return row


def row_digest(row: Row) -> str:
    """SHA-256 over everything in the row; a case of a text alone has the digest that it had before there were other inputs."""
    return digest(row["text"], digest_json({k: v for k, v in row.items() if k != "text" and (k, v) != ("inputs", None)}))


def from_row(row: Mapping[str, Any], text: Lazy) -> Case:
    """The case of a row whose text is read when asked for."""
    return Case(
        id=row["id"],
        patient=row["patient"],
        inputs={"text": text, **json.loads(row.get("inputs") or "{}")},
        labels=frozenset(row["labels"]),
        evidence=tuple(_spans(mark) for mark in row["evidence"]),
        causes=tuple(_spans(mark) for mark in row["causes"]),
        meta=json.loads(row["meta"]),
    )


def _spans(mark: Mapping[str, Any]) -> Spans:
    spans = np.array(mark["spans"], dtype=np.int64).reshape(-1, 2)
    return Spans(spans, mark["label"], mark["confidence"], mark["source"])


def _mark(case: Case, kind: str, mark: Evidence, length: int) -> Row:
    if not isinstance(mark, Spans):
        raise DataError(f"Case {case.id} has {kind} of the kind {type(mark).__name__}; a stored data set holds Spans only.")
    if mark.label is not None and mark.label not in case.labels:
        raise DataError(
            f"Case {case.id} has {kind} for the label {mark.label}, which it lacks; add the label or drop the mark."
        )
    if not 0 < mark.confidence <= 1:
        raise DataError(f"Case {case.id} has {kind} with confidence {mark.confidence}; give a number above 0 and at most 1.")
    spans = np.asarray(mark.spans, dtype=np.int64).reshape(-1, 2)
    if not len(spans) or (spans[:, 0] < 0).any() or (spans[:, 1] > length).any() or (spans[:, 0] >= spans[:, 1]).any():
        raise DataError(
            f"Case {case.id} has {kind} for {mark.label or 'the whole case'} at {spans.tolist()}, outside its text of {length} "
            f"characters or empty; correct the offsets (half-open, in characters) or drop the mark."
        )
    return {"label": mark.label, "confidence": float(mark.confidence), "source": mark.source, "spans": spans.ravel().tolist()}


def _inputs(case: Case) -> tuple[str, str | None]:
    """The text, and the other inputs as JSON; None if there are none."""
    values = {name: case.input(name) for name in sorted({"text", *case.inputs})}
    for name, value in values.items():
        if not isinstance(value, str):
            raise DataError(
                f"Case {case.id} has the input {name!r} of the kind {type(value).__name__}; a stored data set holds texts only."
            )
        _check_encodable(case, value)
    text = values.pop("text")
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
