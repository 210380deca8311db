from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pellucid.case import Boxes
from pellucid.errors import DataError
from pellucid.imaging import resized, resized_boxes, resized_mask
from pellucid.picture import Picture
from pellucid.units import PixelUnits

sides = st.integers(1, 12)
pixels = arrays(np.float32, st.tuples(sides, sides, st.just(1)), elements=st.floats(0, 1, width=32))


def averaged(values: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Area averages the naive way: repeat every pixel as often as there are new ones, then average blocks."""
    for axis, wanted in enumerate(size):
        given_ = values.shape[axis]
        fine = np.moveaxis(np.repeat(values.astype(np.float64), wanted, axis=axis), axis, 0)
        values = np.moveaxis(fine.reshape(wanted, given_, *fine.shape[1:]).mean(axis=1), 0, axis)
    return values


def shrunk(data: st.DataObject, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(data.draw(st.integers(1, side)) for side in shape)


@given(pixels, st.data())
def test_shrinking_averages_the_area_of_each_new_pixel(given_: np.ndarray, data: st.DataObject) -> None:
    size = shrunk(data, given_.shape[:-1])
    np.testing.assert_allclose(resized(Picture(given_), size).pixels, averaged(given_, size), atol=1e-6)


@given(pixels, st.data())
def test_shrinking_keeps_the_mean(given_: np.ndarray, data: st.DataObject) -> None:
    small = resized(Picture(given_), shrunk(data, given_.shape[:-1]))
    assert small.pixels.mean(dtype=np.float64) == pytest.approx(given_.mean(dtype=np.float64), abs=1e-6)


@given(st.floats(0, 1, width=32), st.tuples(sides, sides), st.tuples(sides, sides))
def test_a_constant_stays_constant(value: float, before: tuple[int, int], after: tuple[int, int]) -> None:
    flat = Picture(np.full((*before, 3), value, dtype=np.float32))
    np.testing.assert_allclose(resized(flat, after).pixels, np.full((*after, 3), value), atol=1e-6)


@given(pixels, st.integers(1, 3), st.integers(1, 3))
def test_growing_agrees_with_bilinear_interpolation_of_torch(given_: np.ndarray, down: int, across: int) -> None:
    size = (given_.shape[0] * down + down // 2, given_.shape[1] * across)
    expected = torch.nn.functional.interpolate(torch.from_numpy(given_[None, None, ..., 0]), size, mode="bilinear")
    np.testing.assert_allclose(resized(Picture(given_), size).pixels[..., 0], expected[0, 0].numpy(), atol=1e-5)


def test_volumes_shrink_as_in_torch() -> None:
    volume = np.random.default_rng(0).random((4, 6, 8, 1), dtype=np.float32)
    expected = torch.nn.functional.interpolate(torch.from_numpy(volume[None, None, ..., 0]), (2, 3, 2), mode="area")
    picture = resized(Picture(volume, (3.0, 1.0, 0.5)), (2, 3, 2))
    np.testing.assert_allclose(picture.pixels[..., 0], expected[0, 0].numpy(), atol=1e-6)
    assert picture.spacing == (6, 2, 2)


def test_stripes_finer_than_the_new_pixels_become_grey() -> None:
    stripes = np.tile(np.array([0, 255], dtype=np.uint8), (64, 32))[..., None]
    np.testing.assert_allclose(resized(Picture(stripes), (16, 16)).pixels, 0.5, atol=1e-6)


def test_a_picture_of_integers_becomes_floats_in_its_own_size() -> None:
    picture = Picture(np.arange(6, dtype=np.uint16).reshape(2, 3, 1) * 10_000)
    same = resized(picture, (2, 3))
    np.testing.assert_array_equal(same.pixels, picture.unit())
    assert same.spacing is None


@given(arrays(bool, st.tuples(sides, sides)), st.data())
def test_a_mask_keeps_what_it_covers_by_half(mask: np.ndarray, data: st.DataObject) -> None:
    size = shrunk(data, mask.shape)
    covered = averaged(mask, size)
    away = np.abs(covered - 0.5) > 1e-6
    small = resized_mask(mask, size)
    assert small.dtype == bool
    np.testing.assert_array_equal(small[away], covered[away] > 0.5)


@given(arrays(bool, st.tuples(sides, sides)), st.integers(1, 4), st.integers(1, 4))
def test_a_mask_that_grew_shrinks_to_itself(mask: np.ndarray, down: int, across: int) -> None:
    grown = resized_mask(mask, (mask.shape[0] * down, mask.shape[1] * across))
    np.testing.assert_array_equal(grown, np.kron(mask, np.ones((down, across))).astype(bool))
    np.testing.assert_array_equal(resized_mask(grown, mask.shape), mask)


def test_exactly_half_is_covered() -> None:
    for n in (2, 6, 14, 22):
        assert resized_mask(np.arange(n) < n // 2, (1,)).all()


@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 5), st.integers(0, 5), st.integers(1, 5), st.integers(1, 5))
def test_a_box_and_its_mask_go_to_the_same_place(down: int, across: int, x: int, y: int, width: int, height: int) -> None:
    boxes, before = np.array([[x, y, x + width, y + height]], dtype=float), (12, 11)
    after = (before[0] * down, before[1] * across)
    mask = Boxes(boxes).covers(PixelUnits(*before)).reshape(before)
    moved = Boxes(resized_boxes(boxes, before, after)).covers(PixelUnits(*after)).reshape(after)
    np.testing.assert_array_equal(moved, resized_mask(mask, after))


def test_no_boxes_stay_no_boxes() -> None:
    assert resized_boxes(np.zeros((0, 4)), (2, 2), (4, 4)).shape == (0, 4)


@pytest.mark.parametrize("size", [(2,), (2, 2, 2), (0, 2), (2, -1)])
def test_a_size_that_does_not_fit_is_refused(size: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="cannot become one of size"):
        resized(Picture(np.zeros((4, 4, 1), dtype=np.uint8)), size)
    with pytest.raises(DataError, match="cannot become one of size"):
        resized_mask(np.zeros((4, 4), dtype=bool), size)


def test_nothing_that_was_given_is_changed() -> None:
    given_ = np.random.default_rng(0).random((6, 6, 1), dtype=np.float32)
    before = given_.copy()
    resized(Picture(given_), (3, 9))
    np.testing.assert_array_equal(given_, before)
