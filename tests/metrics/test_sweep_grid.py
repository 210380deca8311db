import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support_faithfulness import tokens_of

from pellucid.errors import PellucidError
from pellucid.metrics.grid import Removal, step_counts, tie_break
from pellucid.units import TextUnits, words


@given(st.integers(0, 10_000))
def test_default_steps_ascend_from_nothing_to_everything(units):
    steps = step_counts(units)
    assert steps[0] == 0
    assert steps[-1] == units
    assert (np.diff(steps) > 0).all()
    assert len(steps) <= 17


def test_default_steps_of_a_short_and_a_long_note():
    assert step_counts(300).tolist() == [0, 1, 2, 4, 8, 16, 32, 64, 75, 150, 225, 300]
    assert step_counts(6000)[-4:].tolist() == [1500, 3000, 4500, 6000]
    assert len(step_counts(6000)) == 16
    assert step_counts(0).tolist() == [0]
    assert step_counts(1).tolist() == [0, 1]
    assert step_counts(2).tolist() == [0, 1, 2]


def test_coarse_steps_are_about_half_as_many_and_end_with_halves():
    assert step_counts(300, "coarse").tolist() == [0, 1, 4, 16, 64, 150, 300]
    assert step_counts(6000, "coarse").tolist() == [0, 1, 4, 16, 64, 256, 1024, 3000, 6000]
    assert [step_counts(n, "coarse").tolist() for n in (0, 1, 2)] == [[0], [0, 1], [0, 1, 2]]


@given(st.integers(0, 10_000))
def test_coarse_small_steps_are_among_the_fine_ones(units):
    coarse, fine = step_counts(units, "coarse"), step_counts(units, "fine")
    assert set(coarse[4 * coarse < units]) <= set(fine)
    assert len(coarse) <= len(fine)


@given(st.integers(0, 50), st.lists(st.integers(0, 100), max_size=8))
def test_given_steps_always_gain_both_ends_and_never_pass_the_last_unit(units, counts):
    assert set(step_counts(units, counts)) == {c for c in counts if c <= units} | {0, units}


def test_negative_steps_are_refused():
    with pytest.raises(PellucidError, match="cannot remove -2 units"):
        step_counts(10, [1, -2])


def test_tokens_go_with_their_word_and_white_space_stays():
    text = "fever no cough"
    removal = Removal(tokens_of(text), words(text))
    assert removal.group.tolist() == [0, 0, -1, 1, 1, -1, 2, 2]
    keep = removal.keep(np.array([[False, True, False], [True, True, True]]))
    assert keep[0].tolist() == [True, True, True, False, False, True, True, True]
    assert keep[1].tolist() == [False, False, True, False, False, True, False, False]


def test_units_beyond_what_the_model_read_are_not_removable():
    text = "fever no cough"
    removal = Removal(tokens_of("fever no"), words(text))
    order = removal.order(np.array([0.1, 0.2, 0.9]), np.arange(3))
    assert removal.removable.tolist() == [0, 1]
    assert order.tolist() == [1, 0]


def test_the_second_half_of_a_cut_character_goes_with_the_first():
    # "é" is cut into two tokens; the second stands for no text of its own and lies at the end of its word.
    finest = TextUnits("caé x", np.array([[0, 2], [2, 3], [3, 3], [3, 4], [4, 5]]), "token")
    assert Removal(finest, words("caé x")).group.tolist() == [0, 0, 0, -1, 1]


def test_units_may_be_the_models_own():
    tokens = tokens_of("fever no cough")
    assert Removal(tokens, tokens).group.tolist() == list(range(len(tokens)))


@given(st.lists(st.integers(-2, 2), min_size=1, max_size=12), st.integers(0, 5))
def test_an_order_holds_every_unit_once_with_scores_that_never_rise(scores, seed):
    text = " ".join(["word"] * len(scores))
    removal = Removal(tokens_of(text), words(text))
    order = removal.order(np.array(scores, dtype=float), tie_break(len(scores), seed, "case", "I10"))
    assert sorted(order) == list(range(len(scores)))
    assert (np.diff(np.array(scores)[order]) <= 0).all()


def test_masks_along_an_order_remove_and_keep_the_same_top_units():
    text = "a1b2 c3d4 e5f6 g7h8"
    removal = Removal(tokens_of(text), words(text))
    order, counts = np.array([2, 0, 3, 1]), np.array([0, 1, 3, 4])
    masks = removal.along(order, counts)
    for row, count in enumerate(counts):
        gone = np.zeros((1, 4), dtype=bool)
        gone[0, order[:count]] = True
        assert (masks[row] == removal.keep(gone)[0]).all()
        assert (masks[len(counts) + row] == removal.keep(~gone)[0]).all()


def test_tied_share_counts_units_that_equal_another():
    text = "a b c d"
    removal = Removal(words(text), words(text))
    assert removal.tied(np.array([1.0, 0.0, 0.0, 2.0])) == 0.5
    assert removal.tied(np.array([1.0, 2.0, 3.0, 4.0])) == 0.0
    assert removal.tied(np.zeros(4)) == 1.0
    assert Removal(words(""), words("")).tied(np.zeros(0)) == 0.0


def test_the_tie_break_depends_on_seed_case_and_target_and_on_nothing_else():
    base = tie_break(50, 0, "case", "I10")
    np.random.seed(3)  # noqa: NPY002 (the global generator must not matter)
    assert (tie_break(50, 0, "case", "I10") == base).all()
    assert sorted(base) == list(range(50))
    for other in (tie_break(50, 1, "case", "I10"), tie_break(50, 0, "other", "I10"), tie_break(50, 0, "case", "E11")):
        assert (other != base).any()
