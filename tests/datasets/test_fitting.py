"""Images and their marks, brought to size as they are stored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid import imaging
from pellucid.case import Boxes, Case, Evidence, Fixations, Mask
from pellucid.datasets import ImageFolder, Prepared, write
from pellucid.datasets.fitting import fitted
from pellucid.datasets.marks import PublishedBoxes, UnreadMask
from pellucid.errors import DataError
from pellucid.picture import Picture
from pellucid.units import PixelUnits


def of(*marks: Evidence, pixels: np.ndarray | None = None) -> Case:
    values = np.arange(8 * 12, dtype=np.uint8).reshape(8, 12, 1) if pixels is None else pixels
    return Case("c", "p", {"image": Picture(values, (1.0,) * (values.ndim - 1))}, frozenset({"mass"}), marks, marks)


def test_image_masks_and_boxes_are_resized_together() -> None:
    mask = np.zeros((8, 12), dtype=bool)
    mask[2:6, 3:9] = True
    made = fitted(of(Mask(mask, "mass", 0.5, "human:R1"), Boxes(np.array([[3, 2, 9, 6]]), "mass")), 4).case
    inner = np.zeros((4, 4), dtype=bool)
    inner[1:3, 1:3] = True
    for marks in (made.evidence, made.causes):
        np.testing.assert_array_equal(marks[0].mask, inner)  # type: ignore[attr-defined]
        assert (marks[0].label, marks[0].confidence, marks[0].source) == ("mass", 0.5, "human:R1")
        np.testing.assert_allclose(marks[1].boxes, [[1, 1, 3, 3]])  # type: ignore[attr-defined]
        np.testing.assert_array_equal(marks[1].covers(PixelUnits(4, 4)), inner.ravel())
    assert made.picture.size == (4, 4)
    assert made.picture.spacing == (2.0, 3.0)


def test_a_resized_image_keeps_eight_bits_and_all_else_gets_sixteen() -> None:
    for kind, wanted in ((np.uint8, np.uint8), (np.uint16, np.uint16), (np.float32, np.uint16)):
        source = (np.arange(96).reshape(8, 12, 1) / 95 * (1 if kind is np.float32 else np.iinfo(kind).max)).astype(kind)
        case = of(pixels=source)
        made = fitted(case, 4).case.picture
        assert made.pixels.dtype == wanted
        step = 0.5 / np.iinfo(wanted).max + 1e-6
        np.testing.assert_allclose(made.unit(), imaging.resized(case.picture, (4, 4)).unit(), atol=step)


def test_an_image_that_has_the_size_already_is_not_touched() -> None:
    case = of(Mask(np.eye(12, dtype=bool)[:, :12], "mass"), pixels=np.zeros((12, 12, 3), dtype=np.float32))
    for size in (None, 12):
        made = fitted(case, size).case
        assert made.inputs["image"] is case.inputs["image"]
        assert made.evidence[0].mask is case.evidence[0].mask  # type: ignore[attr-defined]


def test_masks_of_nothing_and_those_that_vanish_are_counted() -> None:
    dot = np.zeros((8, 12), dtype=bool)
    dot[3, 3] = True
    made = fitted(of(Mask(dot), Mask(np.zeros_like(dot)), Mask(~dot)), 2)
    assert len(made.case.evidence) == 1
    assert sorted(set(made.changes)) == [
        "a mask is too small to be seen at the size of the data set",
        "a mask marks nothing",
    ]
    assert len(fitted(of(Mask(dot)), None).case.evidence) == 1


def looks(*rows: tuple[float, ...], sigma: float | np.ndarray = 1.0) -> Fixations:
    return Fixations(np.array(rows, dtype=np.float64), sigma, "mass", 0.5, "human:R1")


def test_looks_are_brought_to_size_with_the_image() -> None:
    (mark, _), changes = (made := fitted(of(looks((6, 4, 0.5, 0.2))), 4)).case.evidence * 2, made.changes
    assert isinstance(mark, Fixations)
    np.testing.assert_allclose(mark.fixations, [[2, 2, 0.5, 0.2]])
    np.testing.assert_allclose(mark.sigma, [[1 / 3, 1 / 2]])
    assert (mark.label, mark.confidence, mark.source) == ("mass", 0.5, "human:R1")
    assert changes == ()


def test_looks_off_the_image_and_of_no_duration_are_kept_out_and_counted() -> None:
    sigma = np.arange(1.0, 9.0).reshape(4, 2)
    kept = looks((12, 4, 0, 0.2), (3, 5, 0.2, 0.3), (3, -0.1, 0.5, 0.3), (1, 1, 0.8, 0.0), sigma=sigma)
    for size, place, wide in ((None, [3, 5], [3, 4]), (4, [1, 2.5], [1, 2])):
        made = fitted(of(kept, looks((-1, 2, 0, 1))), size)
        (mark,) = made.case.evidence
        np.testing.assert_allclose(mark.fixations, [[*place, 0.2, 0.3]])  # type: ignore[attr-defined]
        np.testing.assert_allclose(mark.sigma, [wide])  # type: ignore[attr-defined]
        assert made.changes[: len(made.changes) // 2] == (  # evidence and causes alike
            "a fixation lies off the image",
            "a fixation takes no time",
            "a fixation lies off the image",
            "no fixation lies on the image",
        )


@given(st.integers(1, 60), st.integers(1, 60))
def test_a_look_at_the_very_border_stays_on_the_image(side: int, size: int) -> None:
    last = np.nextafter(side, 0)
    made = fitted(of(looks((last, last, 0, 1)), pixels=np.zeros((side, side, 1), dtype=np.uint8)), size).case.evidence[0]
    assert made.places(PixelUnits(size, size))[0].tolist() == [size * size - 1]  # type: ignore[attr-defined]


def test_anatomy_is_brought_to_size_too() -> None:
    mask = np.zeros((8, 12), dtype=bool)
    mask[2:6, 3:9] = True
    (made,) = fitted(replace(of(), anatomy=(Mask(mask, "heart"),)), 4).case.anatomy
    assert made.mask.sum() == 4  # type: ignore[attr-defined]
    assert made.label == "heart"


def test_nobody_knows_the_slice_of_a_look_at_a_volume() -> None:
    with pytest.raises(DataError, match="Case c has fixations on a volume"):
        fitted(of(looks((1, 1, 0, 1)), pixels=np.zeros((2, 3, 4, 1), dtype=np.uint8)), None)


def test_published_boxes_are_cut_at_the_border_and_counted() -> None:
    made = fitted(of(PublishedBoxes(np.array([[-2, 1, 5, 20], [1, 1, 2, 2]]), "mass", source="human:R1")), None)
    (mark, _), changes = (made.case.evidence + made.case.causes), made.changes
    assert isinstance(mark, Boxes)
    assert (mark.boxes.tolist(), mark.source) == ([[0, 1, 5, 8], [1, 1, 2, 2]], "human:R1")
    assert len(changes) == 2
    assert "reaches beyond the image" in changes[0]
    outside = fitted(of(PublishedBoxes(np.array([[12, 0, 14, 2]]), "mass")), None)
    assert outside.case.evidence == ()
    assert fitted(of(PublishedBoxes(np.array([[0, 0, 12, 8]]), "mass")), None).changes == ()


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 60))
def test_a_box_around_the_whole_image_stays_within_it(height: int, width: int, size: int) -> None:
    case = of(Boxes(np.array([[0, 0, width, height]])), pixels=np.zeros((height, width, 1), dtype=np.uint8))
    box = fitted(case, size).case.evidence[0].boxes[0]  # type: ignore[attr-defined]
    assert box.max() <= size
    np.testing.assert_allclose(box, [0, 0, size, size])


def test_a_late_mask_is_read_for_what_it_covers() -> None:
    mark = UnreadMask(lambda: np.eye(3, dtype=bool), "mass")
    np.testing.assert_array_equal(mark.covers(PixelUnits(3, 3)), np.eye(3, dtype=bool).ravel())
    late = PublishedBoxes(np.array([[-1, -1, 1, 1]]))
    np.testing.assert_array_equal(late.covers(PixelUnits(2, 2)), [True, False, False, False])


def test_volumes_keep_their_size_and_take_no_boxes(tmp_path: Path) -> None:
    volume = np.zeros((2, 3, 4, 1), dtype=np.uint8)
    mask = np.zeros((2, 3, 4), dtype=bool)
    mask[1, 2] = True
    kept = write(tmp_path / "set", Prepared("x", [of(Mask(mask), pixels=volume)]), fractions=(1, 0, 0))["c"]
    np.testing.assert_array_equal(kept.evidence[0].mask, mask)  # type: ignore[attr-defined]
    assert kept.picture.size == (2, 3, 4)
    with pytest.raises(DataError, match="Case c has boxes on a volume"):
        fitted(of(Boxes(np.array([[0, 0, 1, 1]])), pixels=volume), None)


def test_a_volume_among_flat_images_is_left_out_and_counted_where_all_are_brought_to_size(tmp_path: Path) -> None:
    flat, volume = of(), replace(of(pixels=np.zeros((2, 8, 12, 1), dtype=np.uint8)), id="v", patient="v")
    reason = "the image is a volume, which is not resized (size=none keeps it as it is)"
    kept = write(tmp_path / "set", Prepared("x", [flat, volume], size=4), fractions=(1, 0, 0))
    assert [case.id for case in kept] == ["c"]
    assert kept.about["excluded"] == [["v", reason]]
    with pytest.raises(DataError, match=r"that can be read \(the image is a volume, which is not resized"):
        write(tmp_path / "volumes", Prepared("x", [volume], size=4), fractions=(1, 0, 0))
    assert not (tmp_path / "volumes").exists()


def test_a_file_of_a_volume_stops_no_folder_of_images(tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel")
    Image = pytest.importorskip("PIL.Image")
    Image.fromarray(np.full((6, 5), 90, dtype=np.uint8)).save(tmp_path / "a.png")
    nibabel.Nifti1Image(np.arange(120.0).reshape(4, 5, 6), np.eye(4)).to_filename(tmp_path / "b.nii.gz")
    (tmp_path / "metadata.csv").write_text("id,image,label\na,a.png,mass\nb,b.nii.gz,mass\n", encoding="utf-8")
    data = write(tmp_path / "set", ImageFolder(tmp_path, size=4).prepare(), fractions=(1, 0, 0))
    assert [case.picture.size for case in data] == [(4, 4)]
    assert [where for where, _ in data.about["excluded"]] == ["b"]


def test_boxes_that_hold_no_pixel_in_the_new_size_are_left_out_and_counted() -> None:
    pixels = np.zeros((40, 40, 1), dtype=np.uint8)
    small, large = [1.0, 1.0, 3.0, 3.0], [10.0, 10.0, 30.0, 30.0]
    made = fitted(of(Boxes(np.array([small, large])), Boxes(np.array([small])), pixels=pixels), 4)
    (mark,) = made.case.evidence
    assert mark.boxes.tolist() == [[1.0, 1.0, 3.0, 3.0]]  # type: ignore[attr-defined]
    assert made.changes == ("a box is too small to be seen at the size of the data set",) * 4  # evidence and causes alike
    assert len(fitted(of(Boxes(np.array([small])), pixels=pixels), None).case.evidence) == 1


@given(st.lists(st.floats(0, 8), min_size=4, max_size=4))
def test_a_box_is_left_out_exactly_where_it_covers_no_pixel(numbers: list[float]) -> None:
    x0, x1, y0, y1 = *sorted(numbers[:2]), *sorted(numbers[2:])
    if x0 < x1 and y0 < y1:
        made = fitted(of(Boxes(np.array([[x0, y0, x1, y1]])), pixels=np.zeros((8, 8, 1), dtype=np.uint8)), 4)
        there = Boxes(np.array([[x0, y0, x1, y1]]) / 2).covers(PixelUnits(4, 4)).any()
        assert (len(made.case.evidence), len(made.changes)) == ((1, 0) if there else (0, 2))
