from __future__ import annotations

import re

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from pellucid.audit.highlighting import AROUND, excerpt, important, levels, phrases, pieces
from pellucid.units import words

TEXTS = st.text(alphabet="ab ñ,.\n-9", min_size=1, max_size=80)


@given(TEXTS, st.randoms(use_true_random=False))
def test_a_short_note_is_shown_whole(text: str, rng: object) -> None:
    units = words(text)
    draw = np.random.default_rng(len(text))
    scores = draw.normal(size=len(units))
    marks = draw.random(len(units)) < 0.3
    shown = "".join(p.text for p in pieces(text, units.offsets, scores, marks, ~marks))
    end = units.offsets[-1, 1] if len(units) else 0
    assert shown == re.sub(r"\n\s*\n", "\n", text[:end])


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=20), st.floats(1e-12, 1e12))
@example([0.974609375, 0.0390625], 534316370699.5)  # rounded, 0.039 of 0.975: on the border of what is faint
def test_colours_do_not_depend_on_the_scale_of_scores(values: list[float], factor: float) -> None:
    scores = np.round(values, 3)
    np.testing.assert_array_equal(levels(scores), levels(scores * factor))


def test_colours_tell_for_from_against_and_leave_the_faint_out() -> None:
    assert levels(np.array([1.0, -1.0, 0.5, 0.01, 0.0])).tolist() == [6, -6, 3, 0, 0]
    assert levels(np.zeros(3)).tolist() == [0, 0, 0]


@given(st.sets(st.integers(0, 599), min_size=1, max_size=12))
def test_an_excerpt_keeps_all_that_matters_with_its_neighbours(where: set[int]) -> None:
    chosen = np.zeros(600, dtype=bool)
    chosen[list(where)] = True
    shown = excerpt(chosen)
    assert all(shown[max(0, i - AROUND) : i + AROUND + 1].all() for i in where)
    assert shown.sum() < 600


def test_left_out_words_are_counted() -> None:
    text = " ".join(["word"] * 400 + ["fever"])
    units = words(text)
    scores = np.zeros(401)
    scores[-1] = 1.0
    found = pieces(text, units.offsets, scores, np.zeros(401, dtype=bool), np.zeros(401, dtype=bool))
    assert found[0].skipped == 400 - AROUND
    assert (found[-1].text, found[-1].level, found[-1].hint) == ("fever", 6, "100 % of the explanation")


def test_marked_words_are_always_shown() -> None:
    marks = np.zeros(300, dtype=bool)
    marks[250] = True
    assert important(np.linspace(1, 0, 300), marks)[250]


def test_white_space_between_marked_words_is_marked() -> None:
    text = "acute renal failure"
    units = words(text)
    found = pieces(text, units.offsets, np.zeros(3), np.array([True, True, False]), np.zeros(3, dtype=bool))
    assert [(p.text, p.marked) for p in found] == [
        ("acute", True),
        (" ", True),
        ("renal", True),
        (" ", False),
        ("failure", False),
    ]


def test_phrases_join_neighbours_and_rank_by_weight() -> None:
    text = "no fever, atrial  fibrillation"
    units = words(text)
    chosen = np.array([False, True, False, True, True])
    found = phrases(text, units.offsets, chosen, np.array([0, 0.2, 0, 0.5, 0.3]))
    assert found == [("atrial fibrillation", 0.8), ("fever", 0.2)]
