"""Colour covers an image in proportion to the score, and outlines run along what is marked."""

from __future__ import annotations

import numpy as np
import pytest

from pellucid.errors import DataError
from pellucid.overlay import AGAINST, CAUSE, FOR, MARKED, STRONGEST, data_url, overlay, slice_of

GREY = np.full((4, 6, 1), 0.5)


def test_an_image_without_an_explanation_is_itself_enlarged() -> None:
    picture = overlay(GREY)
    assert picture.shape == (224, 336, 3)
    assert (picture == 128).all()


@pytest.mark.parametrize(("size", "shown"), [((4, 2000), (8, 4000)), ((5000, 2), (5000, 2)), ((1, 1), (224, 224))])
def test_a_narrow_image_is_enlarged_no_further_than_a_page_can_hold(size: tuple[int, int], shown: tuple[int, int]) -> None:
    picture = overlay(np.zeros((*size, 1)), np.ones(size))
    assert picture.shape == (*shown, 3)
    assert data_url(picture).startswith("data:image/jpeg;base64,/9j/")


def test_the_strongest_score_is_covered_most_and_the_sign_has_a_colour() -> None:
    scores = np.zeros((4, 6))
    scores[0, 0], scores[3, 5], scores[0, 5] = 2.0, -1.0, 1.0
    picture = overlay(GREY, scores).astype(float)
    np.testing.assert_allclose(picture[0, 0], 127.5 * (1 - STRONGEST) + STRONGEST * np.array(FOR), atol=1)
    half = STRONGEST / 2
    np.testing.assert_allclose(picture[-1, -1], 127.5 * (1 - half) + half * np.array(AGAINST), atol=1)
    np.testing.assert_allclose(picture[0, -1], 127.5 * (1 - half) + half * np.array(FOR), atol=1)
    assert (picture[100, 100] == 128).all()


def test_a_map_of_zeros_or_of_another_scale_changes_nothing() -> None:
    scores = np.random.default_rng(0).normal(size=(4, 6))
    np.testing.assert_array_equal(overlay(GREY, np.zeros((4, 6))), overlay(GREY))
    np.testing.assert_array_equal(overlay(GREY, 1e-9 * scores), overlay(GREY, scores))


def test_outlines_lie_inside_what_is_marked() -> None:
    marked = np.zeros((4, 6), dtype=bool)
    marked[1:3, 1:4] = True
    picture = overlay(GREY, None, marked, None)
    green = (picture == MARKED).all(-1)
    assert green.any()
    inside = np.repeat(np.repeat(marked, 56, 0), 56, 1)
    assert not (green & ~inside).any()
    assert not green[84 + 28, 56 + 28]  # the middle stays as it is
    assert (overlay(GREY, None, None, marked) == CAUSE).all(-1).any()


def test_layers_of_another_size_are_refused() -> None:
    with pytest.raises(DataError, match="The mark is 2 x 2 and the image 4 x 6"):
        overlay(GREY, None, np.ones((2, 2), dtype=bool))


def test_the_strongest_slice_of_a_volume_is_shown() -> None:
    scores = np.zeros((3, 2, 2))
    scores[2, 0, 0] = -1
    assert slice_of(scores) == 2
    assert slice_of(scores[0]) is None


def test_a_picture_has_an_address() -> None:
    assert data_url(overlay(GREY)).startswith("data:image/jpeg;base64,/9j/")
