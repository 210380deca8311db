"""The words that an explanation shows are the fewest that hold the mass asked for."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pellucid.api.highlights import fewest, highlights, stretches
from pellucid.errors import PellucidError
from pellucid.metrics.base import shares
from pellucid.units import TextUnits, words

TEXT = "No chest pain, but crushing chest pressure."
SMALL = arrays(np.float64, st.integers(1, 8), elements=st.integers(-3, 9).map(float))


@given(SMALL, st.sampled_from([0.1, 0.25, 0.5, 0.8, 1.0]))
def test_no_smaller_set_of_words_holds_the_mass(scores: np.ndarray, mass: float) -> None:
    weights = shares(scores)
    size = int(fewest(weights, mass).sum())
    if weights.any():
        assert weights[fewest(weights, mass)].sum() >= mass - 1e-9
        smaller = (sum(weights[list(s)]) for s in itertools.combinations(range(len(weights)), size - 1))
        assert all(held < mass - 1e-12 for held in smaller)
    else:
        assert size == 0


def test_all_of_the_mass_takes_every_positive_word_and_no_other() -> None:
    weights = shares(np.array([0.1, 0.0, 0.7, -1.0, 0.2, 1e-12]))
    assert fewest(weights, 1.0)[[0, 2, 4]].all()
    assert not fewest(weights, 1.0)[[1, 3]].any()


@pytest.mark.parametrize("mass", [0.0, -0.5, 1.01, float("nan")])
def test_a_mass_that_is_no_share_is_refused(mass: float) -> None:
    with pytest.raises(PellucidError, match="is not a share"):
        fewest(np.array([1.0]), mass)


def test_neighbouring_words_are_joined_and_their_shares_added() -> None:
    units = words(TEXT)
    scores = np.zeros(len(units))
    scores[[1, 5, 6, 7]] = [1.0, 3.0, 2.0, 4.0]
    first, second = highlights(units, scores, 1.0)
    assert (first.text, first.score) == ("crushing chest pressure", pytest.approx(0.9))
    assert (second.text, second.score) == ("chest", pytest.approx(0.1))
    assert all(TEXT[h.start : h.end] == h.text for h in (first, second))


def test_white_space_at_the_edges_of_tokens_is_not_highlighted() -> None:
    units = TextUnits("a  bee  sea", np.array([[0, 1], [1, 6], [6, 11]]), "token")
    (found,) = highlights(units, np.array([0.0, 1.0, 0.0]), 0.5)
    assert (found.text, found.start, found.end) == ("bee", 3, 6)


def test_nothing_is_shown_where_no_score_is_positive() -> None:
    units = words(TEXT)
    assert highlights(units, -np.ones(len(units)), 0.5) == []
    assert [s.level for s in stretches(units, np.zeros(len(units)), signed=True)] == [0]


@given(st.lists(st.integers(-4, 4), min_size=9, max_size=9), st.booleans())
def test_stretches_cover_the_text_exactly_once(scores: list[int], signed: bool) -> None:
    units = words(TEXT)
    found = stretches(units, np.array(scores, dtype=float), signed)
    assert "".join(TEXT[s.start : s.end] for s in found) == TEXT
    for piece in found:
        inside = units.overlapping(np.array([[piece.start, piece.end]]))
        if piece.level:
            assert (np.sign(np.array(scores)[inside]) == np.sign(piece.level)).all()


def test_a_text_without_words_has_one_plain_stretch() -> None:
    (piece,) = stretches(words(" \n "), np.zeros(0), signed=False)
    assert (piece.start, piece.end, piece.level) == (0, 3, 0)
