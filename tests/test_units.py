"""Text cut into units, and grids cut into regions: nothing visible is lost, and scores keep their sum."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.datasets.phantom.notes import PhantomNotes
from pellucid.datasets.phantom.sections import FORMS
from pellucid.units import (
    FeatureUnits,
    GridUnits,
    PixelUnits,
    RegionUnits,
    SampleUnits,
    TextUnits,
    patches,
    sections,
    sentences,
    words,
)

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


GRIDS = [
    (PixelUnits(3, 4), "pixel", (3, 4)),
    (PixelUnits(3, 4, depth=2), "pixel", (2, 3, 4)),
    (SampleUnits(5, ("I", "II"), 100.0), "sample", (5, 2)),
    (SampleUnits(1, ("I",), 100.0), "sample", (1, 1)),
    (FeatureUnits(("sodium", "potassium", "pH")), "feature", (3,)),
]


@pytest.mark.parametrize(("units", "kind", "shape"), GRIDS)
def test_a_grid_has_as_many_units_as_its_shape_holds(units: GridUnits, kind: str, shape: tuple[int, ...]) -> None:
    assert (units.kind, units.shape, len(units)) == (kind, shape, np.prod(shape))


@pytest.mark.parametrize("units", [grid[0] for grid in GRIDS])
@given(st.data())
def test_regions_of_a_grid_hold_the_sum_of_its_scores_in_row_major_order(units: GridUnits, data: st.DataObject) -> None:
    places = data.draw(st.lists(st.integers(-1, 3), min_size=len(units), max_size=len(units)))
    present = sorted({place for place in places if place >= 0})
    index = np.array([present.index(place) if place >= 0 else -1 for place in places]).reshape(units.shape)
    regions = RegionUnits(index, "segment")
    scores = np.random.default_rng(len(present)).normal(size=(2, len(units)))
    expected = [[sum(row[i] for i in np.flatnonzero(index.ravel() == j)) for j in range(len(present))] for row in scores]
    np.testing.assert_allclose(units.project(scores, regions), np.reshape(expected, (2, len(present))), atol=1e-12)
    np.testing.assert_array_equal(units.group(regions), index.ravel())
    assert units.project(scores[:0], regions).shape == (0, len(present))
    np.testing.assert_array_equal(regions.sizes, [(index == j).sum() for j in range(len(present))])


@pytest.mark.parametrize("units", [grid[0] for grid in GRIDS])
def test_scores_of_a_grid_stay_where_they_are_on_the_same_grid(units: GridUnits) -> None:
    scores = np.arange(2 * len(units), dtype=np.float32).reshape(2, -1)
    np.testing.assert_array_equal(units.project(scores, units), scores)
    assert units.project(scores, units).dtype == np.float64


@pytest.mark.parametrize(
    ("units", "other"),
    [
        (FeatureUnits(("sodium", "pH")), FeatureUnits(("pH", "sodium"))),
        (SampleUnits(5, ("I", "II"), 100.0), SampleUnits(5, ("II", "I"), 100.0)),
        (SampleUnits(5, ("I", "II"), 100.0), SampleUnits(5, ("I", "II"), 500.0)),
        (SampleUnits(5, ("I", "II"), 100.0), PixelUnits(5, 2)),
        (PixelUnits(5, 2), PixelUnits(2, 5)),
        (PixelUnits(5, 2), RegionUnits(np.zeros((2, 5), dtype=np.int64), "patch")),
    ],
)
def test_scores_are_never_taken_for_those_of_another_grid(units: GridUnits, other: GridUnits | RegionUnits) -> None:
    with pytest.raises(ValueError, match=f"do not fit these {len(units)} {units.kind}s"):
        units.project(np.ones((1, len(units))), other)


def test_boxes_of_a_signal_cut_time_and_leads() -> None:
    cut = patches(SampleUnits(6, ("I", "II", "III"), 100.0), across=3)
    np.testing.assert_array_equal(cut.index, [[0, 1, 2], [0, 1, 2], [3, 4, 5], [3, 4, 5], [6, 7, 8], [6, 7, 8]])
    np.testing.assert_array_equal(patches(FeatureUnits(("a", "b", "c")), across=14).index, [0, 1, 2])


@pytest.mark.parametrize("index", [[0, 2], [1, 1], [-2, 0]])
def test_regions_are_numbered_without_gaps(index: list[int]) -> None:
    with pytest.raises(ValueError, match="segments are numbered from 0 without gaps"):
        RegionUnits(np.array(index), "segment")


def test_regions_are_not_grouped_into_other_regions() -> None:
    regions = RegionUnits(np.array([0, 0, 1]), "segment")
    np.testing.assert_array_equal(regions.project(np.array([[1.0, 2.0]]), RegionUnits(regions.index, "segment")), [[1.0, 2.0]])
    with pytest.raises(ValueError, match="not grouped into other regions"):
        regions.project(np.array([[1.0, 2.0]]), RegionUnits(np.array([0, 1, 1]), "segment"))
