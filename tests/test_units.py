"""Text cut into units: nothing visible is lost, and scores keep their sum."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.datasets.phantom.notes import PhantomNotes
from pellucid.datasets.phantom.sections import FORMS
from pellucid.units import PixelUnits, TextUnits, sections, sentences, words

TEXT = st.text(alphabet=st.characters(codec="utf-8"), max_size=80)


@given(TEXT)
def test_every_visible_character_belongs_to_exactly_one_word(text):
    covered = np.zeros(len(text), dtype=int)
    for start, end in words(text).offsets:
        covered[start:end] += 1
    visible = np.array([not c.isspace() for c in text], dtype=bool)
    assert (covered[visible] == 1).all()
    assert (covered[~visible] == 0).all()


@given(TEXT)
def test_sentences_keep_every_visible_character_in_order(text):
    joined = "".join(sentences(text).strings)
    assert "".join(joined.split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hb 9.2, no fever.", ["Hb", "9.2", ",", "no", "fever", "."]),
        ("l'état, non-ST", ["l'état", ",", "non-ST"]),
        ("38,5 °C", ["38,5", "°", "C"]),
        ("cafe\u0301 (niño)", ["cafe\u0301", "(", "niño", ")"]),
        ("HTN/DM", ["HTN", "/", "DM"]),
        ("edema,fever", ["edema", ",", "fever"]),
        ("", []),
    ],
)
def test_words_are_what_a_reader_would_call_words(text, expected):
    assert words(text).strings == expected


def test_a_sentence_does_not_end_at_an_abbreviation_before_a_small_letter():
    assert sentences("approx. two days. Afebrile.").strings == ["approx. two days.", "Afebrile."]


LINES = st.lists(
    st.sampled_from(["", "  ", "Plan:", "PLAN", "HPI: cough", "No fever.", "- CAD", "\u2028", "a: b"]) | TEXT, max_size=8
)


@given(LINES.map("\n".join))
def test_every_visible_character_belongs_to_exactly_one_section(text):
    covered = np.zeros(len(text), dtype=int)
    for start, end in sections(text).offsets:
        covered[start:end] += 1
    visible = np.array([not c.isspace() for c in text], dtype=bool)
    assert (covered[visible] == 1).all()
    assert covered.max(initial=0) <= 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Seen today.\n\nHPI: cough\n\nstill\n\nPlan:\nhome", ["Seen today.", "HPI: cough\n\nstill", "Plan:\nhome"]),
        ("EXAM\nNeck: supple\n\nPLAN\nhome", ["EXAM\nNeck: supple", "PLAN\nhome"]),
        ("Labs:\nHCO3 23\nCK 48\n\nPlan:\nCAD\nHome", ["Labs:\nHCO3 23\nCK 48", "Plan:\nCAD\nHome"]),
        ("Varón de 36 años.\n\nExploración: normal.\nAlta.", ["Varón de 36 años.", "Exploración: normal.\nAlta."]),
        ("Mujer de 29 años.\nAlta a los tres días.", ["Mujer de 29 años.", "Alta a los tres días."]),
        ("One line only", ["One line only"]),
        (" \n ", []),
    ],
    ids=["headings", "capitals", "lists", "paragraphs", "lines", "one", "nothing"],
)
def test_sections_begin_at_headings_or_else_at_paragraphs_or_else_at_lines(text, expected):
    assert sections(text).strings == expected


def test_a_sentence_with_a_colon_is_no_heading():
    text = "Plan:\nhome\n\nHe was told by phone, twice, to return if: fever.\n\nLabs:\nCK 48"
    assert [s.split("\n")[0] for s in sections(text).strings] == ["Plan:", "Labs:"]


def test_the_headings_of_a_phantom_note_are_found():
    for case in PhantomNotes(n=6, seed=3).prepare().cases:
        first = [s.split("\n")[0].split(":")[0].lower() for s in sections(case.text).strings]
        known = {heading.lower() for form in FORMS.values() for heading in form.headings}
        assert set(first) <= known
        assert len(first) >= 10


def test_offsets_outside_the_text_are_refused():
    for offsets in ([[0, 5]], [[-1, 2]], [[2, 1]]):
        with pytest.raises(ValueError, match="outside the text"):
            TextUnits("abc", np.array(offsets), "word")


def test_a_unit_belongs_where_its_first_visible_character_lies():
    text = "ab  cd"
    tokens = TextUnits(text, np.array([[0, 2], [2, 5], [5, 6]]), "token")  # the second token starts with the blanks before cd
    assert tokens.group(words(text)).tolist() == [0, 1, 1]


def test_white_space_belongs_nowhere():
    assert TextUnits("a b", np.array([[0, 1], [1, 2], [2, 3]]), "token").group(words("a b")).tolist() == [0, -1, 1]
    assert TextUnits(" ", np.array([[0, 1]]), "token").group(words(" ")).tolist() == [-1]


@given(TEXT, st.integers(0, 2**32 - 1))
def test_summing_characters_into_words_keeps_the_sum(text, seed):
    letters = TextUnits(text, np.array([[i, i + 1] for i in range(len(text))], dtype=np.int64).reshape(-1, 2), "token")
    scores = np.random.default_rng(seed).normal(size=(2, len(text)))
    visible = np.array([not c.isspace() for c in text], dtype=bool)
    assert np.allclose(letters.project(scores, words(text)).sum(1), scores[:, visible].sum(1))


@given(TEXT.filter(len), st.data())
def test_a_unit_overlaps_a_span_exactly_when_they_share_a_visible_character(text, data):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    units = words(text)
    expected = [any(start <= i < end and not text[i].isspace() for i in range(a, b)) for a, b in units.offsets]
    assert units.overlapping(np.array([[start, end]])).tolist() == expected


def test_punctuation_has_neither_letters_nor_digits():
    assert words("A , 7 -- é").is_punctuation.tolist() == [False, True, False, True, False]


def test_pixels_are_counted_row_by_row():
    assert len(PixelUnits(3, 4)) == 12


def test_a_unit_without_a_visible_character_counts_strictly_inside_a_span_only():
    units = TextUnits("ab c", np.array([[0, 0], [1, 1], [2, 2], [2, 3], [4, 4]]), "token")
    assert units.overlapping(np.array([[0, 3]])).tolist() == [False, True, True, True, False]
    assert units.overlapping(np.array([[2, 4]])).tolist() == [False, False, False, False, False]
