"""Plain sentences from what is known, and sentences of others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching
from sentences_said import phrase, phrases

from pellucid.case import Boxes, Phrase
from pellucid.rewording import REWORDINGS, Context, apart, plain_sentence
from pellucid.rewording.derangement import deranged
from pellucid.rewording.places import elsewhere

SYNTHETIC, SWAPPED = REWORDINGS["synthetic"], REWORDINGS["synthetic_swapped"]
DERANGEMENT, RANDOM = REWORDINGS["derangement"], REWORDINGS["random_sentence"]
REPORTS = st.lists(phrases(), min_size=1, max_size=7)


@pytest.mark.parametrize(
    ("regions", "conditions", "text"),
    [
        (["left lung"], [("pleural effusion", True)], "There is a pleural effusion in the left lung."),
        (["left lung"], [("atelectasis", True)], "There is atelectasis in the left lung."),
        (["left lung"], [("lung opacity", True)], "There is a lung opacity in the left lung."),
        (["left_lung", "right_lung"], [("pneumothorax", False)], "There is no pneumothorax in the lungs."),
        (["right lung base", "heart", "left lung base"], [("normal", True)], "The lung bases and the heart are normal."),
        (["left hilum", "right hilum"], [("abnormal", True)], "The hila are abnormal."),
        (["heart"], [("abnormal", False)], "The heart is normal."),
        (["right hilar structures"], [("normal", True)], "The right hilar structures are normal."),
        (["heart"], [("abnormal", True), ("nodules", True)], "The heart is abnormal, and there are nodules in the heart."),
        ([], [("pneumothorax", False)], "There is no pneumothorax."),
    ],
)
def test_a_plain_sentence_has_a_clause_for_each_condition(regions, conditions, text):
    assert plain_sentence(regions, tuple(conditions)) == text


def test_where_nothing_is_known_there_is_no_plain_sentence():
    assert SYNTHETIC(phrase("Clear.", "left lung"), Context()) is None
    assert SYNTHETIC(phrase("Clear.", normal=True), Context()) is None


def test_a_plain_sentence_says_the_same_of_the_same_regions():
    new = SYNTHETIC(phrase("Fluid on the left.", "left lung", pleural_effusion=True), Context())
    assert (new.text, new.regions, new.conditions) == ("There is a pleural effusion in the left lung.", None, None)


def test_a_swapped_condition_is_one_that_others_have_there_and_this_report_does_not_name():
    said = phrase("Left effusion.", "left lung", pleural_effusion=True)
    others = (
        phrase("Nodule.", "left lung", nodule=True),
        phrase("Fluid.", "left lung", pleural_effusion=True),
        phrase("Air.", "left lung", pneumothorax=True),
        phrase("No edema.", "left lung", edema=False),
        phrase("Mass.", "right lung", mass=True),
    )
    context = Context(siblings=(phrase("Right pneumothorax.", "right lung"),), others=others)
    new = SWAPPED(said, context)
    assert new.text == "There is a nodule in the left lung."
    assert (new.regions, new.conditions) == (None, (("nodule", True),))


def test_without_others_a_swapped_condition_is_usual_at_the_place():
    said = phrase("The heart is large.", "heart", cardiomegaly=True)
    drawn = {SWAPPED(said, Context(seed=seed)).text for seed in range(30)}
    assert drawn == {"There is pneumomediastinum in the heart.", "There is a pneumopericardium in the heart."}
    assert SWAPPED(phrase("No effusion.", "left lung", effusion=False), Context()) is None


def _every(report: list[Phrase], seed: int) -> list[str | None]:
    context = [Context((*report[:i], *report[i + 1 :]), seed=seed, case="c", index=i) for i in range(len(report))]
    return [new and new.text for new in (DERANGEMENT(said, at) for said, at in zip(report, context, strict=True))]


@given(REPORTS, st.integers(0, 9))
def test_a_shuffled_report_never_keeps_a_sentence_in_its_place(report, seed):
    given_ = deranged(report, np.random.default_rng(seed))
    taken = [other for other in given_ if other is not None]
    assert len(taken) == len(set(taken))
    for said, other in zip(report, given_, strict=True):
        assert other is None or (report[other].text.casefold() != said.text.casefold() and elsewhere(said, report[other]))


@given(REPORTS, st.integers(0, 9))
def test_as_many_sentences_change_places_as_can(report, seed):
    differ = [[a.text.casefold() != b.text.casefold() and elsewhere(a, b) for b in report] for a in report]
    most = (maximum_bipartite_matching(csr_array(np.array(differ, dtype=int)), perm_type="column") >= 0).sum()
    assert sum(other is not None for other in deranged(report, np.random.default_rng(seed))) == most


def test_a_permutation_would_keep_sentences_and_the_derangement_does_not():
    """Three sentences of three places: a random permutation leaves one in its place two times of three."""
    report = [phrase("One.", "left lung"), phrase("Two.", "right lung"), phrase("Three.", "heart")]
    kept = [np.any(np.random.default_rng(seed).permutation(3) == np.arange(3)) for seed in range(60)]
    assert 25 < sum(kept) < 55
    drawn = {tuple(_every(report, seed)) for seed in range(30)}
    assert drawn == {("Two.", "Three.", "One."), ("Three.", "One.", "Two.")}


def test_a_report_of_one_place_is_not_shuffled():
    assert _every([phrase("One.", "left lung"), phrase("Two.", "left lung")], 0) == [None, None]
    assert _every([phrase("One.", "left lung")], 0) == [None]


def test_boxes_tell_places_apart_where_no_region_is_named():
    left, right = (Phrase(text, Boxes(np.array([[x, 0.0, x + 1, 1.0]]))) for text, x in (("One.", 0.0), ("Two.", 5.0)))
    assert _every([left, right], 0) == ["Two.", "One."]


def test_a_sentence_from_elsewhere_brings_its_regions_and_conditions():
    other = phrase("Right nodule.", "right lung", nodule=True)
    new = DERANGEMENT(phrase("Left effusion.", "left lung", effusion=True), Context(siblings=(other,)))
    assert (new.text, new.regions, new.conditions) == ("Right nodule.", ("right lung",), (("nodule", True),))


@given(phrases(), st.lists(phrases(), max_size=6), st.integers(0, 9))
def test_a_random_sentence_never_speaks_of_the_same_region(said, others, seed):
    new = RANDOM(said, Context(others=tuple(others), seed=seed))
    fitting = [other for other in others if apart(said, other) and other.text.casefold() != said.text.casefold()]
    assert (new is None) == (not fitting)
    if new is not None:
        assert new.text in [other.text for other in fitting]
        assert set(new.regions).isdisjoint(said.regions)


def test_a_random_sentence_is_none_that_the_report_says_itself():
    others = (phrase("Nodule on the right.", "right lung"), phrase("RIGHT LUNG CLEAR.", "right lung"))
    context = Context(siblings=(phrase("Right lung clear.", "right lung"),), others=others)
    drawn = {RANDOM(phrase("Left effusion.", "left lung"), Context(context.siblings, others, seed)).text for seed in range(9)}
    assert drawn == {"Nodule on the right."}
