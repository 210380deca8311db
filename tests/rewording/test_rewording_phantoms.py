"""Phantom reports as an oracle: their facts are known, and so is every wording of another fact."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from sentences_said import phrase

from pellucid.datasets.phantom.chest.wordings import Fact, wordings
from pellucid.rewording import REWORDINGS, Context, sides
from pellucid.rewording.levels import levels
from pellucid.rewording.lexicon import negated
from pellucid.rewording.vocabulary import looks

FOCAL, AROUND = ("nodule", "opacity"), ("effusion", "pneumothorax")
SIDED = [
    *(
        Fact(f, True, side, zone, size)
        for f, side, zone, size in product(FOCAL, ("left", "right"), ("upper", "middle", "lower"), (None, "small", "large"))
    ),
    *(Fact(f, there, side) for f, side, there in product(AROUND, ("left", "right"), (True, False))),
    *(Fact("normal", True, side) for side in ("left", "right")),
]
OTHER = {"left": "right", "right": "left", "upper": "lower", "lower": "upper", "small": "large", "large": "small"}
EVERYTHING = tuple(phrase(text) for fact in SIDED for text in wordings(fact))


def _reworded(name: str, text: str) -> str | None:
    new = REWORDINGS[name](phrase(text), Context(others=EVERYTHING))
    return new and new.text


@pytest.mark.parametrize("fact", SIDED, ids=str)
def test_every_wording_names_the_side_of_its_fact_and_swapped_is_a_wording_of_the_other(fact):
    for text in wordings(fact):
        assert sides(text) == {fact.side}
        assert _reworded("side_swap", text) in wordings(replace(fact, side=OTHER[fact.side]))


@pytest.mark.parametrize("fact", [fact for fact in SIDED if fact.zone], ids=str)
def test_every_wording_names_the_height_of_its_fact_and_moved_is_a_wording_of_another(fact):
    for text in wordings(fact):
        assert levels(text) == {fact.zone}
        moved = _reworded("level_swap", text)
        assert moved in wordings(replace(fact, zone=OTHER[fact.zone])) if fact.zone != "middle" else moved is None
        away = replace(fact, zone=OTHER.get(fact.zone, "upper"), side=OTHER[fact.side])
        assert _reworded("location_swap", text) in wordings(away)


@pytest.mark.parametrize("fact", [fact for fact in SIDED if fact.severity], ids=str)
def test_another_size_is_a_wording_of_that_size(fact):
    for text in wordings(fact):
        assert _reworded("severity", text) in wordings(replace(fact, severity=OTHER[fact.severity]))


@pytest.mark.parametrize("fact", [fact for fact in SIDED if fact.finding in AROUND], ids=str)
def test_every_wording_is_denied_where_its_fact_is_and_turns(fact):
    for text in wordings(fact):
        assert negated(text) is not fact.present
        turned = _reworded("negation", text)
        assert turned is not None
        assert negated(turned) is fact.present


@pytest.mark.parametrize("fact", [fact for fact in SIDED if fact.present and fact.finding != "normal"], ids=str)
def test_another_finding_is_in_the_words_of_other_reports_and_looks_otherwise(fact):
    known = {word for said in EVERYTHING for word in said.text.lower().rstrip(".").split()}
    for text in wordings(fact):
        new = _reworded("finding_swap", text)
        assert looks(new).isdisjoint(looks(text))
        assert set(new.lower().rstrip(".").split()) <= known


@pytest.mark.parametrize("fact", SIDED, ids=str)
def test_a_paraphrase_says_the_same_fact(fact):
    for text in wordings(fact):
        new = _reworded("paraphrase", text)
        if new is not None:
            assert (sides(new), levels(new), negated(new)) == (sides(text), levels(text), negated(text))
            assert looks(new) == looks(text)
