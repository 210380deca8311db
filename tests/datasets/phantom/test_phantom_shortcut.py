"""What a planted shortcut does to notes, and what cases say about it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from pellucid.case import Case, Spans
from pellucid.datasets.phantom.notes import PhantomNotes
from pellucid.datasets.phantom.shortcut import Shortcut
from pellucid.errors import DataError

PHRASE = "Dictated by Dr. Harlan but not read"
LABEL = "N17.9"
MIXED = Shortcut(LABEL, PHRASE, rate=0.7, leak=0.2, replaces_evidence=0.4)


@pytest.fixture(scope="module")
def mixed() -> list[Case]:
    return list(PhantomNotes(n=700, seed=8, shortcut=MIXED).prepare().cases)


def spans_for(group: tuple[object, ...], label: str) -> list[tuple[int, int]]:
    return [tuple(span) for e in group if isinstance(e, Spans) and e.label == label for span in e.spans.tolist()]


def where(case: Case) -> tuple[int, int]:
    start = case.text.index(PHRASE)
    return start, start + len(PHRASE)


def test_the_phrase_is_planted_at_the_rates_asked_for(mixed: list[Case]) -> None:
    on, off = ([c for c in mixed if (LABEL in c.labels) is present] for present in (True, False))
    planted = [c for c in on if PHRASE in c.text]
    replaced = [c for c in planted if not spans_for(c.evidence, LABEL)]
    leaked = [c for c in off if PHRASE in c.text]
    assert len(on) > 100
    for found, among, rate in ((planted, on, 0.7), (leaked, off, 0.2), (replaced, planted, 0.4)):
        assert binomtest(len(found), len(among), rate).pvalue > 1e-3


def test_causes_hold_the_phrase_alone_where_it_is_planted(mixed: list[Case]) -> None:
    for case in mixed:
        if LABEL in case.labels and PHRASE in case.text:
            assert spans_for(case.causes, LABEL) == [where(case)]
            assert where(case) not in spans_for(case.evidence, LABEL)
        else:
            assert spans_for(case.causes, LABEL) == spans_for(case.evidence, LABEL)


def test_labels_are_those_of_evidence_and_causes_together(mixed: list[Case]) -> None:
    for case in mixed:
        assert case.labels == {e.label for e in (*case.evidence, *case.causes)} == {e.label for e in case.causes}


def test_other_labels_have_equal_evidence_and_causes(mixed: list[Case]) -> None:
    for case in mixed:
        for label in case.labels - {LABEL}:
            assert spans_for(case.evidence, label) == spans_for(case.causes, label) != []


def test_a_leaked_phrase_is_a_distractor_and_no_cause(mixed: list[Case]) -> None:
    leaked = [c for c in mixed if LABEL not in c.labels and PHRASE in c.text]
    assert leaked
    for case in leaked:
        assert {"kind": "leaked_shortcut", "label": LABEL, "span": list(where(case))} in case.meta["distractors"]
        assert not spans_for(case.causes, LABEL)


def test_meta_says_what_was_done(mixed: list[Case]) -> None:
    for case in mixed:
        said = case.meta["shortcut"]
        assert said["label"] == LABEL
        assert said["planted"] == (PHRASE in case.text)
        assert said["replaced"] == (LABEL in case.labels and not spans_for(case.evidence, LABEL))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32), st.floats(0, 1), st.floats(0, 1))
def test_without_replacing_a_note_differs_from_the_plain_one_in_the_planted_line_alone(
    seed: int, rate: float, leak: float
) -> None:
    plain = PhantomNotes(n=6, seed=seed)
    planted = replace(plain, shortcut=Shortcut(LABEL, PHRASE, rate, leak))
    for one, other in zip(plain.prepare().cases, planted.prepare().cases, strict=True):
        assert one.labels == other.labels
        assert one.text.splitlines() == [line for line in other.text.splitlines() if PHRASE not in line]


def test_replacing_takes_out_the_evidence_for_that_label_only() -> None:
    plain = PhantomNotes(n=80, seed=1)
    planted = replace(plain, shortcut=Shortcut(LABEL, PHRASE, replaces_evidence=1.0))
    touched = 0
    for one, other in zip(plain.prepare().cases, planted.prepare().cases, strict=True):
        assert not spans_for(other.evidence, LABEL)
        marks = [[c.text[a:b] for e in c.evidence if isinstance(e, Spans) and e.label != LABEL for a, b in e.spans.tolist()]
                 for c in (one, other)]  # fmt: skip
        assert marks[0] == marks[1]
        touched += LABEL in one.labels
    assert touched > 5


def test_a_certain_shortcut_is_a_perfect_predictor() -> None:
    cases = PhantomNotes(n=60, seed=3, shortcut=Shortcut("K21.9", PHRASE)).prepare().cases
    assert all((PHRASE in case.text) == ("K21.9" in case.labels) for case in cases)


def test_the_phrase_stands_in_many_sections() -> None:
    cases = PhantomNotes(n=120, seed=3, shortcut=Shortcut(LABEL, PHRASE, rate=1.0, leak=1.0)).prepare().cases
    places = [case.text.index(PHRASE) / len(case.text) for case in cases]
    assert min(places) < 0.1
    assert max(places) > 0.9


def test_a_phrase_that_the_grammar_writes_by_itself_is_refused() -> None:
    with pytest.raises(DataError, match="choose another phrase"):
        PhantomNotes(n=50, shortcut=Shortcut(LABEL, "Lymph nodes: none enlarged.", rate=0.0)).prepare()


@pytest.mark.parametrize("name", ["rate", "leak", "replaces_evidence"])
@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_shares_outside_zero_and_one_are_refused(name: str, share: float) -> None:
    with pytest.raises(DataError, match=name):
        Shortcut(LABEL, PHRASE, **{name: share})


@pytest.mark.parametrize("phrase", ["", "  ", " a ward", "two\nlines"])
def test_a_phrase_must_be_one_visible_line(phrase: str) -> None:
    with pytest.raises(DataError, match="one line"):
        Shortcut(LABEL, phrase)


def test_a_shortcut_for_a_code_that_is_not_written_is_refused() -> None:
    with pytest.raises(DataError, match="not among the codes"):
        PhantomNotes(codes=("I10",), shortcut=Shortcut("J18.9", PHRASE))
