from __future__ import annotations

import logging
import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_files import data_set, encapsulated, save, table, write
from image_files import outcome
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut, apply_voi, apply_windowing
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    RLELossless,
)

from pellucid.errors import DataError
from pellucid.imaging import read

FILES_OF_PYDICOM = sorted((Path(pydicom.__file__).parent / "data" / "test_files").iterdir())
RAMP = np.arange(4096, dtype=np.uint16).reshape(64, 64)
CT = {"RescaleSlope": 1, "RescaleIntercept": -1024, "PixelSpacing": [0.5, 0.75]}


def seen_by_pydicom(made: Dataset, low: float, high: float) -> np.ndarray:
    """pydicom's windowing, brought from its output range to [0, 1]."""
    values = apply_windowing(apply_modality_lut(made.pixel_array, made), made)
    return (values - low) / (high - low)


def test_grey_becomes_one_channel_of_floats_with_the_spacing_of_rows_and_columns(tmp_path: Path) -> None:
    picture = read(write(tmp_path / "x", RAMP, **CT))
    assert picture.pixels.shape == (64, 64, 1)
    assert picture.pixels.dtype == np.float32
    assert picture.spacing == (0.5, 0.75)


def test_without_a_window_the_least_value_is_black_and_the_greatest_white(tmp_path: Path) -> None:
    picture = read(write(tmp_path / "x", RAMP, **CT))
    np.testing.assert_allclose(picture.pixels[..., 0], RAMP / 4095, atol=1e-6)


def test_an_image_of_one_value_is_black(tmp_path: Path) -> None:
    assert not read(write(tmp_path / "x", np.full((4, 4), 7, dtype=np.uint8))).pixels.any()


def test_a_window_of_the_caller_is_in_units_of_the_modality(tmp_path: Path) -> None:
    path = write(tmp_path / "x", RAMP, **CT, WindowCenter=0, WindowWidth=10)
    shades = read(path, window=(40, 401)).pixels[..., 0]
    values = RAMP.astype(float) - 1024
    np.testing.assert_allclose(shades, np.clip((values - 39.5) / 400 + 0.5, 0, 1), atol=1e-6)


