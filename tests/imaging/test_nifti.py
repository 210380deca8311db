from __future__ import annotations

import gzip
import struct
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from image_files import outcome

from pellucid.errors import CapabilityError, DataError
from pellucid.imaging import read

nibabel = pytest.importorskip("nibabel", reason="NIfTI files need nibabel (the extra `nifti`)")
VOLUME = np.arange(24, dtype=np.int16).reshape(2, 3, 4)  # x, y, z
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def saved(path: Path, values: np.ndarray, affine: np.ndarray = LPS, kind: str = "Nifti1Image", **header: object) -> Path:
    image = getattr(nibabel, kind)(values, affine)
    for name, value in header.items():
        image.header[name] = value
    nibabel.save(image, path)
    return path


@pytest.mark.parametrize("name", ["x.nii", "x.nii.gz"])
@pytest.mark.parametrize("kind", ["Nifti1Image", "Nifti2Image"])
def test_a_volume_has_its_depth_first_and_one_channel(tmp_path: Path, name: str, kind: str) -> None:
    picture = read(saved(tmp_path / name, VOLUME, np.diag([-0.5, -0.7, 3.0, 1.0]), kind))
    assert picture.pixels.dtype == np.float32
    np.testing.assert_allclose(picture.pixels[..., 0], VOLUME.transpose(2, 1, 0) / 23, atol=1e-6)
    assert picture.spacing == pytest.approx((3, 0.7, 0.5))


def test_the_content_decides_and_not_the_name(tmp_path: Path) -> None:
    assert read(saved(tmp_path / "x.nii.gz", VOLUME).rename(tmp_path / "x.png")).size == (4, 3, 2)


@given(st.permutations(range(3)), st.tuples(*[st.sampled_from([-1.0, 1.0])] * 3))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_however_the_axes_lie_in_the_file_the_patient_lies_the_same(
    tmp_path: Path, order: list[int], signs: tuple[float, float, float]
) -> None:
    """The same anatomy, its axes permuted and mirrored in the file, and the affine with them."""
    anatomy = np.random.default_rng(0).random((2, 3, 4), dtype=np.float32)  # to the left, back, head
    values = anatomy.transpose(order)
    affine = np.zeros((4, 4))
    affine[3, 3] = 1
    for axis, patient in enumerate(order):
        affine[patient, axis] = (-1, -1, 1)[patient] * signs[axis] * (patient + 1)
        if signs[axis] < 0:
            values = np.flip(values, axis)
    picture = read(saved(tmp_path / "x.nii", values, affine))
    expected = (anatomy - anatomy.min()) / (anatomy.max() - anatomy.min())
    np.testing.assert_allclose(picture.pixels[..., 0], expected.transpose(2, 1, 0), atol=1e-6)
    assert picture.spacing == pytest.approx((3, 2, 1))


def test_the_patient_lies_as_in_the_canonical_image_of_nibabel(tmp_path: Path) -> None:
    affine = np.array([[0, 0, 2.0, 5], [0.1, -1, 0, 3], [1.5, 0.1, 0, 1], [0, 0, 0, 1]])
    path = saved(tmp_path / "x.nii", VOLUME, affine)
    canonical = nibabel.as_closest_canonical(nibabel.load(path)).get_fdata()  # to the right, front, head
    np.testing.assert_allclose(read(path).pixels[..., 0], canonical[::-1, ::-1].transpose(2, 1, 0) / 23, atol=1e-6)


def test_two_axes_are_an_image(tmp_path: Path) -> None:
    picture = read(saved(tmp_path / "x.nii", VOLUME[..., 0], np.diag([-0.5, -0.7, 1.0, 1.0])))
    np.testing.assert_allclose(picture.pixels[..., 0], VOLUME[..., 0].T / VOLUME[..., 0].max(), atol=1e-6)
    assert picture.spacing == pytest.approx((0.7, 0.5))


def test_a_plane_along_the_body_is_an_image_with_the_head_last(tmp_path: Path) -> None:
    coronal = np.array([[-0.5, 0, 0, 0], [0, 0, 1, 0], [0, 2.0, 0, 0], [0, 0, 0, 1]])
    picture = read(saved(tmp_path / "x.nii", VOLUME[..., 0], coronal))
    np.testing.assert_allclose(picture.pixels[..., 0], VOLUME[..., 0].T / VOLUME[..., 0].max(), atol=1e-6)
    assert picture.spacing == pytest.approx((2, 0.5))


