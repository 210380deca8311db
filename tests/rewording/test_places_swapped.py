"""Other heights, other places."""

from __future__ import annotations

import pytest
from hypothesis import given
from sentences_said import TEXTS, phrase

from pellucid.rewording import REWORDINGS, Context, apart, sides
from pellucid.rewording.levels import levels

LEVEL, LOCATION = REWORDINGS["level_swap"], REWORDINGS["location_swap"]


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("Left upper lobe nodule.", "Left lower lobe nodule."),
        ("Apical pneumothorax", "Basal pneumothorax"),
        ("Opacity at the right base", "Opacity at the right apex"),
        ("Bibasilar atelectasis", "Biapical atelectasis"),
        ("Effusion, inferiorly", "Effusion, superiorly"),
        ("LLL and RLZ opacities", "LUL and RUZ opacities"),
        ("An upper lobe opacity", "A lower lobe opacity"),
        ("Lower lung volumes; opacity in the UPPER zone", "Lower lung volumes; opacity in the LOWER zone"),
        ("Line in the superior vena cava, basal opacity", "Line in the superior vena cava, apical opacity"),
    ],
)
def test_upper_and_lower_are_exchanged(text, other):
    assert LEVEL(phrase(text), Context()).text == other


@pytest.mark.parametrize(
    "text",
    [
        *("Left lung opacity", "Upper and lower zones", "Line in the superior vena cava", "Cardiac apex", "At baseline"),
        *("Apical segment of the lower lobe", "Left basal opacity with a blunt costophrenic angle", "Upper abdomen"),
        *("Right upper lobe opacity above the horizontal fissure", "Left upper lobe opacity in the lingula"),
        *("Right middle and lower lobe opacities", "Opacity in the mid-to-lower zone"),
    ],
)
def test_a_sentence_of_no_height_or_of_several_is_left_alone(text):
    assert LEVEL(phrase(text), Context()) is None


def test_regions_move_with_the_height():
    new = LEVEL(phrase("Left upper zone opacity", "left lung", "left_upper_lung_zone"), Context())
    assert new.regions == ("left lung", "left_lower_lung_zone")


@given(TEXTS)
def test_another_height_never_changes_the_side_and_never_keeps_the_height(text):
    new = LEVEL(phrase(text), Context())
    if new is not None:
        assert sides(new.text) == sides(text)
        assert not levels(new.text) & levels(text)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("Left lower lobe opacity", "Right upper lobe opacity"),
        ("LLL opacity", "RUL opacity"),
        ("Opacity in the right midzone", "Opacity in the left upper zone"),
        ("Left retrocardiac opacity", "Right apical opacity"),
        ("Opacities at the bases", "Opacities at the apices"),
    ],
)
def test_the_same_finding_moves_to_another_height_on_the_other_side(text, other):
    new = LOCATION(phrase(text), Context())
    assert new.text == other
    assert apart(phrase(text), phrase(other))


@pytest.mark.parametrize(
    "text", ["Left effusion", "Right middle lobe opacity", "Bibasilar opacity", "Left upper and mid zone", "Clear."]
)
def test_what_has_no_one_other_place_does_not_move(text):
    assert LOCATION(phrase(text), Context()) is None


def test_regions_move_too_and_a_sentence_whose_regions_cannot_move_is_left_alone():
    new = LOCATION(phrase("Left basal opacity", "left lung", "left lower lung zone"), Context())
    assert new.regions == ("right lung", "right upper lung zone")
    assert LOCATION(phrase("Left basal opacity", "cardiac silhouette"), Context()) is None


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("left lung", "right lung", True),
        ("left lung", "left lower lung zone", False),
        ("left lower lung zone", "left upper lung zone", True),
        ("lungs", "right_lung", False),
        ("left lung", "cardiac silhouette", True),
        ("left costophrenic angle", "left apical zone", True),
        ("right lung", "right clavicle", False),
        ("left lung", "right clavicle", True),
        ("rib fracture", "heart", False),
        ("retrocardiac opacity", "heart", False),
        ("heart", "mediastinum", False),
        ("left lung", "unspecified", False),
        ("right hilar structures", "right lung", False),
    ],
)
def test_places_are_apart_only_where_their_words_leave_no_doubt(one, other, expected):
    assert apart(phrase(one, one), phrase(other, other)) is expected
    assert apart(phrase(other, other), phrase(one, one)) is expected


def test_a_sentence_counts_beside_its_regions():
    assert not apart(phrase("Opacity of the left lung", "right lung"), phrase("Left lung nodule", "left lung"))
