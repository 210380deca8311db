from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from published_images import boxes, masks, pixels, save, save_table, stored

from pellucid.datasets import ImageFolder, write
from pellucid.errors import DataError
from pellucid.imaging import read

HEAD = "id,original_name,label,width,height,boxes_xywh,near_dup_group,split"
OUTLINE = np.pad(np.ones((6, 8), dtype=bool), ((3, 3), (4, 4)))
ROWS: list[tuple[object, ...]] = [
    ("benign_001", "benign (1).png", "benign", 16, 12, "4 3 8 6", "0", "train"),
    ("benign_002", "benign (2).png", "benign", 16, 12, "0 0 2 2;4 3 8 6", "0", "train"),
    ("malignant_001", "malignant (1).png", "malignant", 16, 12, "4 3 8 6", "1", "val"),
    ("normal_001", "normal (1).png", "normal", 16, 12, "", "2", "test"),
]
OPTIONS: dict[str, Any] = {
    "image": "images/{id}.png",
    "mask": "masks/{id}.png",
    "patient": "near_dup_group",
    "exclusive": True,
    "size": None,
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "ultrasound"
    save_table(root / "metadata.csv", HEAD, ROWS)
    for number, (name, _, label, *_) in enumerate(ROWS):
        save(root / "images" / f"{name}.png", pixels(12, 16, seed=number))
        save(root / "masks" / f"{name}.png", OUTLINE if label != "normal" else np.zeros_like(OUTLINE))
    return root


def test_masks_beside_the_images_support_the_label_of_the_row(root: Path, tmp_path: Path) -> None:
    data = stored(ImageFolder(root, **OPTIONS).prepare(), tmp_path / "set")
    assert {case.id: (case.patient, set(case.labels)) for case in data} == {
        "benign_001": ("0", {"benign"}),
        "benign_002": ("0", {"benign"}),
        "malignant_001": ("1", {"malignant"}),
        "normal_001": ("2", {"normal"}),
    }
    ((label, mask),) = masks(data["malignant_001"])
    assert label == "malignant"
    np.testing.assert_array_equal(mask, OUTLINE)
    assert data["normal_001"].evidence == ()
    assert data.about["excluded"] == [["normal_001", "a mask marks nothing"]]
    np.testing.assert_array_equal(data["benign_002"].picture.pixels, pixels(12, 16, seed=1))
    assert data.about["exclusive"]


def test_boxes_of_a_cell_are_those_of_one_mark(root: Path, tmp_path: Path) -> None:
    prepared = ImageFolder(root, image="images/{id}.png", boxes="boxes_xywh", size=None).prepare()
    data = stored(prepared, tmp_path / "set")
    assert boxes(data["benign_002"]) == [("benign", "human", [[0, 0, 2, 2], [4, 3, 12, 9]])]
    assert boxes(data["normal_001"]) == []


def test_a_column_of_splits_is_kept_under_the_librarys_names(root: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "set", ImageFolder(root, **OPTIONS, split="split").prepare())
    assert [len(data.split(name)) for name in ("train", "validation", "test")] == [2, 1, 1]


def test_a_patient_in_two_splits_is_refused(root: Path, tmp_path: Path) -> None:
    save_table(root / "metadata.csv", HEAD, [*ROWS[:1], (*ROWS[1][:-1], "test"), *ROWS[2:]])
    with pytest.raises(DataError, match="Patient 0 is in the published splits train and test"):
        write(tmp_path / "set", ImageFolder(root, **OPTIONS, split="split").prepare())


def test_images_by_a_column_with_several_labels_and_a_row_for_each_box(root: Path, tmp_path: Path) -> None:
    rows = [
        ("a", "images/benign_001.png", "mass", 1, 2, 3, 4),
        ("a", "images/benign_001.png", "cyst", 2, 2, 6, 5.5),
        ("b", "images/benign_002.png", "mass|cyst", 0, 0, 16, 12),
        ("c", "images/normal_001.png", "No Finding", "", "", "", ""),
    ]
    save_table(root / "boxes.csv", "name,file,finding,x_min,y_min,x_max,y_max", rows)
    options: dict[str, Any] = {"table": "boxes.csv", "id": "name", "image": "file", "label": "finding", "size": None}
    corners = ("x_min", "y_min", "x_max", "y_max")
    data = stored(ImageFolder(root, **options, corners=corners, no_label=("No Finding",)).prepare(), tmp_path / "set")
    assert {case.id: set(case.labels) for case in data} == {"a": {"mass", "cyst"}, "b": {"mass", "cyst"}, "c": set()}
    assert boxes(data["a"]) == [("mass", "human", [[1, 2, 3, 4]]), ("cyst", "human", [[2, 2, 6, 5.5]])]
    assert boxes(data["b"]) == [(None, "human", [[0, 0, 16, 12]])]
    assert data["c"].patient == "c"
    with pytest.raises(DataError, match=r"boxes.csv row 3 has the name 'a' of an earlier row"):
        ImageFolder(root, **options).prepare()


def test_missing_images_and_masks_are_counted(root: Path) -> None:
    (root / "images" / "benign_001.png").unlink()
    (root / "masks" / "malignant_001.png").unlink()
    prepared = ImageFolder(root, **OPTIONS).prepare()
    assert [(e.where, e.reason) for e in prepared.exclusions] == [
        ("metadata.csv row 2", "the image file is missing"),
        ("metadata.csv row 4", "the mask file is missing (the image is used)"),
    ]
    assert [case.id for case in prepared.cases] == ["benign_002", "malignant_001", "normal_001"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"label": "dx"}, r"metadata.csv has no column 'dx'; it has id, original_name"),
        ({"image": "{name}.png"}, "has no column 'name'"),
        ({"boxes": "label"}, "row 2 has a box of 1 numbers; write it as 'x y width height'"),
        ({"split": "label"}, "row 2 has the split 'benign'; use one of train"),
        ({"no_label": ("benign",)}, "row 2 has 0 labels, though labels are said to be exclusive"),
        ({"table": "labels.csv"}, r"labels.csv cannot be read \(No such file"),
        ({"image": "images/{id.png"}, "option image of image_folder has braces that do not close"),
        ({"size": -1}, "option size of image_folder is -1"),
    ],
)
def test_options_that_do_not_fit_the_table_are_refused(root: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        ImageFolder(root, **{**OPTIONS, **options}).prepare()


def test_an_image_without_an_id_is_refused(root: Path) -> None:
    save_table(root / "metadata.csv", HEAD, [*ROWS, ("", *ROWS[0][1:])])
    with pytest.raises(DataError, match=r"metadata.csv row 6 has nothing in the column id"):
        ImageFolder(root, **OPTIONS).prepare()


@pytest.mark.parametrize(("column", "value"), [("patient", "p2"), ("split", "test"), ("image", "b.png")])
def test_rows_of_one_image_that_put_it_elsewhere_are_refused(tmp_path: Path, column: str, value: str) -> None:
    names = ("id", "image", "label", "patient", "split", "x0", "y0", "x1", "y1")
    row = dict(zip(names, ("a", "a.png", "mass", "p1", "train", 0, 0, 2, 2), strict=True))
    for name in ("a", "b"):
        save(tmp_path / f"{name}.png", pixels(4, 4))
    made = ImageFolder(tmp_path, patient="patient", split="split", corners=("x0", "y0", "x1", "y1"))
    save_table(tmp_path / "metadata.csv", ",".join(names), [tuple(row.values()), tuple(row.values())])
    assert len(made.prepare().cases[0].evidence) == 2
    save_table(tmp_path / "metadata.csv", ",".join(names), [tuple(row.values()), tuple({**row, column: value}.values())])
    with pytest.raises(DataError, match=f"row 3 has '{value}' in the column {column}"):
        made.prepare()


def test_the_shadows_of_a_jpeg_are_no_mask(root: Path, tmp_path: Path) -> None:
    """Its compression turns the black around what is marked into dark grey."""
    wide = np.pad(np.ones((14, 10), dtype=bool), ((5, 13), (9, 21)))
    save(root / "images" / "jpeg.png", pixels(32, 40))
    outline = save(root / "masks" / "jpeg.jpg", wide)
    assert (read(outline).pixels[..., 0] > 0).sum() > 1.2 * wide.sum()
    save_table(root / "one.csv", "id,label,mask", [("jpeg", "benign", "masks/jpeg.jpg")])
    prepared = ImageFolder(root, table="one.csv", image="images/{id}.png", mask="mask", size=None).prepare()
    ((_, mask),) = masks(stored(prepared, tmp_path / "set")["jpeg"])
    np.testing.assert_array_equal(mask, wide)
