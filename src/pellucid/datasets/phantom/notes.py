"""Phantom notes: discharge-like notes from a grammar, with everything known about them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from pellucid.case import Case, Spans
from pellucid.datasets.base import Prepared
from pellucid.datasets.phantom.condition import Condition
from pellucid.datasets.phantom.conditions import CATALOGUE
from pellucid.datasets.phantom.dice import Dice
from pellucid.datasets.phantom.draft import Stay, draft
from pellucid.datasets.phantom.item import Writer
from pellucid.datasets.phantom.layout import Text, lay_out
from pellucid.datasets.phantom.patient import Patient, draw_patient, draw_stay, words_about
from pellucid.datasets.phantom.shortcut import Planted, Shortcut, plant
from pellucid.errors import DataError
from pellucid.registry import datasets

_STAYS = ((1, 2, 3), (0.55, 0.3, 0.15))


@datasets.register("phantom_notes")
@dataclass(frozen=True)
class PhantomNotes:
    """Invented discharge notes with exact evidence, distractors and, if wanted, a planted shortcut.

    A patient has one to three notes, which share age, sex and lasting conditions. Everything about a patient is drawn from
    ``numpy.random.default_rng([seed, patient])``: the same options and seed give the same notes, and the first notes of a
    larger set are those of a smaller one. A shortcut has draws of its own: notes with and without it differ in the phrase, and
    in the evidence that it replaces, alone.

    In each case, ``evidence`` holds one :class:`~pellucid.case.Spans` a mention, with several spans where the mention is spread
    over the sentence or the note; all of the note that depends on a label is marked so. ``causes`` equals ``evidence`` unless
    there is a shortcut (see :mod:`pellucid.datasets.phantom.shortcut`). ``meta`` holds ``age``, ``sex``, ``distractors``
    (a list of ``{"kind", "label", "span"}``; none of them makes its label true) and, with a shortcut, ``shortcut``
    (``{"label", "planted", "replaced"}``).

    Attributes:
        n: number of notes.
        seed: not negative.
        tokens: least and greatest length of a note, in words and punctuation marks; each note's is drawn between them. A note
            is as long as its labels and distractors need at least (some 250), and may exceed its length by a sentence
            or, where daily notes are needed to fill it (from some 900 on), by one of these.
        codes: the codes to use; all of :data:`~pellucid.datasets.phantom.conditions.CATALOGUE` if None. Few codes may leave
            notes without a label.
        shortcut: what to plant; nothing if None.
        distractors: least and greatest number of distractors a note (fewer where codes are few), beside what is copied
            forward from the patient's previous note.
        typos: chance that a sentence or list entry, evidence or not, has a slip of the keyboard.

    Raises:
        DataError: an option is out of range, or a code is unknown.
    """

    licence: ClassVar[str] = "Apache-2.0 (made by this library; invented, no patient data)"
    cites: ClassVar[str] = "none; the grammar is part of this library"
    needs: ClassVar[str] = "nothing"

    n: int = 600
    seed: int = 0
    tokens: tuple[int, int] = (300, 1200)
    codes: tuple[str, ...] | None = None
    shortcut: Shortcut | None = None
    distractors: tuple[int, int] = (4, 9)
    typos: float = 0.03

    def __post_init__(self) -> None:
        for name, value in (("n", self.n), ("seed", self.seed)):
            if value < 0:
                raise DataError(f"{name} of phantom_notes is {value}; give a number that is not negative.")
        for name, (low, high) in (("tokens", self.tokens), ("distractors", self.distractors)):
            if not 0 <= low <= high:
                raise DataError(f"{name} of phantom_notes is ({low}, {high}); give the least number first, none negative.")
        if not 0 <= self.typos <= 1:
            raise DataError(f"typos of phantom_notes is {self.typos}; give a chance between 0 and 1.")
        _check_codes(self.codes, self.shortcut)

    def prepare(self) -> Prepared:
        """Write the notes.

        Raises:
            DataError: the grammar writes the shortcut's phrase by itself.
        """
        cases = list(itertools.islice(self._all(), self.n))
        about = {"licence": self.licence, "citation": self.cites, "language": "en", "options": asdict(self)}
        return Prepared("phantom_notes", cases, about=about)

    def _all(self) -> Iterator[Case]:
        catalogue = [c for code, c in CATALOGUE.items() if self.codes is None or code in self.codes]
        for index in itertools.count():
            yield from self._of_patient(index, catalogue)

    def _of_patient(self, index: int, catalogue: list[Condition]) -> Iterator[Case]:
        dice = Dice(self.seed, index)
        patient = draw_patient(catalogue, dice)
        writer = Writer(dice, words_about(patient), self.typos)
        before: list[Condition] = []
        for number in range(1, dice.weighted(*_STAYS) + 1):
            conditions = draw_stay(patient, catalogue, dice)
            stay = Stay(conditions, before, patient.sex)
            items = draft(stay, catalogue, dice.between(*self.tokens), dice.between(*self.distractors), writer)
            labels = frozenset(c.code for c in conditions)
            planted = Planted(items, False, False)
            if self.shortcut:
                planted = plant(items, self.shortcut, self.shortcut.label in labels, Dice(self.seed, index, number))
            text = lay_out(planted.items, writer.words, dice)
            yield self._case(f"p{index:06d}", number, patient, labels, text, planted)
            before = [c for c in conditions if c.nature == "acute"]

    def _case(self, who: str, number: int, patient: Patient, labels: frozenset[str], text: Text, planted: Planted) -> Case:
        note = text.text
        meta: dict[str, Any] = {"age": patient.age, "sex": patient.sex, "distractors": _distractors(text)}
        if self.shortcut:
            _check_phrase(self.shortcut.phrase, note, expected=int(planted.carried))
            meta["shortcut"] = {"label": self.shortcut.label, "planted": planted.carried, "replaced": planted.replaced}
        evidence, causes = _evidence(text)
        return Case(f"{who}-{number}", who, {"text": note}, labels, evidence, causes, meta)


def _evidence(text: Text) -> tuple[tuple[Spans, ...], tuple[Spans, ...]]:
    """Where a person would look, and what generated the labels."""
    spans = {claim: Spans.of(*where, label=claim.code, source="phantom") for claim, where in text.spans.items()}
    evidence = [s for claim, s in spans.items() if claim.kind == "evidence"]
    planted = [s for claim, s in spans.items() if claim.kind == "shortcut"]
    decided = {s.label for s in planted}
    return tuple(evidence), (*(s for s in evidence if s.label not in decided), *planted)


def _distractors(text: Text) -> list[dict[str, Any]]:
    """What misleads, in reading order; JSON values."""
    return [
        {"kind": claim.kind, "label": claim.code, "span": list(span)}
        for claim, spans in text.spans.items()
        if claim.kind not in ("evidence", "shortcut")
        for span in spans
    ]


def _check_codes(codes: tuple[str, ...] | None, shortcut: Shortcut | None) -> None:
    chosen = tuple(CATALOGUE) if codes is None else codes
    unknown = [code for code in chosen if code not in CATALOGUE]
    if unknown or not chosen:
        name = repr(unknown[0]) if unknown else "no code at all"
        raise DataError(f"phantom_notes cannot write about {name}; choose among {', '.join(sorted(CATALOGUE))}.")
    if shortcut and shortcut.label not in chosen:
        raise DataError(f"The shortcut is for {shortcut.label!r}, which is not among the codes; choose one that is.")


def _check_phrase(phrase: str, note: str, expected: int) -> None:
    if note.casefold().count(phrase.casefold()) != expected:
        raise DataError(f"The grammar of phantom_notes writes {phrase!r} by itself; choose another phrase for the shortcut.")
