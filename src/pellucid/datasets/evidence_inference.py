"""Evidence Inference: English trial reports, questions about them, and the sentences in which doctors found the answers."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from pellucid.case import Case, Spans, by_annotator
from pellucid.datasets.base import Exclusion, Prepared
from pellucid.datasets.evidence_inference_rows import Annotation, Article, Prompt, articles
from pellucid.datasets.sources import Source, only, sources
from pellucid.errors import DataError
from pellucid.registry import datasets

_PARTS = ("abstract", "full", "passage")
_FILES = ("evidence_inference_ccby.jsonl.gz", "evidence_inference_ccby.jsonl")


@datasets.register("evidence_inference")
@dataclass(frozen=True)
class EvidenceInference:
    """Evidence Inference 2.0: English trial reports, with questions that doctors answered and the words that show the answer.

    One case a question: what did an intervention do to an outcome, compared with something else? Its one label is the answer of
    more than half of the annotators whose answer a second person accepted; a question without such a majority is left out. Each
    annotator's accepted marks for that label are kept apart, so that people can be compared with each other. The cases of one
    article count as one patient. The published splits, which are of articles, are kept.

    Attributes:
        root: the file of articles in JSON Lines (plain or gzip), or the folder that holds it.
        part: "abstract" gives title and abstract of the questions that can be answered from them: at least one accepted mark
            lies there, and only such marks are kept. "full" gives whole articles and all questions. "passage" gives one case
            for each paragraph that holds an accepted mark, and nothing else of the article: short texts to learn the answers
            from, chosen by what people marked, and therefore no test of where a model looks.
    """

    root: Path
    part: Literal["abstract", "full", "passage"] = "abstract"

    licence: ClassVar[str] = "MIT (annotations); CC BY, CC0 or public domain, as the meta of each case says (articles)"
    cites: ClassVar[str] = (
        "DeYoung, Lehman, Nye, Marshall, Wallace: Evidence Inference 2.0: more data, better models, BioNLP 2020; Lehman, "
        "DeYoung, Barzilay, Wallace: Inferring which medical treatments work from reports of clinical trials, NAACL 2019"
    )
    needs: ClassVar[str] = f"the folder with {_FILES[0]}: the articles under open licences, one a line, with their annotations"

    def __post_init__(self) -> None:
        if self.part not in _PARTS:
            raise DataError(f"The option part of evidence_inference is {self.part!r}; use one of {', '.join(_PARTS)}.")

    def prepare(self) -> Prepared:
        """Read the file of articles.

        Raises:
            DataError: the file is missing or damaged, or a row is no article; names file, row and remedy.
        """
        exclusions: list[Exclusion] = []
        with sources(self.root) as files:
            read = list(articles(_file(files), exclusions))
        pairs = [(case, article) for article in read for case in self._cases(article, exclusions)]
        cases = [case for case, _ in pairs]
        assigned = {case.id: article.split for case, article in pairs}
        return Prepared("evidence_inference", cases, exclusions, self._about(cases), assigned)

    def _cases(self, article: Article, exclusions: list[Exclusion]) -> Iterator[Case]:
        end = article.abstract_end if self.part == "abstract" else len(article.text)
        for prompt in article.prompts:
            label = _agreed(prompt)
            if label is None:
                exclusions.append(Exclusion(prompt.where, _why_not(prompt)))
            elif end is None:
                exclusions.append(Exclusion(prompt.where, "the article has no abstract"))
            else:
                marks = tuple(_marks(prompt, label, end, exclusions))
                if not marks and self.part != "full":
                    where = "in title and abstract" if self.part == "abstract" else "in the article"
                    exclusions.append(Exclusion(prompt.where, f"no accepted mark lies {where}"))
                elif self.part == "passage":
                    yield from _passages(article, prompt, label, marks)
                else:
                    yield _case(article, prompt, label, article.text[:end], marks)

    def _about(self, cases: Sequence[Case]) -> dict[str, Any]:
        return {
            "title": "Evidence Inference 2.0 (open articles)",
            "licence": self.licence,
            "citation": self.cites,
            "language": "en",
            "options": {"part": self.part},
            "exclusive": True,
            "evidence": sum(len(case.evidence) for case in cases),
            "annotators": dict(sorted(Counter(len(by_annotator(case.evidence)) for case in cases).items())),
            "notes": [
                "Published trial reports without patients; the cases of one article count as one patient.",
                "Every case has one of three labels that exclude each other, and a question beside its text.",
                "Annotators marked where they found the answer, not every place that states it.",
            ],
        }


def question(prompt: Prompt) -> str:
    """The question as one readable sentence; entities such as ``&lt;`` are resolved and white space is folded."""
    outcome, intervention, comparator = map(_plain, (prompt.outcome, prompt.intervention, prompt.comparator))
    return f"What is the effect of {intervention} on {outcome}, compared with {comparator}?"


def _plain(part: str) -> str:
    return " ".join(html.unescape(part).split()).rstrip(".")


def _passages(article: Article, prompt: Prompt, label: str, marks: Sequence[Spans]) -> Iterator[Case]:
    """One case a paragraph with marks, which are moved to where it begins; those in the same paragraph stay together."""
    found: dict[tuple[int, int], list[Spans]] = {}
    for mark in marks:
        found.setdefault(_paragraph(article.text, *map(int, mark.spans[0])), []).append(mark)
    for number, ((start, end), inside) in enumerate(found.items(), start=1):
        moved = tuple(replace(mark, spans=np.minimum(mark.spans, end) - start) for mark in inside)
        yield _case(article, prompt, label, article.text[start:end], moved, f"-{number}")


def _paragraph(text: str, start: int, end: int) -> tuple[int, int]:
    """Offsets of the line, or lines, that hold a span; a span that ends with a line break ends before it."""
    last = start + len(text[start:end].rstrip())
    close = text.find("\n", last)
    return text.rfind("\n", 0, start) + 1, len(text) if close < 0 else close


def _case(article: Article, prompt: Prompt, label: str, text: str, marks: tuple[Spans, ...], suffix: str = "") -> Case:
    return Case(
        id=f"{article.id}-{prompt.id}{suffix}",
        patient=article.id,
        inputs={"text": text, "question": question(prompt)},
        labels=frozenset({label}),
        evidence=marks,
        meta={**article.facts, "outcome": prompt.outcome, "intervention": prompt.intervention, "comparator": prompt.comparator},
    )


def _agreed(prompt: Prompt) -> str | None:
    """The label of more than half of the accepted answers, of which an annotator has one however often it is written down."""
    votes = Counter(label for _, label in {(a.annotator, a.label) for a in prompt.annotations if a.valid_label})
    label, most = max(votes.items(), key=lambda item: item[1], default=(None, 0))
    return label if 2 * most > votes.total() else None


def _why_not(prompt: Prompt) -> str:
    accepted = any(a.valid_label for a in prompt.annotations)
    return "the annotators disagree about the answer" if accepted else "no answer was accepted by a second person"


def _marks(prompt: Prompt, label: str, end: int, exclusions: list[Exclusion]) -> Iterator[Spans]:
    """Marks that show the agreed label in the part of the article that is read; the others are counted."""
    seen: set[tuple[str, tuple[int, int] | None]] = set()
    for annotation in prompt.annotations:
        reason = _unusable(annotation, label, end)
        if not reason and (annotation.annotator, annotation.span) in seen:
            reason = "the annotation repeats an earlier one"
        if reason or annotation.span is None:
            exclusions.append(Exclusion(annotation.where, reason))
        else:
            seen.add((annotation.annotator, annotation.span))
            yield Spans.of(annotation.span, label=label, source=f"human:{annotation.annotator}")


def _unusable(annotation: Annotation, label: str, end: int) -> str:
    if not annotation.valid_label:
        return "a second person did not accept the answer"
    if not annotation.valid_reasoning:
        return "a second person did not accept the mark"
    if annotation.label != label:
        return "the mark supports another answer than the agreed one"
    if annotation.span is None:
        return "the offsets lie outside the text, or mark nothing"
    return "the mark lies beyond title and abstract" if annotation.span[1] > end else ""


def _file(files: Sequence[Source]) -> Source:
    named = [file for file in files if file.parts[-1] in _FILES]
    return only(named or (files if len(files) == 1 else []), f"file {_FILES[0]}", "give the file or its folder")
