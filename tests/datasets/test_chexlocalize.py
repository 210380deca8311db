from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from published_images import masks, pixels, save, save_table, stored

from pellucid.datasets import CheXlocalize, write
from pellucid.errors import DataError

FINDINGS = "No Finding,Cardiomegaly,Lung Opacity,Pleural Effusion"
# On 3 x 4 pixels, column after column: 2 unmarked, 2 marked, 8 unmarked; and nothing but 12 unmarked.
SOME, NONE = {"size": [3, 4], "counts": "228"}, {"size": [3, 4], "counts": "<"}
MARKED = np.zeros((3, 4), dtype=bool)
MARKED[2, 0] = MARKED[0, 1] = True


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "chex"
    for path in (
        "val/patient64541/study1/view1_frontal",
        "val/patient64542/study1/view2_lateral",
        "test/patient7/study2/view1_frontal",
    ):
        save(root / "CheXpert" / f"{path}.jpg", pixels(3, 4))
    rows = [
        ("CheXpert-v1.0/valid/patient64541/study1/view1_frontal.jpg", "Male", 73, "Frontal", "AP", 0.0, 1.0, 1.0, 0.0),
        ("CheXpert-v1.0/valid/patient64542/study1/view2_lateral.jpg", "Male", 70, "Lateral", "", 1.0, 0.0, 0.0, 0.0),
    ]
    save_table(root / "CheXpert" / "val_labels.csv", f"Path,Sex,Age,Frontal/Lateral,AP/PA,{FINDINGS}", rows)
    tests = [("test/patient7/study2/view1_frontal.jpg", 0, 0, 1, 1), ("test/patient8/study1/view1_frontal.jpg", 1, 0, 0, 0)]
    save_table(root / "CheXpert" / "test_labels.csv", f"Path,{FINDINGS}", tests)
    outlines = {"patient64541_study1_view1_frontal": {"Cardiomegaly": SOME, "Airspace Opacity": SOME, "Pleural Effusion": NONE}}
    write_json(root / "CheXlocalize" / "gt_segmentations_val.json", outlines)
    outlines = {"patient7_study2_view1_frontal": {"Cardiomegaly": SOME, "Pleural Effusion": SOME}}
    write_json(root / "CheXlocalize" / "gt_segmentations_test.json", outlines)
    points = {"patient7_study2_view1_frontal": {"Airspace Opacity": [[1.5, 2.0]], "Pleural Effusion": [[0.0, 1.0]]}}
    write_json(root / "CheXlocalize" / "hb_salient_pt_test.json", points)
    return root


def write_json(path: Path, value: object) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value))


def test_outlines_are_decoded_and_named_as_the_labels_are(root: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "set", CheXlocalize(root, size=None).prepare())
    case = data["patient64541_study1_view1_frontal"]
    assert (case.patient, case.labels) == ("patient64541", {"Cardiomegaly", "Lung Opacity"})
    assert case.meta == {"view": "frontal", "sex": "Male", "age": "73"}
    found = masks(case)
    assert [label for label, _ in found] == ["Cardiomegaly", "Lung Opacity"]
    for _, mask in found:
        np.testing.assert_array_equal(mask, MARKED)
    assert data["patient64542_study1_view2_lateral"].labels == set()
    assert case.picture.size == (3, 4)


def test_marks_for_labels_that_an_image_lacks_are_counted(root: Path) -> None:
    prepared = CheXlocalize(root).prepare()
    assert [(e.where, e.reason) for e in prepared.exclusions] == [
        ("patient7_study2_view1_frontal", "an outline for a label that the image lacks"),
        ("patient8_study1_view1_frontal", "the image file is missing"),
    ]


def test_hit_points_are_kept(root: Path) -> None:
    found = {case.id: case.meta.get("hit_points") for case in CheXlocalize(root).prepare().cases}
    assert found == {
        "patient64541_study1_view1_frontal": None,
        "patient64542_study1_view2_lateral": None,
        "patient7_study2_view1_frontal": {"Lung Opacity": [[1.5, 2.0]], "Pleural Effusion": [[0.0, 1.0]]},
    }


def test_the_published_parts_are_the_splits_or_the_library_makes_its_own(root: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "set", CheXlocalize(root).prepare())
    assert data.about["split_sizes"] == {"train": 0, "validation": 2, "test": 1}
    own = stored(CheXlocalize(root, published_splits=False).prepare(), tmp_path / "own")
    assert own.about["split_sizes"]["train"] == 3


def test_one_part_is_enough_and_none_is_refused(root: Path) -> None:
    (root / "CheXpert" / "val_labels.csv").unlink()
    assert [case.patient for case in CheXlocalize(root).prepare().cases] == ["patient7"]
    (root / "CheXpert" / "test_labels.csv").unlink()
    with pytest.raises(DataError, match=r"has no val_labels.csv or test_labels.csv"):
        CheXlocalize(root).prepare()


@pytest.mark.parametrize(
    ("entry", "message"),
    [({"size": [3, 4]}, "no mask in runs with size and counts"), ({"size": [3, 4], "counts": "2 8"}, "the character ' '")],
)
def test_a_damaged_outline_is_refused(root: Path, entry: object, message: str) -> None:
    write_json(
        root / "CheXlocalize" / "gt_segmentations_val.json", {"patient64541_study1_view1_frontal": {"Cardiomegaly": entry}}
    )
    with pytest.raises(DataError, match=message):
        CheXlocalize(root).prepare()


def test_a_path_that_is_none_of_chexpert_is_refused(root: Path) -> None:
    save_table(root / "CheXpert" / "val_labels.csv", f"Path,{FINDINGS}", [("x.jpg", 0, 0, 0, 0)])
    with pytest.raises(DataError, match=r"val_labels.csv row 2 names 'x.jpg', which is no image of CheXpert"):
        CheXlocalize(root).prepare()
