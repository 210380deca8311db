"""CodiEsp: Spanish clinical case reports, coded with ICD-10, with the words that support each code."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from pellucid.case import Case, Spans
from pellucid.datasets import codiesp_rows
from pellucid.datasets.base import Exclusion, Prepared, SplitName
from pellucid.datasets.sources import Source, only, sources
from pellucid.errors import DataError
from pellucid.registry import datasets

Kind = Literal["DIAGNOSTICO", "PROCEDIMIENTO"]

_PARTS: Mapping[str, SplitName] = {"train": "train", "dev": "validation", "test": "test"}
_CODE_FILES: Mapping[Kind, str] = {"DIAGNOSTICO": "D", "PROCEDIMIENTO": "P"}
_FOLDERS = {"es": "text_files", "en": "text_files_en"}
_AS_RELEASED = "give the folder as it was released (train/text_files/*.txt, trainD.tsv, trainP.tsv, trainX.tsv)"

# label -> its marks, of one document
_Marks = dict[str, dict[tuple[tuple[int, int], ...], None]]


@datasets.register("codiesp")
@dataclass(frozen=True)
class CodiEsp:
    """CodiEsp: published Spanish case reports, coded by professionals with ICD-10, with the words that support each code.

    The evidence offsets point into the Spanish texts. The English texts are machine translations without offsets: their cases
    have labels and no evidence, and nothing is guessed. No patient is named; the cases
    of one article share authors and style, so they count as one patient: splits and intervals keep them together.

    Attributes:
        root: the published folder, its archive, or a folder that holds the archives of the texts beside the TSV files.
        level: "full" codes, or "category": the first three characters. A procedure's category is written with `PCS-` before
            it, as ICD-10-CM uses some of the same three characters for diseases.
        language: "es" or "en".
        kinds: which codes become labels.
        published_splits: keep the published parts (train, dev as validation, test) instead of the library's own splits over all
            annotated documents.
    """

    root: Path
    level: Literal["full", "category"] = "full"
    language: Literal["es", "en"] = "es"
    kinds: Sequence[Kind] = ("DIAGNOSTICO",)
    published_splits: bool = False

    licence: ClassVar[str] = "CC BY 4.0"
    cites: ClassVar[str] = (
        "Miranda-Escalada, Gonzalez-Agirre, Armengol-Estapé, Krallinger: Overview of automatic clinical coding: annotations, "
        "guidelines, and solutions for non-English clinical cases at CodiEsp track of CLEF eHealth 2020"
    )
    needs: ClassVar[str] = "the released folder or zip archive of CodiEsp (Zenodo): texts, trainD.tsv, trainP.tsv, trainX.tsv"

    def __post_init__(self) -> None:
        for name, value, allowed in (("level", self.level, ("full", "category")), ("language", self.language, tuple(_FOLDERS))):
            if value not in allowed:
                raise DataError(f"The option {name} of codiesp is {value!r}; use one of {', '.join(allowed)}.")
        if isinstance(self.kinds, str) or not self.kinds or set(self.kinds) - set(_CODE_FILES):
            raise DataError(f"The option kinds of codiesp is {self.kinds!r}; use one or both of {', '.join(_CODE_FILES)}.")

    def prepare(self) -> Prepared:
        """Read the published files.

        Raises:
            DataError: a file is missing, not UTF-8, or has a row that is not what it should be; names file, row and remedy.
        """
        with sources(self.root) as files:
            parts = [part for part in _PARTS if any(f.parts[-1] in _names(part) for f in files)]
            if not parts:
                raise DataError(f"{self.root} has no annotations of CodiEsp (trainD.tsv and so on); {_AS_RELEASED}.")
            read = [_Part.read(part, files, self) for part in parts]
        cases = [case for part in read for case in part.cases(self)]
        return Prepared(
            name="codiesp",
            cases=cases,
            exclusions=[exclusion for part in read for exclusion in part.exclusions],
            about=self._about(cases, parts),
            assigned={case.id: _PARTS[case.meta["part"]] for case in cases} if self.published_splits else {},
        )

    def label(self, kind: str, code: str) -> str:
        """The label of a code at the level asked for."""
        if self.level == "full":
            return code
        return code[:3] if kind == "DIAGNOSTICO" else f"PCS-{code[:3]}"

    def _about(self, cases: Sequence[Case], parts: Sequence[str]) -> dict[str, Any]:
        english = "The English texts are machine translations without evidence offsets: no case has evidence."
        return {
            "title": "CodiEsp (CLEF eHealth 2020)",
            "licence": self.licence,
            "citation": self.cites,
            "language": self.language,
            "options": {"level": self.level, "kinds": list(self.kinds), "published_splits": self.published_splits},
            "parts": list(parts),
            "evidence": sum(len(case.evidence) for case in cases),
            "notes": [
                "Published case reports without patient identifiers; the cases of one article count as one patient.",
                *([english] if self.language == "en" else []),
            ],
        }


@dataclass(eq=False)
class _Part:
    """One published part (train, dev, test): its texts, codes and marks."""

    name: str
    texts: Mapping[str, str]
    labels: Mapping[str, frozenset[str]]
    marks: Mapping[str, _Marks] = field(default_factory=dict)
    exclusions: Sequence[Exclusion] = ()

    @classmethod
    def read(cls, name: str, files: Sequence[Source], options: CodiEsp) -> _Part:
        texts = _texts(name, files, options.language)
        exclusions: list[Exclusion] = []
        pairs: set[tuple[str, Kind, str]] = set()
        for kind in options.kinds:
            file = _file(files, f"{name}{_CODE_FILES[kind]}.tsv")
            pairs |= {(document, kind, code) for document, code in codiesp_rows.codes(file, texts, exclusions)}
        labels = defaultdict(set)
        for document, kind, code in pairs:
            labels[document].add(options.label(kind, code))
        marks = _marks(_file(files, f"{name}X.tsv"), texts, pairs, options, exclusions) if options.language == "es" else {}
        return cls(name, texts, {key: frozenset(value) for key, value in labels.items()}, marks, exclusions)

    def cases(self, options: CodiEsp) -> Iterator[Case]:
        for document, text in self.texts.items():
            yield Case(
                id=document,
                patient=document.rpartition("-")[0] or document,  # ARTICLE-NUMBER
                inputs={"text": text},
                labels=self.labels.get(document, frozenset()),
                evidence=tuple(
                    Spans.of(*spans, label=label) for label, found in self.marks.get(document, {}).items() for spans in found
                ),
                meta={"part": self.name, "language": options.language},
            )


def _marks(
    file: Source, texts: Mapping[str, str], pairs: set[tuple[str, Kind, str]], options: CodiEsp, exclusions: list[Exclusion]
) -> dict[str, _Marks]:
    """Marks of the kinds asked for, by document and label; at category level equal marks of one label become one."""
    found: dict[str, _Marks] = defaultdict(lambda: defaultdict(dict))
    for mark in codiesp_rows.marks(file, texts, options.kinds, exclusions):
        if (mark.document, mark.kind, mark.code) not in pairs:
            exclusions.append(Exclusion(mark.where, "evidence for a code that is not in the document's list of codes"))
            continue
        found[mark.document][options.label(mark.kind, mark.code)][mark.spans] = None
    return found


def _texts(part: str, files: Sequence[Source], language: str) -> dict[str, str]:
    found = [f for f in files if f.parts[-3:-1] == (part, _FOLDERS[language]) and f.parts[-1].endswith(".txt")]
    if not found:
        raise DataError(f"There is no {part}/{_FOLDERS[language]}/*.txt in the folder or its zip archives; {_AS_RELEASED}.")
    by_document: dict[str, list[Source]] = defaultdict(list)
    for file in found:
        by_document[file.stem].append(file)
    return {
        document: only(same, f"text of document {document}", "leave one copy in the folder").text()
        for document, same in sorted(by_document.items())
    }


def _file(files: Sequence[Source], name: str) -> Source:
    return only([f for f in files if f.parts[-1] == name], f"file {name}", _AS_RELEASED)


def _names(part: str) -> set[str]:
    return {f"{part}{kind}.tsv" for kind in "DPX"}
