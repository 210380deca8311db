from __future__ import annotations

from pathlib import Path

import pytest
from published_images import boxes, pixels, save, save_table, stored

from pellucid.datasets import Nih14, write
from pellucid.errors import DataError

ENTRY = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],"
)
BOXES = "Image Index,Finding Label,Bbox [x,y,w,h],,,"
FINDINGS = {
    "00000001_000.png": "Cardiomegaly|Effusion",
    "00000001_001.png": "No Finding",
    "00000002_000.png": "Infiltration",
    "00000003_000.png": "Hernia",
    "00000004_000.png": "No Finding",
    "00000005_000.png": "Mass",
    "00000006_000.png": "No Finding",
    "00000007_000.png": "No Finding",
    "00000008_000.png": "No Finding",
}
TEST = ["00000001_000.png", "00000001_001.png", "00000002_000.png"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "nih"
    rows = []
    for number, (name, labels) in enumerate(FINDINGS.items()):
        save(root / f"images_00{1 + number % 2}" / "images" / name, pixels(16, 16, seed=number))
        rows.append((name, labels, 0, int(name[:8]), "058Y", "M", "PA", 2682, 2749, 0.143, 0.143, ""))
    save_table(root / "Data_Entry_2017.csv", ENTRY, rows)
    found = [
        ("00000001_000.png", "Cardiomegaly", 2.0, 4.0, 8.0, 6.0, "", "", ""),
        ("00000001_000.png", "Mass", 2.0, 4.0, 8.0, 6.0, "", "", ""),
        ("00000002_000.png", "Infiltrate", 1.5, 1.0, 2.0, 2.0, "", "", ""),
        ("00000002_000.png", "Infiltrate", 12.0, 12.0, 8.0, 2.0, "", "", ""),
    ]
    save_table(root / "BBox_List_2017.csv", BOXES, found)
    (root / "test_list.txt").write_text("\n".join(TEST))
    (root / "train_val_list.txt").write_text("\n".join(name for name in FINDINGS if name not in TEST) + "\n")
    return root


def test_labels_patients_and_boxes_are_those_of_the_tables(root: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "set", Nih14(root, size=None).prepare())
    assert data["00000001_000.png"].labels == {"Cardiomegaly", "Effusion"}
    assert data["00000001_001.png"].labels == set()
    assert data["00000001_001.png"].patient == "1"
    assert data["00000001_000.png"].meta == {"patient_age": "058Y", "patient_gender": "M", "view_position": "PA"}
    assert boxes(data["00000001_000.png"]) == [("Cardiomegaly", "human", [[2, 4, 10, 10]])]
    assert boxes(data["00000002_000.png"]) == [("Infiltration", "human", [[1.5, 1, 3.5, 3], [12, 12, 16, 14]])]
    assert ["00000001_000.png", "a box for a label that the image lacks"] in data.about["excluded"]
    assert data["00000003_000.png"].picture.size == (16, 16)


def test_the_published_lists_are_the_splits_and_patients_of_training_validate(root: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "set", Nih14(root).prepare())
    assert [case.id for case in data.split("test")] == TEST
    assert (len(data.split("train")), len(data.split("validation"))) == (5, 1)


def test_without_the_lists_the_splits_are_those_of_the_library(root: Path) -> None:
    (root / "test_list.txt").unlink()
    assert Nih14(root).prepare().assigned == {}


def test_an_image_of_no_list_is_refused(root: Path) -> None:
    (root / "test_list.txt").write_text("\n".join(TEST[:2]))
    with pytest.raises(DataError, match=r"00000002_000.png is not in exactly one of train_val_list.txt and test_list.txt"):
        Nih14(root).prepare()


def test_the_marked_images_can_be_had_alone(root: Path, tmp_path: Path) -> None:
    prepared = Nih14(root, only_marked=True).prepare()
    assert [case.id for case in prepared.cases] == ["00000001_000.png", "00000002_000.png"]
    assert prepared.assigned == {}
    assert len(stored(prepared, tmp_path / "set")) == 2
    (root / "BBox_List_2017.csv").unlink()
    assert not any(case.evidence for case in Nih14(root).prepare().cases)
    with pytest.raises(DataError, match=r"BBox_List_2017.csv"):
        Nih14(root, only_marked=True).prepare()
