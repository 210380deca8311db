"""What holds of every rewording: it logs what it changed, and draws the same again."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentences_said import SAID, phrase, phrases

from pellucid.rewording import REWORDINGS, Change, Context, applied

NAMES = {
    *("side_swap", "level_swap", "location_swap", "negation", "severity", "finding_swap", "synthetic", "synthetic_swapped"),
    *("derangement", "random_sentence", "paraphrase", "word_masking", "clinical_masking"),
}
CONTEXTS = st.builds(
    Context,
    siblings=st.lists(phrases(), max_size=3).map(tuple),
    others=st.lists(phrases(), max_size=3).map(tuple),
    seed=st.integers(0, 5),
    index=st.integers(0, 3),
)


def test_every_rewording_is_known_by_its_name():
    assert set(REWORDINGS) == NAMES
    assert all(name == one.name for name, one in REWORDINGS.items())


def test_every_rewording_says_in_one_line_what_it_does_and_what_should_happen():
    assert all(one.about and "\n" not in one.about for one in REWORDINGS.values())
    assert {one.expected for one in REWORDINGS.values()} == {"decrease", "invariance", "mirror"}
    assert [one.name for one in REWORDINGS.values() if one.expected == "mirror"] == ["side_swap"]


@given(phrases(), CONTEXTS)
def test_the_log_of_changes_gives_the_new_text_and_all_else_stays(said, context):
    for one in REWORDINGS.values():
        new = one(said, context)
        if new is None:
            continue
        letters, ends = list(said.text), [0, *(change.stop for change in new.changes)]
        for change, before in zip(new.changes, ends, strict=False):
            assert before <= change.start <= change.stop <= len(said.text)
            assert said.text[change.start : change.stop] == change.before != change.after
        for change in reversed(new.changes):  # from the end, so that the offsets before it still hold
            letters[change.start : change.stop] = change.after
        assert "".join(letters) == new.text == applied(said.text, new.changes)


@given(phrases(), CONTEXTS)
def test_a_rewording_is_another_text_or_none_and_the_same_each_time(said, context):
    for one in REWORDINGS.values():
        new = one(said, context)
        assert new == one(said, context)
        assert new is None or (new.changes and new.text != said.text)


@pytest.mark.parametrize("text", SAID)
def test_each_sentence_of_a_radiologist_is_reworded_somehow(text):
    assert any(one(phrase(text), Context()) for one in REWORDINGS.values())


def test_another_seed_draws_another_word():
    said = phrase("Findings as they were described in the note of yesterday evening.")
    drawn = {REWORDINGS["word_masking"](said, Context(seed=seed)).text for seed in range(20)}
    assert len(drawn) > 1


def test_changes_are_applied_in_the_offsets_of_the_first_text():
    changes = [Change(0, 1, "a", "xyz"), Change(2, 2, "", "-"), Change(3, 4, "d", "")]
    assert applied("abcd", changes) == "xyzb-c"


def test_rewording_needs_no_torch():
    code = "import sys, pellucid.rewording; sys.exit('torch' in sys.modules or 'scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
