"""Left and right: what names a side, what does not, and that swapping twice gives the sentence back."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from sentences_said import TEXTS, phrase, phrases

from pellucid.rewording import REWORDINGS, Context, named_side, side_of_regions, sides, swapped, swapped_regions

SWAP = REWORDINGS["side_swap"]


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("Left effusion.", "Right effusion."),
        ("LEFT EFFUSION", "RIGHT EFFUSION"),
        ("Small right-sided effusion", "Small left-sided effusion"),
        ("Opacity of the left-middle lung zone", "Opacity of the right-middle lung zone"),
        ("Left pneumothorax with rightward shift.", "Right pneumothorax with leftward shift."),
        ("LLL collapse, LUL clear", "RLL collapse, RUL clear"),
        ("Opacity in the RUZ; RIJ line", "Opacity in the LUZ; LIJ line"),
        ("L pleural effusion", "R pleural effusion"),
        ("Rt. lower zone opacity", "Lt. lower zone opacity"),
        ("Effusion on the R.", "Effusion on the L."),
        (
            "L effusion, given 2 L of oxygen, L1 fracture, R/O pneumonia",
            "R effusion, given 2 L of oxygen, L1 fracture, R/O pneumonia",
        ),
        (
            "Bright film, upright; all right: left effusion, seen right away",
            "Bright film, upright; all right: right effusion, seen right away",
        ),
        ("The tube was left in place; right effusion", "The tube was left in place; left effusion"),
        ("Opacity on the right above the diaphragm", "Opacity on the left above the diaphragm"),
        ("Opacity in the left upper, middle zone", "Opacity in the right upper, middle zone"),
        ("[MASK] of the left lung", "[MASK] of the right lung"),
        ("Left pneumothorax, mediastinum shifted to the right", "Right pneumothorax, mediastinum shifted to the left"),
        ("Left pacemaker, leads in the right atrium and ventricle", "Right pacemaker, leads in the right atrium and ventricle"),
        ("Right effusion on a left lateral decubitus view", "Left effusion on a left lateral decubitus view"),
    ],
)
def test_the_side_is_swapped_and_nothing_else(text, other):
    assert swapped(text) == other
    assert swapped(other) == text
    assert SWAP(phrase(text), Context()).text == other


@pytest.mark.parametrize(
    "text",
    [
        *(
            "Clear.",
            "",
            "Bright upright leftover.",
            "All right.",
            "Come right away.",
            "Tube left in place.",
            "He left the hospital.",
        ),
        *(
            "5 L of pleural fluid",
            "L-spine",
            "R. Smith",
            "WBC with left shift",
            "Right-handed",
            "Rightward shift of the trachea",
            "The trachea is deviated to the left",
            "The patient is rotated towards the right",
            "Left ventricular enlargement",
            "Right heart failure",
        ),
        *("Both the nodule and the mass", "bileft", "right2", "lEFT effusion"),
    ],
)
def test_what_names_no_side_is_not_swapped(text):
    assert sides(text) == frozenset()
    assert SWAP(phrase(text), Context()) is None


@pytest.mark.parametrize(
    "text",
    [
        *("Bilateral effusions", "Both lungs", "both lower lobes", "Bibasilar atelectasis", "Left greater than right effusion"),
        *("Right-greater-than-left effusions", "Effusions, left larger than right"),
        *("R>L effusions", "LLL and RLL opacities", "Left middle lobe", "Left effusion and RML opacity"),
    ],
)
def test_a_sentence_that_names_both_sides_is_refused(text):
    assert sides(text) == {"left", "right"}
    assert named_side(phrase(text)) is None
    assert SWAP(phrase(text), Context()) is None


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("RML opacity", "right"),
        ("Opacity of the right middle lobe", "right"),
        ("In the right upper, middle and lower  lobes", "right"),
        ("Lingular opacity", "left"),
        ("Right opacity with bulging of the horizontal fissure", "right"),
        ("Right-sided aortic arch", "right"),
        ("Dextrocardia, the heart on the right", "right"),
        ("Stomach bubble below the left diaphragm", "left"),
    ],
)
def test_what_lies_on_one_side_only_names_it_and_has_no_twin(text, side):
    assert named_side(phrase(text)) == side
    assert SWAP(phrase(text), Context()) is None


def test_the_word_bright_never_becomes_bleft():
    """Substrings swapped in lower case, as in published code, give "bleft" and "upleft"."""
    text = "Bright spot, upright film, leftover barium: right effusion"
    naive = text.lower().replace("left", "*").replace("right", "left").replace("*", "right")
    assert "bleft" in naive
    assert "rightover" in naive
    assert swapped(text) == "Bright spot, upright film, leftover barium: left effusion"


@given(TEXTS)
def test_swapping_twice_is_the_identity(text):
    other = swapped(text)
    if other is not None:
        assert other != text
        assert swapped(other) == text
        assert sides(other) | sides(text) == {"left", "right"}
        assert sides(other) & sides(text) == set()


@given(phrases())
def test_regions_are_swapped_along_and_back(said):
    new = SWAP(said, Context())
    if new is not None and said.regions:
        assert swapped_regions(new.regions) == said.regions
        assert side_of_regions(new.regions) is None or side_of_regions(new.regions) != side_of_regions(said.regions)


def test_regions_without_a_side_stay_and_one_without_a_twin_refuses():
    assert SWAP(phrase("Left effusion", "left_lung", "mediastinum"), Context()).regions == ("right_lung", "mediastinum")
    assert SWAP(phrase("Right opacity", "right middle lobe"), Context()) is None
    assert SWAP(phrase("Left effusion"), Context()).regions is None


def test_the_side_of_a_sentence_is_its_own_and_that_of_regions_is_asked_for():
    said = phrase("Consolidation.", "left_lung", "left lower lung zone", "heart")
    assert named_side(said) is None
    assert side_of_regions(said.regions) == "left"
    assert side_of_regions(["left lung", "right lung"]) is None
    assert side_of_regions([]) is None


@pytest.mark.data
def test_the_sides_of_real_sentences_are_those_that_people_saw(data_root: Path):
    with (data_root / "multimodal_covid_cxr/nc_sa/laterality_pairs.csv").open(encoding="utf-8", newline="") as file:
        kept = [row for row in csv.DictReader(file) if row["status"] == "keep"]
    assert len(kept) == 63
    assert all(sides(row["sentence"]) == {row["side"]} for row in kept)
    others = [swapped(row["sentence"]) for row in kept]
    assert sum(other is None for other in others) <= 10  # middle lobe, lingula and horizontal fissure
    assert all(other is None or sides(other).isdisjoint({row["side"]}) for other, row in zip(others, kept, strict=True))
