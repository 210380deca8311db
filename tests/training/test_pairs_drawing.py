"""Drawing of pairs: one sentence an image, shared by a sum; words hidden behind a token that reaches the encoder."""

from __future__ import annotations

import math
import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from paired_images import Reports, absent, image, model, seen, some, step

from pellucid.predictors.image_text.texts import Tokens
from pellucid.training.objectives import objective
from pellucid.training.objectives.pairs.drawing import drawn, hidden, pairs_of

TOKEN = "[MASK]"
TEXT = "There is a small left pleural effusion at the base."


@given(st.integers(2, 12), st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_random_sentences_are_a_rotation_without_a_fixed_point(n: int, seed: int):
    cases = Reports(n).cases
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        made = step(_NETWORK, *cases)
        rows, true = drawn(made, "all")
        moved, said = drawn(made, "random")
    assert moved.tolist() == rows.tolist() == list(range(n))
    assert all(a is not b for a, b in zip(true, said, strict=True))
    assert {id(phrase) for phrase in said} == {id(phrase) for phrase in true}


_NETWORK = model()


def test_of_one_sentence_there_is_no_random_one():
    rows, said = drawn(step(_NETWORK, image("a", seen("left")), image("b")), "random")
    assert (rows.tolist(), said) == ([], ())


def test_cases_without_a_sentence_are_left_out():
    rows, said = drawn(step(_NETWORK, image("a"), image("b", seen("left")), image("c", absent())), "all")
    assert rows.tolist() == [1, 2]
    assert [phrase.text for phrase in said] == ["Left opacity.", "No nodule."]


def test_every_sentence_of_a_report_is_drawn_some_time():
    case = image("a", seen("left"), absent(), seen("right", "nodule"))
    found = {drawn(step(_NETWORK, case), "all")[1][0].text for _ in range(60)}
    assert found == {"Left opacity.", "No nodule.", "Right nodule."}


def test_what_a_sum_asks_for_twice_is_read_and_seen_once():
    network, cases = model(), Reports(8).cases
    total = objective("contrastive + optout + divergence(published=true) + attention_entropy + boxes + laterality + divergence")
    made = step(network, *cases, text="boxes")
    network.cost.images = network.cost.sentences = 0
    total(made)
    assert network.cost.images == 8
    pairs, sided, marked, two = 8, 2 * 8, 8, 2 * len([c for c in cases if sum(not p.absent for p in c.sentences) > 1])
    learnt = len(made.batch.memo["drawn", "of one side"][1])
    assert network.cost.sentences == pairs + 2 * learnt + marked + two
    assert 2 * learnt <= sided


def test_objectives_of_a_sum_share_what_is_drawn():
    made = step(_NETWORK, *Reports(8).cases)
    assert pairs_of(made) is pairs_of(made)
    masked = pairs_of(made, masked=0.3)
    assert masked is not pairs_of(made)
    assert masked is not None
    assert masked.phrases == pairs_of(made).phrases


@given(st.floats(0.01, 0.99), st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_so_many_words_are_hidden_as_was_published(share: float, seed: int):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        found = hidden(TEXT, TOKEN, words=share)
    n = 10
    assert found.count(TOKEN) == min(max(1, math.floor(share * n)), n - 1)
    assert re.sub(r"[^.]*", "", found) == "."


def test_clinical_words_are_hidden_and_no_others():
    found = {hidden(TEXT, TOKEN, clinical=0.5) for _ in range(30)}
    assert len(found) > 1
    for text in found:
        assert text.startswith("There is a ")
        assert text.count(TOKEN) == 2  # of left, pleural, effusion and base


def test_nothing_is_hidden_where_nobody_asks_and_of_a_single_word():
    assert hidden(TEXT, TOKEN) == TEXT
    assert hidden("Cardiomegaly.", TOKEN, words=0.9, clinical=0.9) == "Cardiomegaly."


def test_the_mask_reaches_the_encoder_as_its_own_token():
    """Not as the word "mask", to which the published cleaning of sentences turned it."""
    tokenizer = _NETWORK.module.tokenizer
    made = step(_NETWORK, *some())
    pairs = pairs_of(made, masked=0.5)
    assert pairs is not None
    masks = (Tokens(pairs.texts.texts, tokenizer).ids == tokenizer.mask_token_id).sum(1)
    assert masks.tolist() == [1, 1, 1, 1]
    assert [phrase.text for phrase in pairs.phrases] == [case.sentences[0].text for case in some()]


def test_draws_come_from_the_generator_that_the_loop_keeps():
    def said(seed: int) -> list[str]:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            pairs = pairs_of(step(_NETWORK, *Reports(8).cases), masked=0.4)
        assert pairs is not None
        return list(pairs.texts.texts)

    assert said(3) == said(3)
    assert said(3) != said(4)


@pytest.mark.parametrize("share", ["masked", "clinical"])
def test_hidden_words_do_not_change_what_a_sentence_is_about(share: str):
    made = step(_NETWORK, image("a", seen("left")), image("b", seen("right")))
    pairs = pairs_of(made, **{share: 0.5})
    assert pairs is not None
    assert [phrase.regions for phrase in pairs.phrases] == [("left lung",), ("right lung",)]
