from __future__ import annotations

from pathlib import Path

import pytest
from published_images import boxes, pixels, save_dicom, save_table

from pellucid.case import by_annotator
from pellucid.datasets import Vindr, write
from pellucid.errors import DataError

TRAIN = [f"t{number:02}" for number in range(10)]
LABELS = "Cardiomegaly,Nodule/Mass,Pneumonia,No finding"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "vindr"
    for name in TRAIN:
        save_dicom(root / "train" / f"{name}.dicom", pixels(10, 20))
    save_dicom(root / "test" / "u0.dicom", pixels(10, 20), "MONOCHROME1")
    readers = ["R1", "R2", "R9"]
    votes = {("t00", "R1"): (1, 1, 0, 0), ("t00", "R2"): (1, 0, 1, 0), ("t00", "R9"): (1, 0, 1, 0)}
    rows = [(name, reader, *votes.get((name, reader), (0, 0, 0, 1))) for name in TRAIN for reader in readers]
    save_table(root / "annotations" / "image_labels_train.csv", f"image_id,rad_id,{LABELS}", rows)
    save_table(root / "annotations" / "image_labels_test.csv", f"image_id,{LABELS}", [("u0", 0, 1, 0, 0)])
    marks = [
        ("t00", "R1", "Cardiomegaly", 2.0, 3.0, 12.0, 9.0),
        ("t00", "R9", "Cardiomegaly", 3.0, 3.0, 12.5, 9.0),
        ("t00", "R9", "Cardiomegaly", 0.0, 0.0, 1.0, 1.0),
        ("t00", "R1", "Nodule/Mass", 1.0, 1.0, 2.0, 2.0),
        *((name, reader, "No finding", "", "", "", "") for name in TRAIN[1:] for reader in readers),
    ]
    save_table(root / "annotations" / "annotations_train.csv", "image_id,rad_id,class_name,x_min,y_min,x_max,y_max", marks)
    found = [("u0", "Nodule/Mass", 4.0, 4.0, 8.0, 12.0)]
    save_table(root / "annotations" / "annotations_test.csv", "image_id,class_name,x_min,y_min,x_max,y_max", found)
    return root


def test_marks_keep_the_names_of_their_radiologists(root: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "set", Vindr(root, size=None).prepare())
    case = data["t00"]
    assert boxes(case) == [
        ("Cardiomegaly", "human:R1", [[2, 3, 12, 9]]),
        ("Cardiomegaly", "human:R9", [[3, 3, 12.5, 9], [0, 0, 1, 1]]),
    ]
    assert list(by_annotator(case.evidence)) == ["R1", "R9"]
    assert case.picture.size == (10, 20)
    assert boxes(data["u0"]) == [("Nodule/Mass", "human", [[4, 4, 8, 10]])]


def test_a_label_needs_so_many_radiologists(root: Path) -> None:
    labels = {readers: set(Vindr(root, readers=readers).prepare().cases[0].labels) for readers in (1, 2, 3)}
    assert labels == {1: {"Cardiomegaly", "Nodule/Mass", "Pneumonia"}, 2: {"Cardiomegaly", "Pneumonia"}, 3: {"Cardiomegaly"}}
    assert [(e.where, e.reason) for e in Vindr(root).prepare().exclusions] == [
        ("annotations_train.csv row 5", "a box for a label that the image lacks, or that too few radiologists gave")
    ]


def test_the_published_parts_are_the_splits_and_a_tenth_of_training_validates(root: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "set", Vindr(root, size=8).prepare())
    assert data.about["split_sizes"] == {"train": 9, "validation": 1, "test": 1}
    assert [case.id for case in data.split("test")] == ["u0"]


def test_the_parts_have_one_word_for_other_diseases(root: Path) -> None:
    """The published tables have two: "Other diseases" where models learn, "Other disease" where they are judged."""
    for part, names, word in (("train", TRAIN, "Other diseases"), ("test", ["u0"], "Other disease")):
        save_table(root / "annotations" / f"image_labels_{part}.csv", f"image_id,{word},No finding", [(n, 1, 0) for n in names])
        marks = [(name, word, 1, 1, 2, 2) for name in names]
        save_table(root / "annotations" / f"annotations_{part}.csv", "image_id,class_name,x_min,y_min,x_max,y_max", marks)
    prepared = Vindr(root, readers=1).prepare()
    assert {label for case in prepared.cases for label in case.labels} == {"Other diseases"}
    assert {mark.label for case in prepared.cases for mark in case.evidence} == {"Other diseases"}
    assert not prepared.exclusions


def test_an_inverted_image_is_shown_as_it_should_be(root: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "set", Vindr(root, size=None).prepare())
    inverted, plain = data["u0"].picture.unit(), data["t00"].picture.unit()
    assert abs(inverted + plain - 1).max() < 0.01


def test_tables_that_do_not_fit_each_other_are_refused(root: Path) -> None:
    with (root / "annotations" / "annotations_test.csv").open("a") as table:
        table.write("u7,Pneumonia,1,1,2,2\n")
    with pytest.raises(DataError, match=r"annotations_test.csv row 3 names the image u7, which has no row"):
        Vindr(root).prepare()
    with pytest.raises(DataError, match="option readers of vindr is 0"):
        Vindr(root, readers=0)
