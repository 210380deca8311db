"""Boxes and laterality: where a map is to lie, and that marks lie where the image has them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from looking import at, costs, looking
from paired_images import Reports, absent, cost, image, lung, model, part, seen, some

from pellucid.case import Boxes, Case, Mask, Phrase
from pellucid.picture import Picture
from pellucid.predictor import ImageSide
from pellucid.predictors.image_text import PUBLISHED
from pellucid.training.objectives.pairs.boxes import dice
from pellucid.training.objectives.pairs.placing import area_of, covered, lungs_of, overlap

# Boxes


def whole_cells() -> Phrase:
    mask = np.zeros((32, 32), dtype=bool)
    mask[8:16, 16:32] = True  # cells 6 and 7
    return replace(seen("left"), mask=mask)


def test_a_map_that_is_the_mask_costs_nothing_and_any_other_more():
    case = image("a", whole_cells())
    found = {
        cells: costs("boxes", case, maps={"Left opacity.": (at(*cells), 0.0)}) for cells in ((6, 7), (6,), (5, 6, 7), (0,))
    }
    assert found[6, 7] == pytest.approx(0, abs=1e-4)
    assert found[6, 7] < found[6,] < found[0,]
    assert found[6, 7] < found[5, 6, 7] < found[0,]
    assert costs("boxes", case, maps={"Left opacity.": (at(6, 7), 0.5)}) == pytest.approx(np.log(2), abs=1e-3)


def test_the_published_loss_is_the_mass_inside_whatever_its_shape_and_the_null():
    case = image("a", whole_cells())
    assert costs("boxes(published=true)", case, maps={"Left opacity.": (at(6), 0.5)}) == pytest.approx(0, abs=1e-4)
    assert costs("boxes(published=true)", case, maps={"Left opacity.": (at(6, 0), 0.5)}) == pytest.approx(np.log(2), abs=1e-3)


def test_what_is_absent_goes_to_the_null_and_in_the_published_form_to_its_boxes():
    case, maps = image("a", absent()), {"No nodule.": (at(0), 0.4)}
    assert costs("boxes", case, maps=maps) == pytest.approx(-np.log(0.4), abs=1e-4)
    outside = float(covered(area_of(absent(), case), model().see(model().encode([case])), (32, 32))[0])
    assert costs("boxes(published=true)", case, maps=maps) == pytest.approx(-np.log(outside), abs=1e-3)


def test_of_a_model_without_a_null_what_is_absent_is_left_alone():
    found = cost(model(PUBLISHED), image("x", absent()), text="boxes", among=some())
    assert float(found.detach()) == 0


def test_boxes_outside_the_image_teach_nothing():
    lost = replace(seen("left"), mask=None, boxes=Boxes(np.array([[40.0, 2.0, 60.0, 9.0]])))
    assert costs("boxes", image("a", lost), maps={"Left opacity.": (at(0), 0.0)}) == 0


@given(st.integers(1, 40), st.integers(0, 50))
@settings(max_examples=20, deadline=None)
def test_few_shots_are_always_among_more_and_the_same_every_time(shots: int, seed: int):
    cases = Reports(20).cases
    made = [part(f"boxes(shots={n}, seed={seed})").helper(_NETWORK, cases).sentences for n in (shots, shots + 3, shots)]
    said = [phrase for case in cases for phrase in case.sentences]
    assert len(made[0]) == sum(min(shots, sum(phrase.absent == kind for phrase in said)) for kind in (True, False))
    assert made[0] == made[2] <= made[1]


_NETWORK = model()


def test_another_seed_chooses_other_sentences_and_order_does_not_matter():
    cases = Reports(20).cases
    first = part("boxes(shots=5)").helper(_NETWORK, cases).sentences
    assert part("boxes(shots=5)").helper(_NETWORK, cases[::-1]).sentences == first
    assert part("boxes(shots=5, seed=1)").helper(_NETWORK, cases).sentences != first


def test_few_sentences_with_a_place_count_as_much_as_many_of_what_is_absent():
    case, many = image("a", whole_cells()), [image(name, absent()) for name in "bcdefg"]
    maps = {"Left opacity.": (at(0), 0.2), "No nodule.": (at(0), 0.5)}
    placed = costs("boxes", case, maps=maps)
    assert costs("boxes", case, *many, maps=maps) == pytest.approx(placed + np.log(2), abs=1e-4)


@given(st.sampled_from([(32, 32), (64, 96), (48, 40), (33, 57)]), st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_image_and_mask_move_together(size: tuple[int, int], seed: int):
    """A mask is brought to the regions as if it were the image, for any size and place."""
    random = np.random.default_rng(seed)
    top, left = (int(random.integers(0, n - 8)) for n in size)
    mask = np.zeros(size, dtype=bool)
    mask[top : top + int(random.integers(4, 20)), left : left + int(random.integers(4, 20))] = True
    plain = Case("a", "a", {"image": Picture(mask.astype(np.float32)[..., None])}, frozenset())
    batch = _NETWORK.encode([plain])
    pixels = _NETWORK.pixels(batch)[0, 0] * 0.25 + 0.5
    images = _NETWORK.see(batch)
    assert images.grid == (4, 4)
    expected = pixels.unfold(0, 8, 8).unfold(1, 8, 8).mean((2, 3)).ravel()
    torch.testing.assert_close(covered(mask, images, (32, 32)).double(), expected.double(), atol=1e-5, rtol=0)


def test_regions_that_are_boxes_are_covered_by_their_share():
    boxes = torch.tensor([[0.0, 0, 8, 8], [4.0, 0, 12, 8], [20.0, 20, 30, 30]])
    images = ImageSide(torch.zeros(1, 3, 2), torch.zeros(1, 2), (4, 4), boxes)
    mask = np.zeros((64, 64), dtype=bool)
    mask[:16, :16] = True  # of an image twice as large as what the model reads
    assert covered(mask, images, (32, 32)).tolist() == pytest.approx([1.0, 0.5, 0.0])


def test_dice_is_that_of_sets_where_maps_are_sets():
    a, b = torch.tensor([1.0, 1, 0, 0]), torch.tensor([0.0, 1, 1, 1])
    assert float(dice(a / 7, b)) == pytest.approx(2 * 1 / (2 + 3))
    assert float(dice(torch.zeros(4), b)) == 0
    assert overlap(a.numpy() > 0, b.numpy() > 0) == 1 / 4
    assert overlap(np.zeros(3, dtype=bool), np.zeros(3, dtype=bool)) == 0


# Laterality

LEFT, RIGHT = (6, 7), (4, 5)  # cells of the picture's second row


def sides(**given) -> float:
    """The cost of an opacity on the left, with scores of the sentence and its twin and where they look."""
    scores = {"Left opacity.": given.get("fit", 10.0), "Right opacity.": 0.0}
    maps = {"Left opacity.": (at(*given.get("own", LEFT)), 0.0), "Right opacity.": given.get("twin", (at(*RIGHT), 0.0))}
    return costs("laterality", image("a", seen("left"), anatomy=given.get("anatomy", True)), maps=maps, scores=scores)


def test_maps_that_change_sides_with_the_sentence_cost_nothing():
    assert sides() == 0


def test_the_twin_may_look_at_nothing_and_the_sentence_may_not():
    assert sides(twin=(at(*LEFT), 1.0)) == 0
    assert sides(twin=(at(*LEFT), 0.0)) > 0.5
    maps = {"Left opacity.": (at(*LEFT), 1.0), "Right opacity.": (at(*RIGHT), 0.0)}
    scores = {"Left opacity.": 10.0}
    assert costs("laterality", image("a", seen("left")), maps=maps, scores=scores) == pytest.approx(0.5)


def test_a_map_on_the_wrong_lung_costs_more_than_one_on_neither():
    right, middle, wrong = (sides(own=cells) for cells in (LEFT, (12, 15), RIGHT))
    assert right < middle < wrong


def test_a_score_that_does_not_hear_the_side_costs_the_margin():
    assert sides(fit=0.0) == pytest.approx(2.0)
    assert sides(fit=1.5) == pytest.approx(0.5)
    assert sides(fit=-1.0) == pytest.approx(3.0)


def test_without_lungs_only_the_scores_are_held_to_it():
    assert sides(anatomy=False, own=RIGHT) == 0
    assert sides(anatomy=False, fit=0.0) == pytest.approx(2.0)
    found = part("laterality").inspect(model(), [image("a", seen("left")), image("b", seen("left"), anatomy=False)])
    assert (found["sentences"], found["with_lungs"]) == (2, 1)


def test_what_is_absent_on_one_side_is_told_from_its_twin_by_the_score_alone():
    case = image("a", absent("opacity", "left"), seen("right"))
    made = looking(
        {"No left opacity.": (at(*RIGHT), 0.0), "No right opacity.": (at(*RIGHT), 0.0), "Right opacity.": (at(*RIGHT), 0.0),
         "Left opacity.": (at(*LEFT), 0.0)},
        {"No left opacity.": 5.0, "Right opacity.": 5.0},
    )  # fmt: skip
    found = {float(cost(made, case, text="laterality").detach()) for _ in range(12)}
    assert found == {0.0}


def test_lungs_may_be_masks_or_boxes_and_both_are_needed():
    right, left = lung("right"), Boxes(np.array([[18.0, 4.0, 28.0, 28.0]]), "left lung")
    case = replace(image("a", seen("left")), anatomy=(right, left))
    found = lungs_of(case)
    assert found is not None
    assert np.array_equal(found[1], lung("left").mask)
    assert lungs_of(replace(case, anatomy=(right,))) is None
    assert lungs_of(replace(case, anatomy=(right, Mask(np.zeros((32, 32), dtype=bool), "left lung")))) is None
