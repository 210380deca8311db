"""Cases, and evidence of every kind as sets and densities over units."""

from __future__ import annotations

import numpy as np
import pytest

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


def test_dwell_adds_up_to_the_seconds_spent_on_a_large_image():
    looks = Fixations(np.array([[50.0, 60.0, 0.0, 0.2], [40.0, 50.0, 0.2, 0.5]]), sigma=4.0)
    dwell = looks.dwell(PixelUnits(120, 100))
    assert dwell.sum() == pytest.approx(0.7, rel=1e-6)
    assert dwell.argmax() // 100 in (49, 50), "the longer look is the brighter one"


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
