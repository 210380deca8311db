"""A picture is made from what holds colours, and from nothing that only looks like it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pellucid.errors import DataError
from pellucid.picture import Picture

COLOURS = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)


@pytest.mark.parametrize("mode", ["P", "YCbCr", "LAB", "HSV"])
def test_an_image_whose_numbers_are_no_colours_is_refused(mode: str) -> None:
    image = pytest.importorskip("PIL.Image").new(mode, (7, 5))
    with pytest.raises(DataError, match=f"mode {mode}, .*convert"):
        Picture.of(image)


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3)])
def test_an_image_of_pillow_is_read_as_its_array(mode: str, channels: int) -> None:
    image = pytest.importorskip("PIL.Image").fromarray(COLOURS).convert(mode)
    np.testing.assert_array_equal(Picture.of(image).pixels, np.asarray(image).reshape(5, 7, channels))


def test_a_tensor_that_asks_for_a_gradient_is_read_as_its_values() -> None:
    tensor = torch.rand((5, 7), generator=torch.Generator().manual_seed(0)).requires_grad_()
    np.testing.assert_array_equal(Picture.of(tensor).pixels[..., 0], tensor.detach().numpy())


def test_a_tensor_in_half_precision_is_read_as_its_values() -> None:
    tensor = torch.rand(4, 5).bfloat16()
    np.testing.assert_array_equal(Picture.of(tensor).pixels[..., 0], tensor.float().numpy())


@pytest.mark.parametrize("kind", [">u2", ">f4", "<u2"])
def test_an_array_in_any_byte_order_is_read_as_its_values(kind: str) -> None:
    picture = Picture.of(np.array([[0, 1]], dtype=kind))
    np.testing.assert_array_equal(picture.pixels[..., 0], [[0, 1]])
    assert picture.pixels.dtype.isnative


@pytest.mark.parametrize("value", [[[0.0, 1.0], [0.5]], torch.zeros(2, 2).to_sparse(), torch.zeros(2, 2, device="meta")])
def test_what_is_no_array_of_numbers_is_one_sentence(value: object) -> None:
    with pytest.raises(DataError, match=r"An image is .*, which is no array of numbers; give height x width\."):
        Picture.of(value)


def test_a_volume_has_its_channels_last() -> None:
    volume = torch.rand(3, 4, 5, 1)
    assert Picture.of(volume).size == (3, 4, 5)
    np.testing.assert_array_equal(Picture.of(volume).pixels, volume.numpy())
    with pytest.raises(DataError, match=r"\(3, 4, 5\)"):
        Picture.of(volume[..., 0])  # three axes are an image, whose last one would be five channels
