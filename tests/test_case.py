"""Cases, and evidence of every kind as sets and densities over units."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pellucid.case import Boxes, Case, Fixations, Lazy, Mask, Phrase, Spans, by_annotator, density, marked
from pellucid.errors import DataError
from pellucid.units import PixelUnits, words

PIXELS = PixelUnits(4, 6)


def test_a_discontinuous_mention_marks_the_words_of_all_its_spans():
    text = "right testis, as seen, is enlarged"
    spans = Spans.of((6, 12), (26, 34), label="N44.8")
    units = words(text)
    assert [units[i] for i in np.flatnonzero(spans.covers(units))] == ["testis", "enlarged"]


def test_half_open_spans_do_not_mark_the_next_word():
    assert Spans.of((0, 3)).covers(words("ab cd")).tolist() == [True, False]


def test_boxes_mark_the_pixels_whose_centre_they_hold():
    marks = Boxes(np.array([[1.0, 1.0, 3.0, 2.0], [5.4, 3.0, 6.0, 4.0]])).covers(PIXELS).reshape(4, 6)
    expected = np.zeros((4, 6), dtype=bool)
    expected[1, 1:3] = True
    expected[3, 5] = True
    assert np.array_equal(marks, expected)


def test_a_phrase_marks_what_its_boxes_mark():
    boxes = Boxes(np.array([[0.0, 0.0, 2.0, 2.0]]), label="effusion")
    assert np.array_equal(Phrase("small effusion", boxes).covers(PIXELS), boxes.covers(PIXELS))


def test_a_mask_of_another_size_is_refused_not_resized():
    with pytest.raises(DataError, match="4 x 5 pixels does not fit an image of 4 x 6"):
        Mask(np.zeros((4, 5), dtype=bool)).covers(PIXELS)


def test_fixations_mark_the_pixels_that_they_hit_and_ignore_those_outside():
    looks = Fixations(np.array([[2.5, 1.5, 0.0, 0.2], [9.0, 1.0, 0.2, 0.3]]), sigma=1.0)
    assert np.flatnonzero(looks.covers(PIXELS)).tolist() == [1 * 6 + 2]


def looks_of(*rows, sigma=1.0):
    return Fixations(np.array(rows, dtype=np.float64).reshape(-1, 4), sigma)


def test_every_fixation_on_the_image_adds_exactly_its_seconds():
    looks = looks_of((5.0, 6.0, 0.0, 0.2), (0.0, 0.0, 0.2, 0.5), (11.9, 9.9, 0.7, 0.1), sigma=4.0)
    dwell = looks.dwell(PixelUnits(10, 12))
    assert dwell.sum() == pytest.approx(0.8, rel=1e-12)
    assert dwell.argmax() == 0, "the longest look is the brightest place, in a corner too"


def test_twice_the_duration_is_twice_the_dwell_of_that_fixation_alone():
    once, twice, other = (2.3, 1.7, 0.0, 0.3), (2.3, 1.7, 0.0, 0.6), (4.0, 3.0, 0.3, 0.4)
    rest = looks_of(other).dwell(PIXELS)
    np.testing.assert_allclose(
        looks_of(twice, other).dwell(PIXELS) - rest, 2 * (looks_of(once, other).dwell(PIXELS) - rest), atol=1e-15
    )


@pytest.mark.parametrize("row", [(-0.1, 1, 0, 1), (6.0, 1, 0, 1), (1, -0.1, 0, 1), (1, 4.0, 0, 1), (1, 1, 0, 0)])
def test_fixations_off_the_image_or_without_duration_count_nothing(row):
    inside = (2.5, 1.5, 0.0, 0.2)
    both, alone = looks_of(row, inside), looks_of(inside)
    assert np.array_equal(both.dwell(PIXELS), alone.dwell(PIXELS))
    assert np.array_equal(both.covers(PIXELS), alone.covers(PIXELS))
    assert [part.tolist() for part in both.places(PIXELS)] == [[1 * 6 + 2], [0.2]]
    assert looks_of(row).dwell(PIXELS).sum() == 0


def test_a_fixation_far_sharper_than_a_pixel_lies_in_one_pixel_whole():
    dwell = looks_of((3.3, 2.9, 0.0, 0.25), sigma=1e-9).dwell(PIXELS)
    assert np.flatnonzero(dwell).tolist() == [2 * 6 + 3]
    assert dwell.sum() == 0.25


def test_dwell_is_the_normal_distribution_integrated_over_pixels():
    sigma = np.array([[1.5, 0.7]])
    dwell = looks_of((2.2, 1.1, 0.0, 1.0), sigma=sigma).dwell(PIXELS).reshape(4, 6)
    across = np.diff(stats.norm.cdf(np.arange(7), 2.2, 1.5))
    down = np.diff(stats.norm.cdf(np.arange(5), 1.1, 0.7))
    np.testing.assert_allclose(dwell, np.outer(down / down.sum(), across / across.sum()), rtol=1e-12)


def test_dwell_of_a_mirrored_image_is_mirrored_to_the_last_tail():
    there = looks_of((0.7, 1.0, 0.0, 1.0), sigma=0.5).dwell(PIXELS).reshape(4, 6)
    back = looks_of((6 - 0.7, 1.0, 0.0, 1.0), sigma=0.5).dwell(PIXELS).reshape(4, 6)
    np.testing.assert_allclose(there, back[:, ::-1], rtol=1e-9)
    assert (there > 0).all()


# Half of the smallest number below 0 is 0: a look that is off the image by less than any screen can tell would come onto it.
EAST, SOUTH = (st.floats(-2, end, allow_subnormal=False) for end in (26, 14))
LOOKS = st.lists(
    st.tuples(EAST, SOUTH, st.floats(0, 9), st.floats(0, 2), st.floats(0.05, 9), st.floats(0.05, 9)),
    max_size=4,
)


@given(rows=LOOKS, across=st.sampled_from([1, 2, 3, 4, 6]), down=st.sampled_from([1, 2, 3, 4, 6]))
def test_dwell_on_a_smaller_image_is_the_sum_over_blocks_of_the_larger_one(rows, across, down):
    table = np.array(rows, dtype=np.float64).reshape(-1, 6)
    looks = Fixations(table[:, :4], table[:, 4:])
    whole = looks.dwell(PixelUnits(12, 24)).reshape(12 // down, down, 24 // across, across).sum(axis=(1, 3))
    small = looks.scaled(1 / across, 1 / down).dwell(PixelUnits(12 // down, 24 // across))
    np.testing.assert_allclose(small, whole.ravel(), rtol=1e-9, atol=1e-13)


def test_one_sigma_is_stretched_with_the_image_along_each_axis():
    assert looks_of((1, 1, 0, 1)).scaled(2, 2).sigma == 2
    made = looks_of((1, 1, 0, 1), (2, 3, 1, 1)).scaled(2, 0.5)
    assert np.array_equal(made.sigma, [[2, 0.5], [2, 0.5]])
    assert np.array_equal(made.fixations, [[2, 0.5, 0, 1], [4, 1.5, 1, 1]])


@pytest.mark.parametrize(
    ("rows", "sigma", "match"),
    [
        (np.zeros((2, 3)), 1.0, "rows of four finite numbers"),
        (np.zeros(4), 1.0, "rows of four finite numbers"),
        (np.array([[np.nan, 0, 0, 1]]), 1.0, "rows of four finite numbers"),
        (np.array([[0, 0, 0, -0.1]]), 1.0, "no duration is negative"),
        (np.zeros((2, 4)), 0.0, "one number of pixels above 0"),
        (np.zeros((2, 4)), np.nan, "one number of pixels above 0"),
        (np.zeros((2, 4)), np.ones(2), "two .* for each of them"),
        (np.zeros((2, 4)), np.ones((1, 2)), "two .* for each of them"),
    ],
)
def test_fixations_that_make_no_sense_are_refused(rows, sigma, match):
    with pytest.raises(DataError, match=match):
        Fixations(rows, sigma)


def test_nobody_looks_at_the_slices_of_a_volume():
    looks, volume = looks_of((1, 1, 0, 1)), PixelUnits(4, 6, 2)
    for read in (looks.covers, looks.dwell, looks.places):
        with pytest.raises(DataError, match="this one is a volume"):
            read(volume)


def test_a_density_sums_to_one_or_is_all_zero():
    assert density(Fixations(np.array([[2.0, 2.0, 0.0, 0.4]]), 1.0), PIXELS).sum() == pytest.approx(1)
    assert density(Spans.of((0, 2)), words("ab cd")).tolist() == [1.0, 0.0]
    assert density(Mask(np.zeros((4, 6), dtype=bool)), PIXELS).sum() == 0


def test_evidence_for_the_whole_case_supports_every_label():
    own, other, whole = Spans.of((0, 1), label="I10"), Spans.of((1, 2), label="E11.9"), Spans.of((2, 3))
    case = Case("a", "p", {"text": "abc"}, frozenset({"I10", "E11.9"}), (own, other, whole))
    assert case.evidence_for("I10") == (own, whole)


def test_marks_of_several_readers_are_joined():
    assert marked([Spans.of((0, 1)), Spans.of((4, 5))], words("a b c")).tolist() == [True, False, True]
    assert marked([], words("a b")).tolist() == [False, False]


def test_named_annotators_are_told_apart_and_nobody_else_is():
    bob, ann, again = (Spans.of((i, i + 1), source=f"human:{who}") for i, who in enumerate(("bob", "ann", "bob")))
    others = Spans.of((5, 6)), Spans.of((6, 7), source="map")
    assert by_annotator([bob, *others, ann, again]) == {"ann": (ann,), "bob": (bob, again)}
    assert list(by_annotator([bob, ann])) == ["ann", "bob"]


def test_a_lazy_input_is_read_only_when_asked_for():
    reads = []

    def read():
        reads.append(1)
        return "the note"

    case = Case("a", "p", {"text": Lazy(read)}, frozenset())
    assert reads == []
    assert case.text == "the note"
    assert reads == [1]


def test_an_input_that_is_not_there_is_named():
    with pytest.raises(DataError, match="Case a has no input named 'image'; it has text"):
        Case("a", "p", {"text": "x"}, frozenset()).input("image")
