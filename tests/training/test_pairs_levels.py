"""Level: upper against lower, as laterality holds left against right."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from looking import at, costs
from paired_images import Reports, image, lung, model, part, seen, zoned

from pellucid.case import Boxes, Case, Phrase
from pellucid.rewording.levels import levels
from pellucid.training import Recipe, train
from pellucid.training.objectives.pairs.level import Level
from pellucid.training.objectives.pairs.placing import halves
from pellucid.training.objectives.pairs.twins import LEVELS, twin

HIGH, LOW, OTHER = (6, 7), (10, 11), (4, 5)  # cells of the left lung, and of the right one beside the first
SAID, SWAPPED = "Left upper zone opacity.", "Left lower zone opacity."


def said(text: str, *conditions: tuple[str, bool], regions: tuple[str, ...] = ()) -> Phrase:
    return Phrase(text, Boxes(np.zeros((0, 4))), regions=regions, conditions=conditions)


def turned(*sentences: Phrase) -> str | None:
    found = twin(image("a", *sentences), 0, LEVELS)
    return None if found is None else found.phrase.text


def heights(**given) -> float:
    """The cost of an opacity high on the left, with scores of the sentence and its twin and where they look."""
    maps = {SAID: (at(*given.get("own", HIGH)), 0.0), SWAPPED: given.get("twin", (at(*LOW), 0.0))}
    case = image("a", zoned(), anatomy=given.get("anatomy", True))
    return costs("level", case, maps=maps, scores={SAID: given.get("fit", 10.0), SWAPPED: 0.0})


# Twins


def test_a_sentence_of_one_level_has_a_twin_of_the_other():
    found = twin(image("a", zoned()), 0, LEVELS)
    assert found is not None
    assert (found.phrase.text, found.phrase.regions, found.end) == (SWAPPED, ("left lung", "left lower zone"), "lower")
    assert not found.phrase.groundable


@pytest.mark.parametrize(
    "text",
    [
        "Left middle zone opacity.",
        "Left mid and lower zone opacity.",
        "Opacity in the upper and lower zones.",
        "Left opacity.",
        "Opacity beside the superior vena cava.",
    ],
)
def test_the_middle_several_levels_and_none_have_no_twin(text: str):
    assert turned(said(text, ("opacity", True))) is None


@pytest.mark.parametrize(
    "other",
    [zoned(level="lower"), seen("left"), said("Basal opacities.", ("opacity", True)), said("Opacity.", ("opacity", True))],
)
def test_a_twin_that_the_report_says_or_leaves_open_is_none(other: Phrase):
    assert turned(zoned(), other) is None


def test_what_lies_on_the_other_side_or_is_another_finding_leaves_the_twin_untrue():
    for other in (zoned("right", "lower"), seen("right"), zoned(level="lower", finding="nodule"), zoned()):
        assert turned(zoned(), other) == SWAPPED


def test_what_is_absent_at_one_level_has_a_twin_where_the_other_has_it():
    nothing = said("No left upper zone opacity.", ("opacity", False), regions=("left upper zone",))
    assert turned(nothing, zoned(level="lower")) == "No left lower zone opacity."
    assert turned(nothing, zoned("right", "lower")) is None
    assert turned(nothing) is None


@given(st.sampled_from(("left", "right")), st.sampled_from(("upper", "lower")), st.sampled_from(("opacity", "nodule")))
@settings(max_examples=8, deadline=None)
def test_the_twin_of_a_twin_is_the_sentence(side: str, level: str, finding: str):
    one = zoned(side, level, finding)
    found = twin(image("a", one), 0, LEVELS)
    assert found is not None
    assert turned(found.phrase) == one.text
    assert levels(found.phrase.text) == {found.end} != levels(one.text)


# Places


@given(st.integers(0, 10), st.integers(1, 20), st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_the_halves_of_a_lung_are_all_of_it_and_the_upper_one_lies_above(top: int, height: int, seed: int):
    mask = np.zeros((32, 12), dtype=bool)
    mask[top : top + height] = np.random.default_rng(seed).random((height, 12)) < 0.6
    mask[[top, top + height - 1], 0] = True
    upper, lower = halves(mask)
    assert np.array_equal(upper ^ lower, mask)
    assert np.flatnonzero(upper.any(1)).max(initial=-1) < np.flatnonzero(lower.any(1)).min()
    assert upper.any() == (height > 1)


def test_the_halves_are_those_of_the_named_lung_and_of_both_where_none_is_named():
    lungs = (lung("right").mask, lung("left").mask)
    one = Level().ends(zoned(), lungs)
    assert np.array_equal(one["upper"] | one["lower"], lungs[1])
    both = Level().ends(said("Upper zone opacity.", ("opacity", True)), lungs)
    assert np.array_equal(both["upper"] | both["lower"], lungs[0] | lungs[1])
    assert not both["upper"][16:].any()
    assert both["upper"][4:16].any(1).all()


def test_lungs_of_different_height_are_halved_each_by_its_own():
    short = np.zeros((32, 32), dtype=bool)
    short[20:28, 4:14] = True
    found = Level().ends(said("Upper zone opacity.", ("opacity", True)), (short, lung("left").mask))
    assert np.flatnonzero(found["upper"][:, :16].any(1)).tolist() == [20, 21, 22, 23]


# Cost


def test_maps_that_move_down_with_the_sentence_cost_nothing():
    assert heights() == 0


def test_the_twin_may_look_at_nothing_or_elsewhere_and_the_sentence_may_not():
    assert heights(twin=(at(*HIGH), 1.0)) == 0
    assert heights(twin=(at(*HIGH), 0.0)) > 0.5
    assert heights(own=OTHER) == pytest.approx(0.5), "the upper half of the other lung is not where it says"


def test_a_map_at_the_wrong_level_costs_more_than_one_at_neither():
    right, outside, wrong = (heights(own=cells) for cells in (HIGH, (12, 15, 0, 3), LOW))
    assert right < outside < wrong


def test_a_score_that_does_not_hear_the_level_costs_the_margin():
    assert heights(fit=0.0) == pytest.approx(2.0)
    assert heights(fit=1.5) == pytest.approx(0.5)


def test_without_lungs_only_the_scores_are_held_to_it():
    assert heights(anatomy=False, own=LOW) == 0
    found = part("level").inspect(model(), [image("a", zoned()), image("b", zoned(), anatomy=False), image("c", seen("left"))])
    assert (found["sentences"], found["with_lungs"]) == (2, 2)


# Learning


class Zones(Reports):
    """The same images, of which each says at which height its finding lies."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.cases = [self._zoned(i) for i in range(self.n)]

    def _zoned(self, i: int) -> Case:
        return image(f"z{i}", zoned(("left", "right")[i % 2], ("upper", "lower")[i // 2 % 2]))


def test_upper_and_lower_are_learnt(tmp_path):
    recipe = Recipe(model="image_text", objective="contrastive + 2 * level", epochs=12, batch_size=16, patience=12)
    made = train(Zones(60), recipe, tmp_path / "m")
    cases = Zones(60).split("validation")
    right = []
    for case in cases:
        own, other = case.sentences[0].text, twin(case, 0, LEVELS)
        assert other is not None
        asked = made.ask([own, other.phrase.text])
        fits = asked.probabilities(asked.encode([case]))[0]
        right.append(fits[0] > fits[1])
    assert np.mean(right) > 0.8
