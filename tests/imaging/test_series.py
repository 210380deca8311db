from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicom_files import table, write

from pellucid.errors import DataError
from pellucid.imaging import read, read_series

VOLUME = np.random.default_rng(0).integers(0, 2000, (4, 5, 6), dtype=np.uint16)
AXIAL = [1, 0, 0, 0, 1, 0]


def series(folder: Path, changes: dict[int, dict[str, Any]] | None = None, **tags: Any) -> Path:
    """Four axial slices of 2.5 mm, written from head to foot; `changes` are tags of single slices."""
    folder.mkdir(exist_ok=True)
    for i, pixels in enumerate(VOLUME):
        about = {"ImagePositionPatient": [-10, -20, 7 + 2.5 * i], "ImageOrientationPatient": AXIAL, "PixelSpacing": [0.5, 0.7]}
        scale = {"RescaleSlope": 1, "RescaleIntercept": -1000, "SeriesInstanceUID": "1.2.3"}
        write(folder / f"{9 - i}.dcm", pixels, **about | scale | tags | (changes or {}).get(i, {}))
    return folder


def test_slices_are_stacked_from_foot_to_head(tmp_path: Path) -> None:
    picture = read_series(series(tmp_path / "s"))
    assert picture.spacing == (2.5, 0.5, 0.7)
    low, high = float(VOLUME.min()), float(VOLUME.max())
    np.testing.assert_allclose(picture.pixels[..., 0], (VOLUME - low) / (high - low), atol=1e-6)


def test_a_window_is_that_of_the_caller_or_that_on_which_all_slices_agree(tmp_path: Path) -> None:
    folder = series(tmp_path / "s", WindowCenter=0, WindowWidth=501)
    values = VOLUME.astype(float) - 1000
    np.testing.assert_allclose(read_series(folder).pixels[..., 0], np.clip((values + 0.5) / 500 + 0.5, 0, 1), atol=1e-6)
    expected = np.clip((values - 99.5) / 100 + 0.5, 0, 1)
    np.testing.assert_allclose(read_series(folder, window=(100, 101)).pixels[..., 0], expected, atol=1e-6)


@pytest.mark.parametrize("odd", [{"WindowCenter": 7, "WindowWidth": 9}, {"VOILUTSequence": [table([0, 1], 0, 8)]}])
def test_slices_that_disagree_are_shown_over_the_range_of_the_volume(tmp_path: Path, odd: dict[str, Any]) -> None:
    plain = read_series(series(tmp_path / "plain")).pixels
    np.testing.assert_array_equal(
        read_series(series(tmp_path / "odd", {2: odd}, WindowCenter=0, WindowWidth=501)).pixels, plain
    )


def test_each_slice_has_its_own_scale(tmp_path: Path) -> None:
    folder = series(tmp_path / "s", {1: {"RescaleSlope": 2, "RescaleIntercept": -2000}})
    values = (VOLUME - 1000.0) * np.array([1, 2, 1, 1])[:, None, None]
    expected = (values - values.min()) / (values.max() - values.min())
    np.testing.assert_allclose(read_series(folder).pixels[..., 0], expected, atol=1e-6)


def test_monochrome1_is_turned_over(tmp_path: Path) -> None:
    plain = read_series(series(tmp_path / "plain")).pixels
    turned = read_series(series(tmp_path / "turned", PhotometricInterpretation="MONOCHROME1")).pixels
    np.testing.assert_array_equal(turned, 1 - plain)


def test_slices_of_any_plane_are_sorted_along_their_normal(tmp_path: Path) -> None:
    tilted = [1, 0, 0, 0, 0.8, 0.6]  # the normal is (0, -0.6, 0.8)
    changes = {i: {"ImagePositionPatient": [0, -0.6 * 3 * i, 0.8 * 3 * i]} for i in range(4)}
    picture = read_series(series(tmp_path / "s", changes, ImageOrientationPatient=tilted))
    assert picture.spacing == pytest.approx((3, 0.5, 0.7))
    np.testing.assert_array_equal(picture.pixels, read_series(series(tmp_path / "axial")).pixels)


