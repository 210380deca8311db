"""Facts about phantom notes: offsets, labels, distractors, reproducibility, length."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.case import Case, Spans, marked
from pellucid.datasets.base import Prepared
from pellucid.datasets.phantom.condition import Condition
from pellucid.datasets.phantom.conditions import CATALOGUE, IMPLIES, excluded_by
from pellucid.datasets.phantom.notes import PhantomNotes
from pellucid.errors import DataError
from pellucid.files import digest_json
from pellucid.registry import datasets
from pellucid.units import words

_PROGRAM = """
from pellucid.datasets.phantom.notes import PhantomNotes
from pellucid.files import digest
print(digest(*(repr((c.id, c.text, sorted(c.labels), [(e.label, e.spans.tolist()) for e in c.evidence], c.meta))
               for c in PhantomNotes(n=25, seed=3).prepare().cases)))
"""


def as_json(case: Case) -> dict[str, object]:
    """All that a case says, as JSON values."""
    marks = [[(e.label, e.spans.tolist()) for e in group if isinstance(e, Spans)] for group in (case.evidence, case.causes)]
    return {"id": case.id, "patient": case.patient, "text": case.text, "labels": sorted(case.labels), "marks": marks} | {
        "meta": dict(case.meta)
    }


def phrases(case: Case) -> list[tuple[str, str]]:
    """(label, marked text) of all evidence."""
    return [(str(e.label), case.text[a:b]) for e in case.evidence if isinstance(e, Spans) for a, b in e.spans.tolist()]


def misleading(case: Case) -> list[tuple[str, str, str]]:
    """(kind, label, marked text) of all distractors."""
    return [(d["kind"], d["label"], case.text[slice(*d["span"])]) for d in case.meta["distractors"]]


def pattern(marked_template: str) -> str:
    """A regular expression for what a template without nested braces may become."""

    def braced(match: re.Match[str]) -> str:
        inner = match[1]
        if "|" in inner:
            return f"(?:{'|'.join(map(re.escape, inner.split('|')))})"
        return r"\d+(?:\.\d+)?" if ".." in inner else r"\w+"

    pieces = re.split(r"(\{[^{}]*\})", marked_template)
    return "".join(re.sub(r"\{([^{}]*)\}", braced, p) if p.startswith("{") else re.escape(p) for p in pieces)


def grammar_of(condition: Condition, templates: list[str]) -> re.Pattern[str]:
    """What may be marked: a name or abbreviation, or a marked stretch of the templates."""
    named = [re.escape(name) for name in (*condition.names, *condition.short)]
    own = [pattern(stretch) for template in templates for stretch in re.findall(r"<(.*?)>", template)]
    return re.compile("|".join(named + own), re.IGNORECASE)


def test_every_evidence_phrase_is_one_that_the_grammar_has_for_its_label(spotless: Prepared) -> None:
    allowed = {
        c.code: grammar_of(c, [t for ts in c.says.values() for t in ts] + [t for parts in c.spread for _, t in parts])
        for c in CATALOGUE.values()
    }
    found = [item for case in spotless.cases for item in phrases(case)]
    assert len(found) > 1000
    assert not [(label, phrase) for label, phrase in found if not allowed[label].fullmatch(phrase)]


def test_every_distractor_phrase_is_one_that_the_grammar_has_for_its_label(spotless: Prepared) -> None:
    allowed = {c.code: grammar_of(c, [t for _, _, t in c.misleads]) for c in CATALOGUE.values()}
    found = [item for case in spotless.cases for item in misleading(case)]
    assert len(found) > 800
    assert not [item for item in found if not allowed[item[1]].fullmatch(item[2])]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**40), st.sampled_from([0.0, 0.03, 1.0]))
def test_marks_lie_inside_the_text_on_visible_characters_and_never_overlap(seed: int, typos: float) -> None:
    for case in PhantomNotes(n=4, seed=seed, typos=typos).prepare().cases:
        evidence = [tuple(span) for e in case.evidence if isinstance(e, Spans) for span in e.spans.tolist()]
        spans = sorted(evidence + [tuple(d["span"]) for d in case.meta["distractors"]])
        assert all(0 <= a < b <= len(case.text) for a, b in spans)
        assert all(case.text[a:b] == case.text[a:b].strip() for a, b in spans)
        assert all(before[1] <= after[0] for before, after in pairwise(spans))
        assert marked(case.evidence, words(case.text)).sum() >= len(evidence)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**40))
def test_labels_are_those_of_the_evidence_and_causes_equal_evidence_without_a_shortcut(seed: int) -> None:
    for case in PhantomNotes(n=5, seed=seed).prepare().cases:
        assert case.labels == {e.label for e in case.evidence}
        assert case.causes == case.evidence
        assert 3 <= len(case.labels) <= 9


def test_a_distractor_never_makes_a_label_true(notes: Prepared) -> None:
    off = 0
    for case in notes.cases:
        evident = {label for label, _ in phrases(case)}
        labels = {label for _, label, _ in misleading(case)}
        off += len(labels - case.labels)
        assert labels & case.labels <= evident
    assert off > 1000


def test_all_kinds_of_distractor_occur(notes: Prepared) -> None:
    kinds = Counter(kind for case in notes.cases for kind, _, _ in misleading(case))
    expected = {"negation", "family", "resolved", "ruled_out", "screening", "education", "allergy", "ambiguous"}
    assert set(kinds) == expected | {"other_use", "other_person", "misleading", "copied"}
    assert min(kinds.values()) >= 10


def test_a_negated_mention_may_stand_beside_a_true_one(notes: Prepared) -> None:
    denials = [(case, label) for case in notes.cases for kind, label, _ in misleading(case) if kind == "negation"]
    both = [(case, label) for case, label in denials if label in case.labels]
    assert both
    for case, label in both:
        denied = next(d["span"] for d in case.meta["distractors"] if d["label"] == label and d["kind"] == "negation")
        where = marked(case.evidence_for(label), words(case.text))
        hit = words(case.text).overlapping(np.array([denied]))
        assert where.any()
        assert not (where & hit).any()


def test_the_same_phrase_is_evidence_in_one_note_and_a_distractor_in_another(notes: Prepared) -> None:
    true = {(label, phrase.lower()) for case in notes.cases for label, phrase in phrases(case)}
    false = {(label, phrase.lower()) for case in notes.cases for _, label, phrase in misleading(case)}
    assert len(true & false) > 100


def test_a_keyword_matcher_fails(notes: Prepared) -> None:
    names = {c.code: re.compile("|".join(rf"\b{re.escape(n)}\b" for n in c.names + c.short), re.IGNORECASE)
             for c in CATALOGUE.values() if c.names}  # fmt: skip
    found = {(case.id, code) for case in notes.cases for code, name in names.items() if name.search(case.text)}
    truth = {(case.id, label) for case in notes.cases for label in case.labels if label in names}
    assert len(found & truth) / len(found) < 0.75
    assert len(found & truth) / len(truth) < 0.95


def test_some_evidence_is_spread_over_sections(notes: Prepared) -> None:
    wide = [e for case in notes.cases for e in case.evidence if isinstance(e, Spans) and np.ptp(e.spans) > 300]
    assert len(wide) > 30
    assert all(len(e.spans) >= 2 for e in wide)


def test_typos_reach_evidence() -> None:
    clean, slipped = (PhantomNotes(n=20, seed=2, typos=rate).prepare().cases for rate in (0.0, 1.0))
    known = {phrase for case in clean for _, phrase in phrases(case)}
    assert len([phrase for case in slipped for _, phrase in phrases(case) if phrase not in known]) > 100


def test_true_sentences_are_copied_forward_word_for_word(notes: Prepared) -> None:
    copies = [(case, c) for case in notes.cases for c in re.findall(r"\[copied forward\] ([^.\n]+\.)", case.text)]
    again = [c for case, c in copies if case.text.count(c) > 1]
    assert len(again) > 0.7 * len(copies) > 50


def test_all_codes_appear_with_skewed_frequencies(notes: Prepared) -> None:
    counts = Counter(label for case in notes.cases for label in case.labels)
    assert set(counts) == set(CATALOGUE)
    assert max(counts.values()) > 4 * min(counts.values())


def test_labels_fit_the_patient_and_each_other(notes: Prepared) -> None:
    for case in notes.cases:
        for code in case.labels:
            assert CATALOGUE[code].fits(case.meta["age"], case.meta["sex"])
            assert not excluded_by(code) & case.labels
            assert IMPLIES.get(code, code) in case.labels


def test_notes_of_a_patient_share_age_sex_and_lasting_conditions(notes: Prepared) -> None:
    patients: dict[str, list[Case]] = defaultdict(list)
    for case in notes.cases:
        patients[case.patient].append(case)
    several = [cases for cases in patients.values() if len(cases) > 1]
    assert len(several) > 40
    assert max(map(len, several)) == 3
    shared = total = 0
    for cases in several:
        assert len({(c.meta["age"], c.meta["sex"]) for c in cases}) == 1
        for one, other in combinations(cases, 2):
            first, second = ({code for code in c.labels if CATALOGUE[code].nature != "acute"} for c in (one, other))
            shared, total = shared + len(first & second), total + len(first | second)
    assert shared / total > 0.7


def test_ids_are_unique(notes: Prepared) -> None:
    assert len({case.id for case in notes.cases}) == len(notes.cases) == 300
    assert all(case.id.startswith(case.patient + "-") for case in notes.cases)
    assert not notes.assigned


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**40), st.integers(0, 12))
def test_the_first_notes_of_a_larger_set_are_those_of_a_smaller_one(seed: int, n: int) -> None:
    small, large = (PhantomNotes(n=k, seed=seed).prepare().cases for k in (n, 13))
    assert [as_json(c) for c in small] == [as_json(c) for c in large[:n]]


def test_notes_are_the_same_in_every_process() -> None:
    def run(salt: str) -> str:
        environment = os.environ | {"PYTHONHASHSEED": salt}
        done = subprocess.run([sys.executable, "-c", _PROGRAM], env=environment, capture_output=True, check=True, text=True)
        return done.stdout

    assert run("1") == run("2")


def test_seeds_differ_and_the_global_generator_is_left_alone() -> None:
    np.random.seed(0)  # noqa: NPY002 (the point of the test)
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    first, second = (PhantomNotes(n=5, seed=seed).prepare().cases for seed in (0, 1))
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002
    assert all(a.text != b.text for a, b in zip(first, second, strict=True))


def test_lengths_follow_the_option(notes: Prepared) -> None:
    lengths = [len(words(case.text)) for case in notes.cases]
    assert min(lengths) >= 240
    assert max(lengths) <= 1450
    assert 700 <= np.mean(lengths) <= 900
    short = [len(words(case.text)) for case in PhantomNotes(n=30, tokens=(0, 0)).prepare().cases]
    assert max(short) < 600


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 1000), st.integers(1000, 9000))
def test_long_notes_are_at_most_a_daily_note_off(seed: int, length: int) -> None:
    for case in PhantomNotes(n=2, seed=seed, tokens=(length, length)).prepare().cases:
        assert length * 0.93 <= len(words(case.text)) <= length * 1.03 + 250


def test_a_note_of_more_than_six_thousand_words() -> None:
    (case,) = PhantomNotes(n=1, seed=4, tokens=(9000, 9000)).prepare().cases
    assert len(case.text.split()) > 6000
    assert "Hospital day 20." in case.text
    lines = [line for line in case.text.splitlines() if line]
    assert len(set(lines)) > 0.5 * len(lines)


def test_a_choice_of_codes_is_kept() -> None:
    codes = ("I10", "E11.9", "J18.9", "N17.9", "N39.0")
    cases = PhantomNotes(n=60, codes=codes).prepare().cases
    assert {label for case in cases for label in case.labels} == set(codes)
    assert {label for case in cases for _, label, _ in misleading(case)} <= set(codes)


@pytest.mark.parametrize("codes", [("N17.9",), ("N17.9", "I10", "E78.5", "E11.9"), ("J18.9", "N39.0", "K21.9")])
def test_no_code_is_true_of_every_note_however_few_are_chosen(codes: tuple[str, ...]) -> None:
    cases = PhantomNotes(n=100, codes=codes).prepare().cases
    counts = Counter(label for case in cases for label in case.labels)
    assert all(15 <= counts[code] <= 85 for code in codes)


def test_notes_without_any_label_are_possible_where_codes_are_few() -> None:
    cases = PhantomNotes(n=40, codes=("N40.0",)).prepare().cases
    assert {case.labels for case in cases} == {frozenset(), frozenset({"N40.0"})}
    assert all(case.text for case in cases)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"n": -1}, "n of phantom_notes"),
        ({"seed": -1}, "seed of phantom_notes"),
        ({"tokens": (900, 300)}, "tokens"),
        ({"distractors": (-1, 3)}, "distractors"),
        ({"typos": 1.5}, "typos"),
        ({"codes": ("I10", "X99")}, "'X99'"),
        ({"codes": ()}, "no code"),
    ],
)
def test_options_out_of_range_are_refused_by_name(options: dict[str, object], named: str) -> None:
    with pytest.raises(DataError, match=named):
        PhantomNotes(**options)  # type: ignore[arg-type]


def test_about_holds_json_values_only(notes: Prepared) -> None:
    assert digest_json(notes.about)
    assert all(digest_json(case.meta) for case in notes.cases[:20])
    assert notes.about["options"]["seed"] == 11


def test_the_adapter_is_registered() -> None:
    assert isinstance(datasets.create("phantom_notes", n=3), PhantomNotes)
