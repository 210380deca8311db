"""The tab-separated files of CodiEsp: codes of documents, and the words that support each code."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from pellucid.datasets.base import Exclusion
from pellucid.datasets.sources import Source
from pellucid.errors import DataError

KINDS = ("DIAGNOSTICO", "PROCEDIMIENTO")
_POSITION = re.compile(r"[0-9]{1,9} [0-9]{1,9}(?:;[0-9]{1,9} [0-9]{1,9})*")
_BYTE_ORDER_MARK = "\ufeff"  # editors put it before the first row; it belongs to no column


@dataclass(frozen=True)
class Mark:
    """One row of an evidence file, its offsets checked against the text.

    Attributes:
        where: file and row.
        spans: half-open character offsets, in the order of the row.
    """

    where: str
    document: str
    kind: str
    code: str
    spans: tuple[tuple[int, int], ...]


def codes(source: Source, documents: Mapping[str, str], exclusions: list[Exclusion]) -> set[tuple[str, str]]:
    """Pairs of document and code (upper case) of a file with the columns document and code.

    A repeated row is counted in `exclusions`.

    Raises:
        DataError: a row has not two columns or names an unknown document.
    """
    found: set[tuple[str, str]] = set()
    for where, (document, code) in _rows(source, 2):
        _check_document(document, documents, where)
        pair = (document, _code(code, where))
        if pair in found:
            exclusions.append(Exclusion(where, "the row repeats an earlier one"))
        found.add(pair)
    return found


def marks(source: Source, documents: Mapping[str, str], kinds: Collection[str], exclusions: list[Exclusion]) -> Iterator[Mark]:
    """Rows of the `kinds` asked for in a file with the columns document, kind, code, reference text and offsets.

    Counted in `exclusions`, and not used: repeated rows, and rows whose reference is not the text at their offsets (white space
    folded). An empty range among several is dropped alone, and counted too.

    Raises:
        DataError: a row has not five columns, names an unknown document or kind, or has offsets that are none or lie
            outside the text.
    """
    seen: set[tuple[str, ...]] = set()
    for where, row in _rows(source, 5):
        document, kind, code, reference, position = row
        _check_document(document, documents, where)
        if kind not in KINDS:
            raise DataError(f"{where} has the kind {kind!r}; it must be one of {', '.join(KINDS)}: correct the row.")
        if kind not in kinds:
            continue
        text = documents[document]
        spans = _spans(position, text, where)
        filled = tuple(span for span in spans if span[0] < span[1])
        if row in seen:
            exclusions.append(Exclusion(where, "the row repeats an earlier one"))
        elif _fold(" ".join(text[a:b] for a, b in filled)) != _fold(reference) or not filled:
            exclusions.append(Exclusion(where, "the reference differs from the text at its offsets"))
        else:
            if len(filled) < len(spans):
                exclusions.append(Exclusion(where, "an empty range among the offsets (the rest of the row is used)"))
            yield Mark(where, document, kind, _code(code, where), filled)
        seen.add(row)


def _rows(source: Source, columns: int) -> Iterator[tuple[str, tuple[str, ...]]]:
    for number, line in enumerate(source.text().removeprefix(_BYTE_ORDER_MARK).split("\n"), start=1):
        row = tuple(line.removesuffix("\r").split("\t"))
        if row == ("",):
            continue
        if len(row) != columns:
            raise DataError(f"{source.name} row {number} has {len(row)} columns instead of {columns}; get the file again.")
        yield f"{source.name} row {number}", row


def _spans(position: str, text: str, where: str) -> tuple[tuple[int, int], ...]:
    if not _POSITION.fullmatch(position):
        raise DataError(f"{where} has the offsets {position!r}; write them as 'start end;start end', and correct the row.")
    spans = tuple((int(a), int(b)) for a, b in (pair.split() for pair in position.split(";")))
    for start, end in spans:
        if not start <= end <= len(text):
            raise DataError(
                f"{where} has the offsets {start} {end}, out of order or outside the text of {len(text)} characters; correct "
                "the row, and check that text and annotations are of the same release."
            )
    return spans


def _code(code: str, where: str) -> str:
    if not code.strip():
        raise DataError(f"{where} has no code; correct the row.")
    return code.strip().upper()


def _check_document(document: str, documents: Mapping[str, str], where: str) -> None:
    if document not in documents:
        raise DataError(f"{where} names the document {document}, which has no text file; add the text, or remove the row.")


def _fold(text: str) -> str:
    return " ".join(text.split())
