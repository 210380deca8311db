from __future__ import annotations

import struct
import sys
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from image_files import grey_tiff, outcome, tiff

from pellucid.errors import CapabilityError, DataError
from pellucid.imaging import read

Image = pytest.importorskip("PIL.Image", reason="images need pillow (the extra `image`)")
GREY = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
COLOUR = np.random.default_rng(0).integers(0, 256, (5, 4, 3), dtype=np.uint8)


def saved(path: Path, pixels: np.ndarray, mode: str | None = None, **options: object) -> Path:
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path, **options)
    return path


def bomb(path: Path, width: int, height: int) -> Path:
    """A PNG whose header announces many pixels and that holds few."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">L", len(data)) + name + data + struct.pack(">L", zlib.crc32(name + data))

    header = chunk(b"IHDR", struct.pack(">LLBBBBB", width, height, 8, 0, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b""))
    return path


@pytest.mark.parametrize("name", ["x.png", "x.tif", "x.tiff"])
def test_grey_stays_one_channel_of_8_bits(tmp_path: Path, name: str) -> None:
    picture = read(saved(tmp_path / name, GREY))
    np.testing.assert_array_equal(picture.pixels, GREY[..., None])
    assert picture.pixels.dtype == np.uint8
    assert picture.spacing is None


@pytest.mark.parametrize("name", ["x.png", "x.tif"])
def test_16_bits_stay_16_bits(tmp_path: Path, name: str) -> None:
    deep = np.arange(12, dtype=np.uint16).reshape(3, 4) * 5000
    picture = read(saved(tmp_path / name, deep))
    np.testing.assert_array_equal(picture.pixels[..., 0], deep)
    assert picture.pixels.dtype == np.uint16


@pytest.mark.parametrize("name", ["x.png", "x.tif"])
def test_colour_has_three_channels(tmp_path: Path, name: str) -> None:
    np.testing.assert_array_equal(read(saved(tmp_path / name, COLOUR)).pixels, COLOUR)


def test_jpeg_is_read_as_pillow_decodes_it(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.jpg", COLOUR)
    np.testing.assert_array_equal(read(path).pixels, np.asarray(Image.open(path)))
    assert read(saved(tmp_path / "grey.jpg", GREY)).channels == 1


def test_the_content_decides_and_not_the_name(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.png", GREY)
    np.testing.assert_array_equal(read(path.rename(tmp_path / "x.dcm")).pixels[..., 0], GREY)


def test_one_bit_becomes_black_and_white(tmp_path: Path) -> None:
    picture = read(saved(tmp_path / "x.png", GREY > 100))
    np.testing.assert_array_equal(picture.pixels[..., 0], np.where(GREY > 100, 255, 0))


def test_palettes_become_colour(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.png", COLOUR, "P")
    np.testing.assert_array_equal(read(path).pixels, np.asarray(Image.open(path).convert("RGB")))


def test_cmyk_becomes_colour(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.tif", COLOUR, "CMYK")
    np.testing.assert_array_equal(read(path).pixels, COLOUR)


def test_transparent_pixels_lie_over_black(tmp_path: Path) -> None:
    alpha = np.array([[0, 255], [128, 51]], dtype=np.uint8)
    colours = np.full((2, 2, 3), 200, dtype=np.uint8)
    expected = np.rint(colours * (alpha[..., None] / 255)).astype(np.uint8)
    picture = read(saved(tmp_path / "x.png", np.dstack([colours, alpha])))
    np.testing.assert_array_equal(picture.pixels, expected)
    picture = read(saved(tmp_path / "la.png", np.dstack([colours[..., :1], alpha])))
    np.testing.assert_array_equal(picture.pixels, expected[..., :1])


def test_a_colour_that_stands_for_transparency_is_black(tmp_path: Path) -> None:
    picture = read(saved(tmp_path / "x.png", GREY, transparency=40))
    np.testing.assert_array_equal(picture.pixels[..., 0], np.where(GREY == 40, 0, GREY))


@pytest.mark.parametrize(
    ("name", "options"), [("x.jpg", {}), ("x.png", {}), ("x.tif", {}), ("x.tif", {"compression": "tiff_lzw"})]
)
def test_the_orientation_of_the_camera_is_applied(tmp_path: Path, name: str, options: dict[str, str]) -> None:
    flat = np.repeat([[30, 200]], 8, axis=0).repeat(16, axis=1).astype(np.uint8)  # dark left, bright right
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise: left comes to the top
    picture = read(saved(tmp_path / name, flat, exif=exif, **options))
    assert picture.size == (32, 8)
    assert picture.pixels[0].mean() < 60 < 170 < picture.pixels[-1].mean()


def test_floats_are_read_where_their_range_is_plain(tmp_path: Path) -> None:
    values = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    np.testing.assert_array_equal(read(saved(tmp_path / "x.tif", values)).pixels[..., 0], values)
    with pytest.raises(DataError, match=r"y.tif holds floats outside \[0, 1\]"):
        read(saved(tmp_path / "y.tif", values * 2))


@pytest.mark.parametrize("kind", ["i1", "i2", "i4", "u4"])
def test_integers_whose_range_nobody_knows_are_refused(tmp_path: Path, kind: str) -> None:
    """However small they are: as 16-bit numbers they would be a black image."""
    with pytest.raises(DataError, match=r"x.tif holds 32-bit or signed integers, whose range is not known; save it with 8 or"):
        read(grey_tiff(tmp_path / "x.tif", np.arange(12).reshape(3, 4).astype(kind)))
    with pytest.raises(DataError, match=r"y.tif holds 32-bit or signed integers"):
        read(saved(tmp_path / "y.tif", np.full((2, 2), 70_000, dtype=np.int32)))


@pytest.mark.parametrize(
    "values", [GREY, GREY.astype(np.uint16) * 257, GREY.astype(np.float32) / 255], ids=["8 bits", "16 bits", "floats"]
)
def test_a_tiff_in_which_zero_is_white_is_turned_over(tmp_path: Path, values: np.ndarray) -> None:
    as_it_is = read(grey_tiff(tmp_path / "x.tif", values))
    turned = read(grey_tiff(tmp_path / "y.tif", values, white_is_zero=True))
    np.testing.assert_array_equal(as_it_is.pixels[..., 0], values)
    assert turned.pixels.dtype == values.dtype
    np.testing.assert_allclose(turned.unit(), 1 - as_it_is.unit(), atol=1e-6)


def test_12_bits_are_brought_to_the_range_of_16(tmp_path: Path) -> None:
    rows = bytes.fromhex("000fff800abc")  # 0 and 4095; 2048 and 2748
    picture = read(tiff(tmp_path / "x.tif", rows, (2, 2), 12))
    assert picture.pixels.dtype == np.uint16
    np.testing.assert_allclose(picture.unit()[..., 0], np.array([[0, 4095], [2048, 2748]]) / 4095, atol=1e-5)


def test_pages_are_read_by_their_number_and_never_guessed(tmp_path: Path) -> None:
    pages = [Image.fromarray(GREY + i) for i in range(3)]
    pages[0].save(tmp_path / "x.tif", save_all=True, append_images=pages[1:])
    np.testing.assert_array_equal(read(tmp_path / "x.tif", frame=2).pixels[..., 0], GREY + 2)
    with pytest.raises(DataError, match=r"x.tif holds 3 frames; choose one with frame=0 to frame=2"):
        read(tmp_path / "x.tif")
    with pytest.raises(DataError, match=r"x.tif has no frame 3"):
        read(tmp_path / "x.tif", frame=3)


@pytest.mark.parametrize("size", [(20_000, 10_000), (65_000, 65_000)])
def test_a_bomb_is_refused_before_it_is_decoded(tmp_path: Path, size: tuple[int, int]) -> None:
    tracemalloc.start()
    with pytest.raises(DataError, match=r"x.png announces .* pixels, more than the limit of 100,000,000; .* most_pixels="):
        read(bomb(tmp_path / "x.png", *size))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20


def test_every_page_has_to_keep_the_limit(tmp_path: Path) -> None:
    pages = [Image.new("L", (4, 4)), Image.new("L", (40, 40))]
    pages[0].save(tmp_path / "x.tif", save_all=True, append_images=pages[1:])
    assert read(tmp_path / "x.tif", frame=0, most_pixels=100).size == (4, 4)
    with pytest.raises(DataError, match=r"announces 40 x 40 pixels, more than the limit of 100"):
        read(tmp_path / "x.tif", frame=1, most_pixels=100)


def test_the_limit_may_be_raised_above_that_of_pillow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    assert read(saved(tmp_path / "x.png", COLOUR.repeat(10, axis=0))).size == (50, 4)


@pytest.mark.parametrize("name", ["x.png", "x.jpg", "x.tif"])
def test_a_file_that_is_cut_off_is_refused(tmp_path: Path, name: str) -> None:
    path = saved(tmp_path / name, np.random.default_rng(0).integers(0, 256, (60, 60), dtype=np.uint8))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=rf"{name} is not an image that can be read \(.+\); replace it or leave the case out"):
        read(path)


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"%PDF-1.7", b"\x89PNG", bytes(2000)])
def test_what_is_no_image_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(DataError, match=r"x.png is not an image in PNG, JPEG, TIFF, DICOM or NIfTI"):
        read(tmp_path / "x.png")


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"x.png does not exist"):
        read(tmp_path / "x.png")
    with pytest.raises(DataError, match=r"is a folder; name one file, or read a DICOM series with `read_series`"):
        read(tmp_path)


def test_a_window_needs_values_with_a_unit(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"x.png is a PNG file, whose values have no unit; read it without a window"):
        read(saved(tmp_path / "x.png", GREY), window=(1, 2))


def test_without_pillow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path / "x.png", GREY)
    monkeypatch.setitem(sys.modules, "PIL.ImageOps", None)
    with pytest.raises(CapabilityError, match=r"with pillow; install it with `pip install 'pellucid\[image\]'`"):
        read(path)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["x.png", "x.jpg", "x.tif"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=5))
def test_changed_bytes_give_a_picture_or_one_sentence(tmp_path: Path, name: str, changes: list[tuple[int, int]]) -> None:
    content = bytearray(saved(tmp_path / name, COLOUR).read_bytes())
    for place, value in changes:
        content[place % len(content)] = value
    (tmp_path / name).write_bytes(bytes(content))
    assert name in outcome(tmp_path / name, most_pixels=10**6)