def test_a_nifti_file_of_the_same_patient_gives_the_same_volume(tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel", reason="NIfTI files need nibabel (the extra `nifti`)")
    affine = np.array([[-0.7, 0, 0, 10], [0, -0.5, 0, 20], [0, 0, 2.5, 7], [0, 0, 0, 1]])  # NIfTI points right and front
    nibabel.save(nibabel.Nifti1Image(VOLUME.astype(np.int16).transpose(2, 1, 0), affine), tmp_path / "x.nii")
    from_series, from_nifti = read_series(series(tmp_path / "s")), read(tmp_path / "x.nii")
    np.testing.assert_allclose(from_series.pixels, from_nifti.pixels, atol=1e-6)
    assert from_series.spacing == pytest.approx(from_nifti.spacing)


def test_other_files_are_left_aside(tmp_path: Path) -> None:
    folder = series(tmp_path / "s")
    (folder / "notes.txt").write_text("no image")
    (folder / "deeper").mkdir()
    assert read_series(folder).size == (4, 5, 6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({3: {"ImagePositionPatient": [-10, -20, 17]}}, "slices that are not evenly spaced; add those that are missing"),
        ({3: {"ImagePositionPatient": [-10, -20, 12]}}, "two slices in one place; leave one of them out"),
        ({3: {"ImagePositionPatient": [-9, -20, 14.5]}}, r"shifted against each other \(a tilted gantry\)"),
        ({3: {"ImageOrientationPatient": [0, 1, 0, 1, 0, 0]}}, "slices of several orientations"),
        ({3: {"SeriesInstanceUID": "1.2.4"}}, "DICOM files of several series"),
        ({3: {"PixelSpacing": [0.5, 0.8]}}, "DICOM files of several sizes"),
        ({3: {"Rows": 3, "Columns": 10}}, "DICOM files of several sizes"),
        ({3: {"PhotometricInterpretation": "MONOCHROME1"}}, "DICOM files of several photometric interpretations"),
        ({3: {"ImagePositionPatient": None}}, "6.dcm does not say where in the patient it lies"),
        ({3: {"NumberOfFrames": 2, "Rows": 1}}, "6.dcm holds several frames"),
        ({i: {"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]} for i in range(4)}, "not at right angles"),
    ],
)
def test_what_is_no_even_volume_is_refused(tmp_path: Path, changes: dict[int, dict[str, Any]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_series(series(tmp_path / "s", changes))


def test_colour_is_no_volume(tmp_path: Path) -> None:
    colour = np.zeros((2, 2, 3), dtype=np.uint8)
    for i in range(2):
        about = {"ImagePositionPatient": [0, 0, i], "ImageOrientationPatient": AXIAL}
        write(tmp_path / f"{i}.dcm", colour, **about)
    with pytest.raises(DataError, match=r"0.dcm is in colour"):
        read_series(tmp_path)


def test_a_folder_without_a_series_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no DICOM files"):
        read_series(tmp_path)
    with pytest.raises(DataError, match="is not a folder"):
        read_series(tmp_path / "missing")
    write(tmp_path / "x.dcm", VOLUME[0], ImagePositionPatient=[0, 0, 0], ImageOrientationPatient=AXIAL)
    with pytest.raises(DataError, match="holds one DICOM file, which is no volume"):
        read_series(tmp_path)


def test_the_limit_counts_all_slices(tmp_path: Path) -> None:
    folder = series(tmp_path / "s")
    assert read_series(folder, most_pixels=120).size == (4, 5, 6)
    with pytest.raises(DataError, match="announces 4 x 5 x 6 pixels, more than the limit of 119"):
        read_series(folder, most_pixels=119)