def test_values_are_scaled_as_the_header_says_before_the_window(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(VOLUME, LPS)
    image.header.set_slope_inter(2, -10)
    nibabel.save(image, tmp_path / "x.nii")
    content = bytearray((tmp_path / "x.nii").read_bytes())
    content[352:] = VOLUME.tobytes(order="F")  # as stored: nibabel has divided by the slope
    (tmp_path / "x.nii").write_bytes(bytes(content))
    scaled = 2.0 * VOLUME.transpose(2, 1, 0) - 10
    np.testing.assert_array_equal(nibabel.load(tmp_path / "x.nii").get_fdata().transpose(2, 1, 0), scaled)
    shades = read(tmp_path / "x.nii", window=(10, 21)).pixels[..., 0]
    np.testing.assert_allclose(shades, np.clip((scaled - 9.5) / 20 + 0.5, 0, 1), atol=1e-6)


@pytest.mark.parametrize(("unit", "factor"), [(1, 1000), (2, 1), (3, 0.001), (0, 1)])
def test_spacing_is_in_millimetres(tmp_path: Path, unit: int, factor: float) -> None:
    picture = read(saved(tmp_path / "x.nii", VOLUME, np.diag([-2.0, -3.0, 4.0, 1.0]), xyzt_units=unit))
    assert picture.spacing == pytest.approx((4 * factor, 3 * factor, 2 * factor))


def test_a_frame_is_read_by_its_number_and_never_guessed(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.nii.gz", np.stack([VOLUME, VOLUME[::-1]], axis=-1))
    np.testing.assert_allclose(read(path, frame=1).pixels[..., 0], VOLUME[::-1].transpose(2, 1, 0) / 23, atol=1e-6)
    with pytest.raises(DataError, match=r"x.nii.gz holds 2 frames; choose one with frame=0 to frame=1"):
        read(path)
    with pytest.raises(DataError, match=r"x.nii.gz has no frame 2"):
        read(path, frame=2)


def test_a_fourth_axis_of_one_is_no_choice(tmp_path: Path) -> None:
    assert read(saved(tmp_path / "x.nii", VOLUME[..., None, None])).size == (4, 3, 2)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.where(VOLUME == 3, np.nan, VOLUME).astype(np.float32), "holds values that are no finite numbers"),
        (np.where(VOLUME == 3, np.inf, VOLUME).astype(np.float64), "holds values that are no finite numbers"),
        (VOLUME.astype(np.complex64), "holds values that are no real numbers"),
        (np.zeros((2, 2, 2), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")]), "holds values that are no real numbers"),
        (np.zeros((2, 2, 2, 1, 3), dtype=np.float32), "has 5 axes; give an image of two or three"),
        (np.zeros(4, dtype=np.float32), "has 1 axes; give an image of two or three"),
    ],
    ids=["nan", "infinite", "complex", "colour", "vectors", "a line"],
)
def test_what_is_no_image_of_numbers_is_refused(tmp_path: Path, values: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=rf"x.nii {message}"):
        read(saved(tmp_path / "x.nii", values))


@pytest.mark.parametrize("name", ["x.nii", "x.nii.gz"])
def test_a_file_that_is_cut_off_is_refused(tmp_path: Path, name: str) -> None:
    path = saved(tmp_path / name, np.random.default_rng(0).random((9, 9, 9)))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=rf"{name} is not a NIfTI image that can be read \(.+\); replace it"):
        read(path)


def test_more_voxels_than_the_limit_are_refused_before_they_are_read(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.nii", VOLUME)
    content = bytearray(path.read_bytes())
    content[40:56] = struct.pack("<8h", 3, 30_000, 30_000, 30_000, 1, 1, 1, 1)
    (tmp_path / "x.nii.gz").write_bytes(gzip.compress(bytes(content) + bytes(2**24)))
    tracemalloc.start()
    with pytest.raises(DataError, match=r"announces 30,000 x 30,000 x 30,000 pixels, more than the limit of 100,000,000"):
        read(tmp_path / "x.nii.gz")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20


def test_a_far_first_voxel_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.nii", VOLUME)
    content = bytearray(path.read_bytes())
    content[108:112] = struct.pack("<f", 2.0**30)
    path.write_bytes(bytes(content))
    with pytest.raises(DataError, match="announces 1,073,741,824 bytes before its first voxel"):
        read(path)


def test_a_damaged_gzip_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.nii.gz").write_bytes(b"\x1f\x8b" + bytes(40))
    with pytest.raises(DataError, match=r"x.nii.gz is a damaged gzip file"):
        read(tmp_path / "x.nii.gz")


def test_without_nibabel_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path / "x.nii", VOLUME)
    monkeypatch.setitem(sys.modules, "nibabel", None)
    with pytest.raises(CapabilityError, match=r"pip install 'pellucid\[nifti\]'"):
        read(path)


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 351), st.integers(0, 255)), min_size=1, max_size=5))
def test_changed_bytes_give_a_picture_or_one_sentence(tmp_path: Path, changes: list[tuple[int, int]]) -> None:
    content = bytearray(saved(tmp_path / "x.nii", VOLUME).read_bytes())
    for place, value in changes:
        content[place] = value
    (tmp_path / "x.nii").write_bytes(bytes(content))
    assert "x.nii" in outcome(tmp_path / "x.nii", frame=0)
