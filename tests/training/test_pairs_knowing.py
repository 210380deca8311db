"""What is known of sentences and images: true, untrue, or neither; and twins of the other side."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from paired_images import LABELS, absent, clear, image, seen

from pellucid.case import Boxes, Case, Fixations, Phrase
from pellucid.training.objectives.pairs.knowing import denied, holds, known
from pellucid.training.objectives.pairs.twins import twin

KNOWN = frozenset(LABELS)
NOWHERE = Boxes(np.zeros((0, 4)))


def turned(case: Case, index: int = 0) -> str | None:
    found = twin(case, index)
    return None if found is None else found.phrase.text


def said(text: str, *conditions: tuple[str, bool], regions: tuple[str, ...] = ()) -> Phrase:
    return Phrase(text, NOWHERE, regions=regions, conditions=conditions)


def test_a_sentence_holds_where_the_same_is_said_of_the_same_place():
    assert holds(seen("left"), image("b", replace(seen("left"), text="Opacity on the left.")))
    assert not holds(seen("left"), image("b", seen("right")))
    assert not holds(seen("left"), image("b", absent()))


def test_an_absent_finding_holds_where_the_label_is_missing():
    assert holds(absent("nodule"), image("b", seen("left", "opacity")))
    assert not holds(absent("nodule"), image("b", seen("left", "nodule")))


def test_without_regions_the_sides_in_the_words_tell_places_apart():
    left, right = said("Left effusion.", ("effusion", True)), said("Right effusion.", ("effusion", True))
    assert holds(left, image("b", said("Effusion on the left.", ("effusion", True))))
    assert not holds(left, image("b", right))


def test_without_conditions_only_the_same_words_hold():
    assert holds(said("Stable."), image("b", said("Stable.")))
    assert not holds(said("Stable."), image("b", said("Unchanged.")))


def test_a_finding_is_denied_by_labels_that_know_it_or_by_the_report():
    assert denied(seen("left", "nodule"), image("b", seen("right", "opacity")), KNOWN)
    assert not denied(seen("left", "nodule"), image("b", seen("right", "nodule")), KNOWN)
    fracture = said("Left rib fracture.", ("fracture", True))
    assert not denied(fracture, image("b"), KNOWN), "nobody labels fractures here"
    assert denied(fracture, image("b", said("No left rib fracture.", ("fracture", False))), KNOWN)


def test_what_names_no_finding_is_never_denied():
    assert not denied(absent(), image("b"), KNOWN)
    assert not denied(clear("left"), image("b", seen("left")), KNOWN)
    assert not denied(said("Stable."), image("b"), KNOWN)


def test_a_clear_lung_is_not_abnormal():
    assert [phrase.abnormal for phrase in (seen("left"), absent(), clear("left"))] == [True, False, False]


def test_asking_for_many_pairs_is_asking_for_each():
    phrases = [seen("left"), absent(), seen("left"), clear("right"), said("Stable."), seen("right", "nodule")]
    cases = [image("a", seen("left")), image("b", absent(), clear("right")), image("c"), image("d", said("Stable."))]
    expected = [[holds(phrase, case) for phrase in phrases] for case in cases]
    assert known(holds, phrases, cases).tolist() == expected
    assert known(holds, [], cases).shape == (4, 0)


def test_a_sentence_of_one_side_has_a_twin_of_the_other():
    found = twin(image("a", seen("left")), 0)
    assert found is not None
    assert (found.phrase.text, found.phrase.regions, found.end) == ("Right opacity.", ("right lung",), "right")
    assert not found.phrase.groundable, "nobody said where a thing would be that is not there"


def test_nobody_looked_while_a_twin_was_spoken():
    found = twin(image("a", replace(seen("left"), gaze=Fixations(np.array([[4.0, 4, 0, 1]]), 2.0))), 0)
    assert found is not None
    assert found.phrase.gaze is None


@pytest.mark.parametrize(
    "other",
    [
        seen("right", top=18),
        said("Opacities in both lungs.", ("opacity", True)),
        said("Opacity has grown.", ("opacity", True)),
        said("Opacity at the base.", ("opacity", True), regions=("right lung", "right lower zone")),
    ],
)
def test_a_twin_that_holds_or_may_hold_is_none(other: Phrase):
    assert turned(image("a", seen("left"), other)) is None


def test_what_is_said_of_other_findings_or_of_the_same_side_leaves_the_twin_untrue():
    assert turned(image("a", seen("left"), seen("right", "nodule"), absent())) == "Right opacity."
    assert turned(image("a", seen("left"), seen("left", top=18))) == "Right opacity."


def test_sentences_of_no_side_of_both_or_of_nothing_known_have_no_twin():
    assert turned(image("a", absent())) is None
    assert turned(image("a", said("Bilateral opacities.", ("opacity", True)))) is None
    assert turned(image("a", said("Right middle lobe opacity.", ("opacity", True)))) is None
    assert turned(image("a", said("Left opacity."))) is None


def test_a_clear_lung_tells_nothing_of_the_other_unless_that_is_diseased():
    assert turned(image("a", clear("left"))) is None
    assert turned(image("a", clear("left"), absent())) is None
    assert turned(image("a", clear("left"), seen("right"))) == "The right lung is clear."


def test_what_is_absent_on_one_side_has_a_twin_where_the_other_has_it():
    assert turned(image("a", absent("opacity", "left"), seen("right"))) == "No right opacity."
    assert turned(image("a", absent("opacity", "left"))) is None
    assert turned(image("a", absent("opacity", "left"), seen("right", "nodule"))) is None