@pytest.mark.parametrize("function", [None, "LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_the_windows_of_files_agree_with_pydicom(tmp_path: Path, function: str | None) -> None:
    made = data_set(RAMP, **CT, BitsStored=12, HighBit=11, WindowCenter=[300.5, 1], WindowWidth=[900, 2])
    if function:
        made.VOILUTFunction = function
    shades = read(save(tmp_path / "x", made)).pixels[..., 0]
    np.testing.assert_allclose(shades, seen_by_pydicom(made, -1024, 3071), atol=1e-5)


def test_tables_of_the_modality_and_of_interest_agree_with_pydicom(tmp_path: Path) -> None:
    stored = np.arange(64, dtype=np.uint8).reshape(8, 8)
    made = data_set(stored)
    made.ModalityLUTSequence = [table([100 + (7 * i) % 50 for i in range(50)], 5, 8, ModalityLUTType="US")]
    made.VOILUTSequence = [table([(i * i) % 1024 for i in range(40)], 105, 10)]
    made.WindowCenter, made.WindowWidth = 120, 10
    expected = apply_voi(apply_modality_lut(stored, made).astype(np.uint16), made) / 1023
    np.testing.assert_allclose(read(save(tmp_path / "x", made)).pixels[..., 0], expected, atol=1e-6)


def test_words_of_a_table_are_read_in_the_order_of_the_file(tmp_path: Path) -> None:
    made = data_set(np.arange(4, dtype=">u2").reshape(2, 2))
    item = Dataset()
    item.LUTDescriptor = [4, 0, 16]
    item.add_new("LUTData", "OW", np.array([0, 1000, 40000, 65535], dtype=">u2").tobytes())
    made.VOILUTSequence = [item]
    shades = read(save(tmp_path / "x", made, ExplicitVRBigEndian)).pixels
    np.testing.assert_allclose(shades.ravel(), np.array([0, 1000, 40000, 65535]) / 65535, atol=1e-6)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_a_table_may_begin_below_zero_in_files_that_do_not_say_so(tmp_path: Path, syntax: str) -> None:
    made = data_set(np.arange(8, dtype=np.uint16).reshape(2, 4), RescaleSlope=1, RescaleIntercept=-4)
    made.VOILUTSequence = [table([0, 1, 2, 3, 4, 5, 6, 7], -4, 3)]
    shades = read(save(tmp_path / "x", made, syntax)).pixels
    np.testing.assert_allclose(shades.ravel(), np.arange(8) / 7, atol=1e-6)


def test_a_table_of_bytes_is_read_as_its_length_says(tmp_path: Path) -> None:
    made = data_set(np.arange(4, dtype=np.uint8).reshape(2, 2))
    for entries in (np.array([0, 255, 51, 102], dtype=np.uint8), np.array([0, 255, 51, 102], dtype="<u2")):
        item = Dataset()
        item.LUTDescriptor = [4, 0, 8]
        item.add_new("LUTData", "OW", entries.tobytes())
        made.VOILUTSequence = [item]
        shades = read(save(tmp_path / "x", made)).pixels
        np.testing.assert_allclose(shades.ravel(), [0, 1, 0.2, 0.4], atol=1e-6)


def test_monochrome1_is_turned_over_after_the_window(tmp_path: Path) -> None:
    about = {**CT, "WindowCenter": 500, "WindowWidth": 700}
    plain = read(write(tmp_path / "plain", RAMP, **about)).pixels
    turned = read(write(tmp_path / "turned", RAMP, **about, PhotometricInterpretation="MONOCHROME1")).pixels
    np.testing.assert_array_equal(turned, 1 - plain)


def test_signed_values_stay_negative(tmp_path: Path) -> None:
    stored = np.array([[-1000, 0], [500, 1000]], dtype=np.int16)
    np.testing.assert_allclose(read(write(tmp_path / "x", stored)).pixels.ravel(), [0, 0.5, 0.75, 1])


def test_the_spacing_of_the_detector_is_taken_where_that_of_the_patient_is_missing(tmp_path: Path) -> None:
    assert read(write(tmp_path / "x", RAMP, ImagerPixelSpacing=[0.1, 0.2])).spacing == (0.1, 0.2)
    assert read(write(tmp_path / "x", RAMP, ImagerPixelSpacing=[0.1, 0.2], PixelSpacing=[1, 2])).spacing == (1, 2)
    assert read(write(tmp_path / "x", RAMP, PixelSpacing=[0, 0])).spacing is None
    assert read(write(tmp_path / "x", RAMP)).spacing is None


def test_colour_has_three_channels(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 4, 3), dtype=np.uint8)
    picture = read(write(tmp_path / "x", pixels))
    np.testing.assert_array_equal(picture.pixels, (pixels / np.float32(255)).astype(np.float32))


def test_ybr_becomes_rgb(tmp_path: Path) -> None:
    grey = np.dstack([np.arange(16, dtype=np.uint8).reshape(4, 4), np.full((4, 4, 2), 128, dtype=np.uint8)])
    picture = read(write(tmp_path / "x", grey, PhotometricInterpretation="YBR_FULL"))
    np.testing.assert_allclose(picture.pixels, np.repeat(grey[..., :1] / 255, 3, axis=2), atol=1e-6)


def test_palettes_become_rgb(tmp_path: Path) -> None:
    made = data_set(np.array([[0, 1], [2, 2]], dtype=np.uint8), PhotometricInterpretation="PALETTE COLOR")
    colours = np.array([[0, 0, 0], [65535, 0, 0], [0, 32768, 65535]], dtype="<u2")
    for i, name in enumerate(("Red", "Green", "Blue")):
        setattr(made, f"{name}PaletteColorLookupTableDescriptor", [3, 0, 16])
        setattr(made, f"{name}PaletteColorLookupTableData", colours[:, i].tobytes())
    expected = colours[[[0, 1], [2, 2]]] / 65535
    np.testing.assert_allclose(read(save(tmp_path / "x", made)).pixels, expected, atol=1e-6)


def test_entries_of_8_bits_of_a_palette_may_lie_in_words_of_16(tmp_path: Path) -> None:
    made = data_set(np.array([[0, 1]], dtype=np.uint8), PhotometricInterpretation="PALETTE COLOR")
    for name in ("Red", "Green", "Blue"):
        setattr(made, f"{name}PaletteColorLookupTableDescriptor", [2, 0, 8])
        setattr(made, f"{name}PaletteColorLookupTableData", np.array([51, 255], dtype="<u2").tobytes())
    np.testing.assert_allclose(read(save(tmp_path / "x", made)).pixels[0, :, 0], [0.2, 1], atol=1e-6)


def test_palettes_of_segments_become_rgb(tmp_path: Path) -> None:
    made = data_set(np.arange(4, dtype=np.uint8).reshape(2, 2), PhotometricInterpretation="PALETTE COLOR")
    black, ramp = [0, 1, 0], [1, 3, 65535]  # one entry of 0, then three in a line up to 65535
    for name in ("Red", "Green", "Blue"):
        setattr(made, f"{name}PaletteColorLookupTableDescriptor", [4, 0, 16])
        made.add_new(f"Segmented{name}PaletteColorLookupTableData", "OW", np.array(black + ramp, dtype="<u2").tobytes())
    np.testing.assert_allclose(read(save(tmp_path / "x", made)).pixels[..., 0].ravel(), np.arange(4) / 3, atol=1e-4)


def test_values_of_32_bits_keep_their_differences(tmp_path: Path) -> None:
    """As 32-bit floats these would all be the same."""
    stored = np.arange(12, dtype=np.uint32).reshape(3, 4) + 2**31
    np.testing.assert_allclose(read(write(tmp_path / "x", stored)).pixels[..., 0], np.arange(12).reshape(3, 4) / 11, atol=1e-6)


def test_a_frame_is_read_by_its_number_and_never_guessed(tmp_path: Path) -> None:
    path = write(tmp_path / "x", np.stack([RAMP, RAMP[::-1]]))
    np.testing.assert_allclose(read(path, frame=1).pixels[..., 0], RAMP[::-1] / 4095, atol=1e-6)
    with pytest.raises(DataError, match=r"x holds 2 frames; choose one with frame=0 to frame=1\."):
        read(path)
    with pytest.raises(DataError, match=r"x has no frame 2; it holds 2"):
        read(path, frame=2)


def test_enhanced_files_keep_facts_for_all_frames_and_for_each(tmp_path: Path) -> None:
    made = data_set(np.stack([RAMP, RAMP]))
    measures, shared, windows = Dataset(), Dataset(), []
    measures.PixelSpacing = [2, 3]
    shared.PixelMeasuresSequence = [measures]
    for centre in (100, 200):
        frame, window, scale = Dataset(), Dataset(), Dataset()
        window.WindowCenter, window.WindowWidth = centre, 51
        scale.RescaleSlope, scale.RescaleIntercept = 2, -centre
        frame.FrameVOILUTSequence, frame.PixelValueTransformationSequence = [window], [scale]
        windows.append(frame)
    made.SharedFunctionalGroupsSequence, made.PerFrameFunctionalGroupsSequence = [shared], windows
    picture = read(save(tmp_path / "x", made), frame=1)
    assert picture.spacing == (2, 3)
    values = 2 * RAMP.astype(float) - 200
    np.testing.assert_allclose(picture.pixels[..., 0], np.clip((values - 199.5) / 50 + 0.5, 0, 1), atol=1e-5)


def test_grey_jpeg_inside_dicom_is_read(tmp_path: Path) -> None:
    """As chest radiographs of public challenges come."""
    image_module = pytest.importorskip("PIL.Image", reason="JPEG needs pillow (the extra `image`)")
    jpeg = BytesIO()
    image_module.fromarray((RAMP // 16).astype(np.uint8)).save(jpeg, format="JPEG", quality=95)
    made = encapsulated(data_set(RAMP.astype(np.uint8), PixelSpacing=[0.2, 0.2]), jpeg.getvalue())
    picture = read(save(tmp_path / "x", made, JPEGBaseline8Bit))
    decoded = np.asarray(image_module.open(jpeg)).astype(float)
    np.testing.assert_allclose(picture.pixels[..., 0], (decoded - decoded.min()) / np.ptp(decoded), atol=1e-6)
    assert picture.spacing == (0.2, 0.2)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, RLELossless])
def test_the_encoding_changes_no_pixel(tmp_path: Path, syntax: str) -> None:
    made = data_set(RAMP, **CT, WindowCenter=10, WindowWidth=999)
    expected = read(save(tmp_path / "plain", made))
    if syntax == RLELossless:
        made.compress(RLELossless, generate_instance_uid=False)
    found = read(save(tmp_path / "other", made, syntax))
    np.testing.assert_array_equal(found.pixels, expected.pixels)
    assert found.spacing == expected.spacing


@pytest.mark.filterwarnings("ignore")
def test_who_the_patient_is_goes_nowhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    names = dict.fromkeys(("PatientName", "PatientID", "StudyDescription", "PatientBirthDate", "PatientAge"), "CANARY")
    faults = ({}, {"BitsAllocated": 13}, {"WindowCenter": 1, "WindowWidth": 0}, {"Rows": 65}, {"Rows": None})
    paths = [write(tmp_path / str(i), RAMP, **names, **fault) for i, fault in enumerate(faults)]
    assert all(b"CANARY" in path.read_bytes() for path in paths)
    capsys.readouterr()
    caplog.clear()
    caplog.set_level(logging.DEBUG)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        said = [outcome(path) for path in paths]
    assert [text == str(path) for path, text in zip(paths, said, strict=True)] == [True, False, False, False, False]
    heard = [*said, *(str(w.message) for w in warned), *(r.getMessage() for r in caplog.records), *capsys.readouterr()]
    assert "CANARY" not in "".join(heard)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("file", [p for p in FILES_OF_PYDICOM if p.is_file()], ids=lambda p: p.name)
def test_the_test_files_of_pydicom_are_pictures_or_one_sentence(file: Path) -> None:
    assert outcome(file, frame=0).startswith(str(file))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small_RLE.dcm", "693_J2KI.dcm", "image_dfl.dcm", "examples_overlay.dcm"])
def test_grey_files_of_scanners_look_as_pydicom_shows_them(name: str) -> None:
    file = next(p for p in FILES_OF_PYDICOM if p.name == name)
    made = pydicom.dcmread(file)
    expected = apply_windowing(apply_modality_lut(made.pixel_array, made), made).astype(float)
    found = read(file).pixels[..., 0].astype(float)
    if "WindowCenter" in made:
        inside = (found > 0) & (found < 1)
        assert inside.mean() > 0.05
        slope, offset = np.polyfit(found[inside], expected[inside], 1)  # pydicom keeps the range of the stored values
        np.testing.assert_allclose(found * slope + offset, expected, atol=1e-3 * slope)
    else:
        low, high = expected.min(), expected.max()
        np.testing.assert_allclose(found, (expected - low) / (high - low), atol=1e-6)


@pytest.mark.parametrize(
    "name", ["SC_rgb_rle.dcm", "SC_rgb_rle_16bit.dcm", "SC_ybr_full_422_uncompressed.dcm", "examples_jpeg2k.dcm"]
)
def test_colour_files_look_as_pydicom_shows_them(name: str) -> None:
    file = next(p for p in FILES_OF_PYDICOM if p.name == name)
    expected = pydicom.pixels.pixel_array(file)
    np.testing.assert_allclose(read(file).pixels, expected / np.iinfo(expected.dtype).max, atol=1e-6)
