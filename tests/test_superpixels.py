"""Superpixels: every pixel in one connected region, whatever the image."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import ndimage

from pellucid.regions import superpixels

sizes = st.one_of(st.tuples(st.integers(1, 24), st.integers(1, 24)), st.tuples(*[st.integers(1, 9)] * 3))


def noise(size, channels=1, seed=0):
    return np.random.default_rng(seed).normal(size=(channels, *size))


@settings(max_examples=60, deadline=None)
@given(sizes, st.integers(1, 3), st.integers(1, 40), st.integers(0, 99))
def test_every_pixel_lies_in_one_connected_region(size, channels, count, seed):
    cut = superpixels(noise(size, channels, seed), count)
    assert cut.shape == size
    assert cut.sizes.sum() == np.prod(size)
    assert all(ndimage.label(cut.index == region)[1] == 1 for region in range(len(cut)))


@settings(max_examples=100, deadline=None)
@example((5, 13), 8)
@given(sizes, st.integers(1, 40))
def test_an_image_of_one_colour_is_cut_into_boxes_of_nearly_equal_size(size, count):
    cut = superpixels(np.full((1, *size), 0.3), count)
    for box in ndimage.find_objects(cut.index + 1):
        assert len(np.unique(cut.index[box])) == 1  # a region fills the box around it
    sides = [[box[axis].stop - box[axis].start for box in ndimage.find_objects(cut.index + 1)] for axis in range(len(size))]
    assert all(np.ptp(side) <= 1 for side in sides)


@pytest.mark.parametrize(("size", "count"), [((64, 64), 64), ((40, 80), 50), ((12, 16, 16), 24)])
def test_there_are_about_as_many_regions_as_asked_for(size, count):
    assert 0.7 * count <= len(superpixels(ndimage.gaussian_filter(noise(size)[0], 2)[None], count)) <= 1.4 * count


def test_regions_follow_an_edge():
    image = np.zeros((1, 32, 32))
    image[0, :, 13:] = 1.0  # no border of the grid lies there
    cut = superpixels(image, 16)
    assert all(np.ptp(image[0][cut.index == region]) == 0 for region in range(len(cut)))


def test_the_unit_of_colour_and_a_channel_repeated_change_nothing():
    image = ndimage.gaussian_filter(noise((20, 30))[0], 2)[None]
    cut = superpixels(image, 20).index
    assert np.array_equal(cut, superpixels(4 * image - 8, 20).index)
    assert np.array_equal(cut, superpixels(np.repeat(image, 4, axis=0), 20).index)
