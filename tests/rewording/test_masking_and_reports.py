"""Words behind the mask token, clinical words, and reports cut into sentences."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentences_said import TEXTS, phrase

from pellucid.errors import PellucidError
from pellucid.rewording import (
    REWORDINGS,
    Context,
    cleaned,
    clinical_masking,
    entities,
    masked,
    sentences_of,
    sides,
    word_masking,
)
from pellucid.rewording.entities import spoken
from pellucid.rewording.lexicon import negations

WORDS, CLINICAL = REWORDINGS["word_masking"], REWORDINGS["clinical_masking"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("There is a small right-sided pleural effusion.", ["right-sided", "pleural", "effusion"]),
        ("ETT in place, L pleural drain; LLL clear", ["ETT", "L", "pleural", "drain", "LLL", "clear"]),
        ("Come right away, 2 L of oxygen", []),
        ("No focal consolidation at the bases", ["consolidation", "bases"]),
        ("Bright, based on the film", []),
        ("", []),
    ],
)
def test_clinical_words_are_places_findings_sides_and_devices(text, words):
    assert [text[start:stop] for start, stop in entities(text)] == words


@given(TEXTS)
def test_clinical_words_are_whole_words_in_order(text):
    assert set(entities(text)) <= {(int(a), int(b)) for a, b in spoken(text).offsets}
    assert entities(text) == sorted(set(entities(text)))


@given(TEXTS, st.floats(0.01, 1.0))
def test_masking_hides_the_stated_share_and_never_all(text, share):
    candidates = [(int(a), int(b)) for a, b in spoken(text).offsets]
    n = len(candidates)
    changes = masked(text, candidates, share, "<mask>", np.random.default_rng(0))
    assert len(changes) == (min(max(1, math.floor(share * n)), n - 1) if n > 1 else 0)
    assert all(change.after == "<mask>" and (change.start, change.stop) in candidates for change in changes)


@given(TEXTS)
def test_masked_words_are_not_clinical_and_masked_clinical_words_are(text):
    for one, clinical in ((WORDS, False), (CLINICAL, True)):
        new = one(phrase(text), Context())
        for change in new.changes if new else ():
            assert ((change.start, change.stop) in entities(text)) is clinical
            assert not any(a <= change.start < b for a, b in negations(text))


def test_no_half_of_what_negates_is_hidden():
    """Without "free" or "clear" the lungs would have the effusion."""
    for seed in range(30):
        for text in ("Both lungs are free of any effusion today.", "The left lung is clear of opacities."):
            for rule in (WORDS, CLINICAL):
                new = rule(phrase(text), Context(seed=seed))
                assert new is None or {"free", "clear", "of"}.isdisjoint(change.before for change in new.changes)
    assert CLINICAL(phrase("The left lung is clear of opacities."), Context()) is not None


def test_word_masking_leaves_the_side_and_clinical_masking_may_take_it():
    text = "As before there is still a fairly small effusion seen on the left."
    assert all(sides(WORDS(phrase(text), Context(seed=seed)).text) == {"left"} for seed in range(10))
    assert {frozenset(sides(CLINICAL(phrase(text), Context(seed=seed)).text)) for seed in range(10)} == {
        frozenset(),
        frozenset({"left"}),
    }


def test_the_token_and_the_share_can_be_chosen():
    said = phrase("This was seen before and is seen again today.")
    new = word_masking(share=1.0)(said, Context(mask_token="<mask>"))
    assert new.text.count("<mask>") == len(spoken(said.text)) - 1
    assert clinical_masking(0.5)(phrase("Left effusion."), Context()).text in ("[MASK] effusion.", "Left [MASK].")


@pytest.mark.parametrize("share", [0.0, -1.0, 1.5, math.nan])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(PellucidError, match="share"):
        word_masking(share)(phrase("This is it."), Context())


def test_a_sentence_of_one_word_is_not_masked():
    assert CLINICAL(phrase("Effusion."), Context()) is None
    assert WORDS(phrase("Left effusion."), Context()) is None


@given(TEXTS, st.sampled_from(["[MASK]", "<mask>"]))
def test_the_mask_token_survives_cleaning(text, token):
    """Published code lower-cases and keeps letters only, so that its encoder reads the word "mask"."""
    new = CLINICAL(phrase(text), Context(mask_token=token))
    if new is not None:
        assert cleaned(new.text).count(token) == new.text.count(token) > 0


@pytest.mark.parametrize(
    ("report", "expected", "fragments", "enumerators"),
    [
        ("1. Left effusion. 2. Heart is\nnormal. End.", ("Left effusion.", "Heart is normal."), 1, 2),
        ("FINDINGS:\n\n- Small nodule\n- No effusion", ("Small nodule", "No effusion"), 1, 2),
        ("Nodule of 3.5 cm. Tube 2. 5 cm above.", ("Nodule of 3.5 cm.", "Tube 2.", "5 cm above."), 0, 0),
        ("A nodule in the left\nupper lobe. [MASK] effusion.", ("A nodule in the left upper lobe.", "[MASK] effusion."), 0, 0),
        ("Left effusion\n\nright nodule\r\nas before", ("Left effusion", "right nodule as before"), 0, 0),
        ("", (), 0, 0),
        ("...\n\n12.", (), 2, 0),
    ],
)
def test_a_report_is_cut_into_sentences_and_what_is_left_out_is_counted(report, expected, fragments, enumerators):
    split = sentences_of(report)
    assert (split.sentences, split.fragments, split.enumerators) == (expected, fragments, enumerators)


@given(st.text(alphabet="ab 1.\n-)L[", max_size=40))
def test_no_sentence_of_a_report_has_fewer_than_two_words_or_a_line_break(report):
    for sentence in sentences_of(report).sentences:
        assert len(spoken(sentence)) >= 2
        assert "\n" not in sentence
        assert cleaned(cleaned(sentence)) == cleaned(sentence)


@given(st.text(alphabet="ab.\n ", max_size=40))
def test_every_letter_of_a_report_without_fragments_is_kept(report):
    split = sentences_of(report)
    if not split.fragments:
        letters = [c for c in report if c.isalpha()]
        assert [c for c in " ".join(split.sentences) if c.isalpha()] == letters
