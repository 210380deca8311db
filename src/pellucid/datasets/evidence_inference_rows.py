"""The file of Evidence Inference: one article a line, with its questions and what annotators answered and marked."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pellucid.datasets.base import SPLITS, Exclusion, SplitName
from pellucid.datasets.sources import Source, decode
from pellucid.errors import DataError

T = TypeVar("T")

LABELS = ("significantly increased", "significantly decreased", "no significant difference")
_AGAIN = "get the file again"


@dataclass(frozen=True)
class Annotation:
    """One answer of one annotator, with one mark.

    Attributes:
        where: file, row, question and position.
        valid_label, valid_reasoning: a second person accepted the answer, and the mark.
        span: half-open character offsets into the article; None where those given lie outside of it or mark nothing.
    """

    where: str
    annotator: str
    label: str
    valid_label: bool
    valid_reasoning: bool
    span: tuple[int, int] | None


@dataclass(frozen=True)
class Prompt:
    """A question about an article: what did the intervention do to the outcome, compared with the comparator?"""

    where: str
    id: str
    outcome: str
    intervention: str
    comparator: str
    annotations: tuple[Annotation, ...]


@dataclass(frozen=True)
class Article:
    """A trial report.

    Attributes:
        where: file and row.
        abstract_end: offset at which title and abstract end; None where the article has no abstract.
        facts: doi, journal, year and licence, as far as they are known.
    """

    where: str
    id: str
    split: SplitName
    text: str
    abstract_end: int | None
    facts: Mapping[str, str]
    prompts: tuple[Prompt, ...]


def articles(source: Source, exclusions: list[Exclusion]) -> Iterator[Article]:
    """The articles of a file in JSON Lines, plain or packed with gzip.

    Questions and annotations that lack a field, or have one of the wrong kind, are counted in `exclusions` and left out.

    Raises:
        DataError: the file cannot be unpacked, or a row is no article with text, split and questions; names row and field.
    """
    for number, line in enumerate(_text(source).split("\n"), start=1):
        if line.strip():
            where = f"{source.name} row {number}"
            yield _article(_parsed(line, where), where, exclusions)


def _text(source: Source) -> str:
    data = source.read()
    if source.name.endswith(".gz"):
        try:
            data = gzip.decompress(data)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise DataError(f"{source.name} is no whole gzip file ({error}); {_AGAIN}.") from error
    return decode(data, source.name)


def _parsed(line: str, where: str) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise DataError(f"{where} is not JSON ({error}); {_AGAIN}.") from None


def _article(item: Any, where: str, exclusions: list[Exclusion]) -> Article:
    text, split = _needed(item, "text", str, where), _needed(item, "split", str, where)
    if split not in SPLITS:
        raise DataError(f"{where} has the split {split!r}; it must be one of {', '.join(SPLITS)}.")
    end = None if item.get("abstract_end") is None else _needed(item, "abstract_end", int, where)
    if end is not None and not 0 < end <= len(text):
        raise DataError(f"{where} has abstract_end {end}, outside its text of {len(text)} characters; {_AGAIN}.")
    listed = enumerate(_needed(item, "prompts", list, where), start=1)
    prompts = [_prompt(prompt, f"{where} question {number}", len(text), exclusions) for number, prompt in listed]
    return Article(
        where=where,
        id=_needed(item, "pmcid", str, where),
        split=split,
        text=text,
        abstract_end=end,
        facts={name: str(item[name]) for name in ("doi", "journal", "year", "license") if item.get(name)},
        prompts=tuple(prompt for prompt in prompts if prompt),
    )


def _prompt(item: Any, where: str, length: int, exclusions: list[Exclusion]) -> Prompt | None:
    facts = {name: _field(item, name, str) or "" for name in ("prompt_id", "outcome", "intervention", "comparator")}
    answers = _field(item, "annotations", list)
    if answers is None or not all(fact.strip() for fact in facts.values()):
        exclusions.append(Exclusion(where, "the question lacks its number, outcome, intervention, comparator or annotations"))
        return None
    listed = enumerate(answers, start=1)
    found = [_annotation(answer, f"{where} annotation {number}", length, exclusions) for number, answer in listed]
    identifier = facts.pop("prompt_id")
    return Prompt(where=where, id=identifier, **facts, annotations=tuple(answer for answer in found if answer))


def _annotation(item: Any, where: str, length: int, exclusions: list[Exclusion]) -> Annotation | None:
    annotator, label = _field(item, "annotator", str), _field(item, "label", str)
    accepted = _field(item, "valid_label", bool), _field(item, "valid_reasoning", bool)
    start, end = _field(item, "start", int), _field(item, "end", int)
    if not annotator or label is None or None in (*accepted, start, end):
        exclusions.append(Exclusion(where, "the annotation lacks a field, or has one of the wrong kind"))
        return None
    if label not in LABELS:
        exclusions.append(Exclusion(where, "the annotator gave none of the three answers"))
        return None
    span = (start, end) if start is not None and end is not None and 0 <= start < end <= length else None
    return Annotation(where, annotator, label, accepted[0] is True, accepted[1] is True, span)


def _needed(item: Any, name: str, kind: type[T], where: str) -> T:
    value = _field(item, name, kind)
    if value is None:
        raise DataError(f"{where} has no {kind.__name__} in the field {name!r}; {_AGAIN}.")
    return value


def _field(item: Any, name: str, kind: type[T]) -> T | None:
    """The field if it is there and of that kind; true and false are no whole numbers."""
    value = item.get(name) if isinstance(item, Mapping) else None
    return value if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)) else None
