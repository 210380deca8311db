"""The text builder, the markup and the slips of the keyboard."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.datasets.phantom.dice import Dice
from pellucid.datasets.phantom.template import Segment, parse, render
from pellucid.datasets.phantom.text import TextBuilder
from pellucid.datasets.phantom.typos import misspelt, with_typo

_PIECES = st.lists(st.tuples(st.text(max_size=8), st.sets(st.sampled_from("abc"))))


@given(_PIECES)
def test_every_span_of_a_built_text_holds_the_piece_that_was_marked(pieces: list[tuple[str, set[str]]]) -> None:
    builder: TextBuilder[str] = TextBuilder()
    for piece, keys in pieces:
        builder.add(piece, keys)
    assert builder.text == "".join(piece for piece, _ in pieces)
    for key in "abc":
        marked = [piece for piece, keys in pieces if key in keys and piece]
        assert [builder.text[a:b] for a, b in builder.spans.get(key, [])] == marked


@given(_PIECES)
def test_spans_of_one_key_are_ordered_and_apart(pieces: list[tuple[str, set[str]]]) -> None:
    builder: TextBuilder[str] = TextBuilder()
    for piece, keys in pieces:
        builder.add(piece, keys)
    for spans in builder.spans.values():
        assert all(a < b for a, b in spans)
        assert all(before[1] <= after[0] for before, after in pairwise(spans))


@given(st.integers(0, 2**31))
def test_rendering_draws_within_ranges_and_alternatives(seed: int) -> None:
    (marked, plain) = render("<K {2.4..3.1}>, {he} {felt {weak|dizzy} {1..3} times|slept}", Dice(seed), {"he": "she"})
    value = re.fullmatch(r"K (\d\.\d)", marked.text)
    assert value is not None
    assert marked.marked
    assert 2.4 <= float(value[1]) <= 3.1
    assert re.fullmatch(r", she (felt (weak|dizzy) [123] times|slept)", plain.text)
    assert not plain.marked


def test_both_ends_of_a_range_and_all_alternatives_occur() -> None:
    dice = Dice(0)
    drawn = {render("{8..10}{a|b|}", dice, {})[0].text for _ in range(300)}
    assert drawn == {number + letter for number in ("8", "9", "10") for letter in ("a", "b", "")}


@pytest.mark.parametrize("template", ["<open", "close>", "<a <b> c>"])
def test_unpaired_marks_are_refused(template: str) -> None:
    with pytest.raises(ValueError, match="mark"):
        parse(template)


@given(st.text(alphabet="abcdefgh XY", max_size=30), st.integers(0, 999))
def test_a_slip_changes_one_word_by_at_most_one_letter_of_length(text: str, seed: int) -> None:
    slipped = misspelt(text, Dice(seed))
    before, after = text.split(" "), slipped.split(" ")
    changed = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert len(changed) <= 1
    assert all(len(a) >= 5 and abs(len(a) - len(b)) <= 1 and a[0] == b[0] for a, b in changed)


def test_numbers_and_short_words_are_never_misspelt() -> None:
    assert misspelt("K 2.9, Na 12345", Dice(1)) == "K 2.9, Na 12345"


def test_slips_prefer_the_marked_phrase() -> None:
    segments = (Segment("history of ", False), Segment("pneumonia", True))
    slipped = [with_typo(segments, Dice(seed)) for seed in range(50)]
    assert all(after[0] == segments[0] for after in slipped)
    assert len({after[1].text for after in slipped}) > 5


@given(st.integers(0, 10**6), st.integers(0, 5), st.integers(0, 5))
def test_dice_stay_in_range_and_shuffling_keeps_everything(seed: int, low: int, width: int) -> None:
    dice = Dice(seed)
    assert low <= dice.between(low, low + width) <= low + width
    assert sorted(dice.shuffled(range(width))) == list(range(width))
    assert dice.weighted("ab", (0.0, 1.0)) == "b"
    assert dice.chance(1.0)
    assert not dice.chance(0.0)
