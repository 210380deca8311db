"""Evidence and causes as values of an Arrow column, and back.

Of the fields spans, boxes, mask and fixations exactly one is filled. Columns of a data set of texts have the field spans alone,
and only those of a data set with gaze have the field of fixations; so it is with sentences and the gaze of sentences.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float

from pellucid.case import Boxes, Case, Evidence, Fixations, Mask, Phrase, Spans
from pellucid.errors import DataError
from pellucid.files import digest

_SHARED = [("label", pa.string()), ("confidence", pa.float64()), ("source", pa.string())]
_SPANS = ("spans", pa.list_(pa.int64()))  # start, end, start, end, ...: Python character offsets into the text
_REGIONS = [
    ("boxes", pa.list_(pa.float64())),  # x0, y0, x1, y1, x0, ...: half-open, in pixels of the stored image
    ("mask", pa.large_binary()),  # bits in row-major order, eight a byte, the first pixel (sample, feature) the highest bit
    ("mask_shape", pa.list_(pa.int32())),
]
_LOOKS = [
    ("fixations", pa.list_(pa.float64())),  # x, y, start, duration, x, ...: pixels of the stored image and seconds
    ("sigma", pa.list_(pa.float64())),  # one number, or x, y, x, ... of each fixation
]

TEXT_MARKS = pa.list_(pa.struct([*_SHARED, _SPANS]))
MARKS = pa.list_(pa.struct([*_SHARED, _SPANS, *_REGIONS]))
MARKS_AND_LOOKS = pa.list_(pa.struct([*_SHARED, _SPANS, *_REGIONS, *_LOOKS]))
ANATOMY = "anatomy"
_PLACES = {Spans: ("text",), Boxes: ("image",), Fixations: ("image",), Mask: ("image", "signal", "table")}
"""The inputs that marks of each kind may lie on."""
_SAID = [
    ("text", pa.string()),
    *_SHARED,
    *_REGIONS,
    ("regions", pa.list_(pa.string())),
    ("conditions", pa.list_(pa.string())),  # "+finding" where it is there, "-finding" where it is not
]
SENTENCES = pa.list_(pa.struct(_SAID))
SENTENCES_AND_LOOKS = pa.list_(pa.struct([*_SAID, *_LOOKS]))

Row = dict[str, Any]


def to_mark_row(case: Case, kind: str, mark: Evidence) -> Row:
    """One mark as a value of :data:`MARKS_AND_LOOKS`.

    Args:
        case: with its inputs at hand; masks and boxes fit its image, signal or row (:func:`pellucid.datasets.fitting.fitted`).
        kind: "evidence", "causes" or "anatomy"; the labels of the last need not be those of the case.

    Raises:
        DataError: the mark is of a kind that cannot be stored, for a label that the case lacks, or does not fit its text.
    """
    if kind != ANATOMY and mark.label is not None and mark.label not in case.labels:
        raise DataError(
            f"Case {case.id} has {kind} for the label {mark.label}, which it lacks; add the label or drop the mark."
        )
    if not 0 < mark.confidence <= 1:
        raise DataError(f"Case {case.id} has {kind} with confidence {mark.confidence}; give a number above 0 and at most 1.")
    return {"label": mark.label, "confidence": float(mark.confidence), "source": mark.source, **_place(case, kind, mark)}


def to_mark(row: Mapping[str, Any]) -> Evidence:
    """The mark of a row."""
    shared = (row["label"], row["confidence"], row["source"])
    if row.get("boxes") is not None:
        return Boxes(np.array(row["boxes"], dtype=np.float64).reshape(-1, 4), *shared)
    mask = _mask(row)
    if mask is not None:
        return Mask(mask, *shared)
    if (gaze := _gaze(row, *shared)) is not None:
        return gaze
    return Spans(np.array(row["spans"], dtype=np.int64).reshape(-1, 2), *shared)


def to_sentence_row(case: Case, sentence: Phrase) -> Row:
    """One sentence as a value of :data:`SENTENCES_AND_LOOKS`; boxes and gaze get its label, confidence and source.

    Args:
        case: as for :func:`to_mark_row`. It need not have the label of the sentence.

    Raises:
        DataError: the sentence has no visible character or a confidence that is none, or a place or gaze without an image.
    """
    if not any(sign.isprintable() and not sign.isspace() for sign in sentence.text):
        raise DataError(f"Case {case.id} has a sentence without any word; leave it out.")
    if "image" not in case.inputs and (len(sentence.boxes.boxes) or sentence.mask is not None or sentence.gaze is not None):
        what = "a place" if sentence.gaze is None else "gaze"
        raise DataError(f"Case {case.id} has a sentence with {what} but no image; give it its image, or leave that out.")
    if not 0 < sentence.confidence <= 1:
        raise DataError(f"Case {case.id} has a sentence with confidence {sentence.confidence}; give one above 0 and at most 1.")
    mask = sentence.mask
    return {
        "text": sentence.text,
        "label": sentence.label,
        "confidence": float(sentence.confidence),
        "source": sentence.source,
        "boxes": np.asarray(sentence.boxes.boxes, dtype=np.float64).ravel().tolist(),
        "mask": None if mask is None else np.packbits(mask).tobytes(),
        "mask_shape": None if mask is None else list(mask.shape),
        "regions": list(sentence.regions),
        "conditions": [("+" if there else "-") + finding for finding, there in sentence.conditions],
        **({} if sentence.gaze is None else _looks(sentence.gaze)),
    }


def to_sentence(row: Mapping[str, Any]) -> Phrase:
    """The sentence of a row."""
    shared = (row["label"], row["confidence"], row["source"])
    boxes = Boxes(np.array(row["boxes"], dtype=np.float64).reshape(-1, 4), *shared)
    conditions = tuple((said[1:], said[0] == "+") for said in row["conditions"])
    regions, gaze = tuple(row["regions"]), _gaze(row, *shared)
    return Phrase(row["text"], boxes, *shared, mask=_mask(row), regions=regions, conditions=conditions, gaze=gaze)


def mark_facts(row: Mapping[str, Any]) -> Row:
    """The row as JSON values: without what is not filled, and with the digest of a mask in its place."""
    facts = {key: value for key, value in row.items() if value is not None or key == "label"}
    return facts if "mask" not in facts else {**facts, "mask": digest(facts["mask"])}


def _place(case: Case, kind: str, mark: Evidence) -> Row:
    if not any(isinstance(mark, of) and name in case.inputs for of, names in _PLACES.items() for name in names):
        raise DataError(
            f"Case {case.id} has {kind} of the kind {type(mark).__name__}; a stored data set holds Spans of texts, Boxes and "
            "Fixations of images, and Masks of images, signals and rows only."
        )
    if isinstance(mark, Spans):
        return {"spans": _offsets(case, kind, mark)}
    if isinstance(mark, Boxes):
        return {"boxes": np.asarray(mark.boxes, dtype=np.float64).ravel().tolist()}
    if isinstance(mark, Fixations):
        return _looks(mark)
    mask = cast(Mask, mark).mask
    if mask.dtype.kind not in "bui":
        raise DataError(f"Case {case.id} has {kind} with a mask of {mask.dtype}; give booleans, such as `mask > 0.5`.")
    return {"mask": np.packbits(mask).tobytes(), "mask_shape": list(mask.shape)}


def _mask(row: Mapping[str, Any]) -> Bool[np.ndarray, "*S"] | None:
    if row.get("mask") is None:
        return None
    shape = tuple(row["mask_shape"])
    bits = np.unpackbits(np.frombuffer(row["mask"], np.uint8), count=int(np.prod(shape)))
    return bits.astype(bool).reshape(shape)


def _looks(gaze: Fixations) -> Row:
    return {name: np.asarray(getattr(gaze, name), dtype=np.float64).ravel().tolist() for name, _ in _LOOKS}


def _gaze(row: Mapping[str, Any], label: str | None, confidence: float, source: str) -> Fixations | None:
    if row.get("fixations") is None:
        return None
    looks = np.array(row["fixations"], dtype=np.float64).reshape(-1, 4)
    return Fixations(looks, _sigma(row["sigma"]), label, confidence, source)


def _sigma(stored: list[float]) -> float | Float[np.ndarray, "N 2"]:
    return stored[0] if len(stored) == 1 else np.array(stored, dtype=np.float64).reshape(-1, 2)


def _offsets(case: Case, kind: str, mark: Spans) -> list[int]:
    length = len(case.text)
    spans = np.asarray(mark.spans, dtype=np.int64).reshape(-1, 2)
    if not len(spans) or (spans[:, 0] < 0).any() or (spans[:, 1] > length).any() or (spans[:, 0] >= spans[:, 1]).any():
        raise DataError(
            f"Case {case.id} has {kind} for {mark.label or 'the whole case'} at {spans.tolist()}, outside its text of {length} "
            f"characters or empty; correct the offsets (half-open, in characters) or drop the mark."
        )
    return [int(offset) for offset in spans.ravel()]
