from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from published_images import boxes, pixels, save_dicom, save_table, stored

from pellucid.datasets import Rsna
from pellucid.errors import DataError

LABELS, CLASSES = "stage_2_train_labels.csv", "stage_2_detailed_class_info.csv"
ROWS: list[tuple[object, ...]] = [
    ("a", 2.0, 1.0, 6.0, 4.0, 1),
    ("a", 8.0, 2.0, 12.0, 8.0, 1),  # reaches 4 pixels beyond the image
    ("b", "", "", "", "", 0),
    ("c", "", "", "", "", 0),
    ("d", "", "", "", "", 0),
]
KINDS = [
    ("a", "Lung Opacity"),
    ("a", "Lung Opacity"),
    ("b", "Normal"),
    ("c", "No Lung Opacity / Not Normal"),
    ("d", "Normal"),
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "rsna"
    for number, name in enumerate("abc"):
        save_dicom(root / "stage_2_train_images" / f"{name}.dcm", pixels(16, 16, seed=number))
    save_table(root / LABELS, "patientId,x,y,width,height,Target", ROWS)
    save_table(root / CLASSES, "patientId,class", KINDS)
    return root


def test_every_box_of_an_image_is_used_and_cut_at_its_border(root: Path, tmp_path: Path) -> None:
    data = stored(Rsna(root, size=None).prepare(), tmp_path / "set")
    assert [(case.id, case.labels) for case in data] == [("a", {"pneumonia"}), ("b", set()), ("c", set())]
    assert boxes(data["a"]) == [("pneumonia", "human", [[2, 1, 8, 5], [8, 2, 16, 10]])]
    assert data["a"].picture.size == (16, 16)
    np.testing.assert_allclose(data["a"].picture.unit()[..., 0] * 255, pixels(16, 16)[..., 0], atol=1e-3)
    assert data.about["exclusions"] == {
        "the image file is missing": 1,
        "a box reaches beyond the image (it is cut, or left out where nothing remains)": 1,
    }
    assert data["c"].meta["class"] == "not_normal"


def test_boxes_follow_the_size_of_the_image(root: Path, tmp_path: Path) -> None:
    data = stored(Rsna(root, size=8).prepare(), tmp_path / "set")
    assert data["a"].picture.size == (8, 8)
    assert boxes(data["a"])[0][2] == [[1, 0.5, 4, 2.5], [4, 1, 8, 5]]


def test_three_classes_exclude_each_other(root: Path) -> None:
    prepared = Rsna(root, classes="three").prepare()
    assert [(case.id, set(case.labels)) for case in prepared.cases] == [
        ("a", {"pneumonia"}),
        ("b", {"normal"}),
        ("c", {"not_normal"}),
    ]
    assert prepared.about["exclusive"]
    assert not Rsna(root).prepare().about["exclusive"]


def test_the_published_mapping_tells_which_images_show_one_person(root: Path) -> None:
    assert [case.patient for case in Rsna(root).prepare().cases] == ["a", "b", "c"]
    assert any("not known" in note for note in Rsna(root).prepare().about["notes"])
    entries = [
        {"subset_img_id": name, "img_id": f"0000000{number}_001.png"} for name, number in zip("abcd", "1122", strict=True)
    ]
    (root / "pneumonia-challenge-dataset-mappings_2018.json").write_text(json.dumps(entries))
    prepared = Rsna(root).prepare()
    assert [case.patient for case in prepared.cases] == ["00000001", "00000001", "00000002"]
    assert not any("not known" in note for note in prepared.about["notes"])


def test_preparing_reads_no_image(root: Path, tmp_path: Path) -> None:
    for path in (root / "stage_2_train_images").iterdir():
        path.write_bytes(path.read_bytes()[:200])
    prepared = Rsna(root).prepare()
    assert len(prepared.cases) == 3
    with pytest.raises(DataError, match="image, table or signal that can be read"):
        stored(prepared, tmp_path / "set")


@pytest.mark.parametrize(
    ("file", "row", "message"),
    [
        (LABELS, "a,,,,,0", "row 7 has another Target than an earlier row of a"),
        (LABELS, "e,1,1,5,x,1", "row 7, column height, holds 'x' instead of a number"),
        (LABELS, "e,1,1,5,0,1", "row 7 has a box of 5.0 x 0.0"),
        (LABELS, "e,1,1,5,5,2", "row 7 has '2' in the column Target"),
        (LABELS, "e,1,1", "row 7 has 3 columns instead of 6"),
        (CLASSES, "d,Lung Opacity", "disagree about d"),
        (CLASSES, "d,Fine", "row 7 has the class 'Fine'"),
    ],
)
def test_a_row_that_cannot_be_right_is_refused(root: Path, file: str, row: str, message: str) -> None:
    with (root / file).open("a") as table:
        table.write(row + "\n")
    with pytest.raises(DataError, match=message):
        Rsna(root).prepare()


def test_missing_files_and_unknown_options_are_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="option classes of rsna is 'two'"):
        Rsna(root, classes="two")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="option size of rsna is 0"):
        Rsna(root, size=0)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"has no stage_2_train_labels.csv; give the unpacked folder of the RSNA"):
        Rsna(tmp_path / "empty").prepare()
    (root / CLASSES).unlink()
    Rsna(root).prepare()
    with pytest.raises(DataError, match="detailed_class_info"):
        Rsna(root, classes="three").prepare()
    with pytest.raises(DataError, match="is not a folder"):
        Rsna(tmp_path / "nowhere").prepare()
