from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from published_images import masks, pixels, save, save_table

from pellucid.datasets import Isic2017, Prepared, write
from pellucid.errors import DataError

PARTS = {"Training": ["ISIC_1", "ISIC_2"], "Validation": ["ISIC_3"], "Test_v2": ["ISIC_4"]}
TRUTH = {"ISIC_1": ("1.0", "0.0"), "ISIC_2": ("0.0", "0.0"), "ISIC_3": ("0.0", "1.0"), "ISIC_4": ("1.0", "0.0")}
OUTLINE = np.pad(np.ones((6, 8), dtype=bool), ((3, 3), (4, 4)))


@pytest.fixture
def official(tmp_path: Path) -> Path:
    root = tmp_path / "isic"
    for part, names in PARTS.items():
        folder = root / f"ISIC-2017_{part}_Data"
        for number, name in enumerate(names):
            save(folder / f"{name}.jpg", pixels(12, 16, 3, number))
            save(folder / f"{name}_superpixels.png", pixels(12, 16, 3))
            save(root / f"ISIC-2017_{part}_Part1_GroundTruth" / f"{name}_segmentation.png", OUTLINE)
        save_table(
            folder / f"ISIC-2017_{part}_Data_metadata.csv", "image_id,age_approximate,sex", [(n, "40", "male") for n in names]
        )
        rows = [(name, *TRUTH[name]) for name in names]
        save_table(root / f"ISIC-2017_{part}_Part3_GroundTruth.csv", "image_id,melanoma,seborrheic_keratosis", rows)
    return root


def test_the_published_parts_are_the_splits(official: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "set", Isic2017(official, size=None).prepare())
    splits = {name: [(case.id, set(case.labels)) for case in data.split(name)] for name in ("train", "validation", "test")}
    assert splits == {
        "train": [("ISIC_1", {"melanoma"}), ("ISIC_2", set())],
        "validation": [("ISIC_3", {"seborrheic_keratosis"})],
        "test": [("ISIC_4", {"melanoma"})],
    }
    np.testing.assert_array_equal(data["ISIC_1"].picture.size, (12, 16))
    assert any("Nearly equal images" in note for note in data.about["notes"])


def test_the_outline_of_a_nevus_is_that_of_the_whole_case(official: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "set", Isic2017(official, size=None).prepare())
    found = {case.id: [label for label, _ in masks(case)] for case in data}
    assert found == {"ISIC_1": ["melanoma"], "ISIC_2": [None], "ISIC_3": ["seborrheic_keratosis"], "ISIC_4": ["melanoma"]}
    np.testing.assert_array_equal(masks(data["ISIC_2"])[0][1], OUTLINE)


@pytest.fixture
def republished(tmp_path: Path) -> Prepared:
    root = tmp_path / "again"
    rows = [(name, split, melanoma, "50", "female") for name, split, melanoma in _REPUBLISHED]
    save_table(root / "metadata.csv", "image_id,isic2017_split,melanoma,age_approximate,sex", rows)
    for name, *_ in _REPUBLISHED:
        save(root / "images" / f"{name}.jpg", pixels(8, 8, 3))
    return Isic2017(root).prepare()


_REPUBLISHED = [("ISIC_1", "train", "1"), ("ISIC_2", "train", "0"), ("ISIC_3", "val", "0"), ("ISIC_4", "test", "")]


def test_a_folder_with_metadata_has_melanoma_alone_and_no_outlines(republished: Prepared) -> None:
    assert [(case.id, set(case.labels), case.evidence) for case in republished.cases] == [
        ("ISIC_1", {"melanoma"}, ()),
        ("ISIC_2", set(), ()),
        ("ISIC_3", set(), ()),
    ]
    assert republished.assigned == {"ISIC_1": "train", "ISIC_2": "train", "ISIC_3": "validation"}
    assert [(e.where, e.reason) for e in republished.exclusions] == [("metadata.csv row 5", "the label is not published")]
    assert republished.cases[0].meta == {"age_approximate": "50", "sex": "female"}


def test_own_splits_can_be_had_over_all_labelled_images(official: Path) -> None:
    assert Isic2017(official, published_splits=False).prepare().assigned == {}


def test_rows_that_cannot_be_right_are_refused(official: Path, tmp_path: Path) -> None:
    save_table(
        official / "ISIC-2017_Training_Part3_GroundTruth.csv",
        "image_id,melanoma,seborrheic_keratosis",
        [("ISIC_1", "yes", "0")],
    )
    with pytest.raises(DataError, match="row 2 has 'yes' in the column melanoma"):
        Isic2017(official).prepare()
    save_table(tmp_path / "x" / "metadata.csv", "image_id,isic2017_split,melanoma", [("ISIC_1", "dev", "0")])
    with pytest.raises(DataError, match=r"metadata.csv row 2 has the split 'dev'"):
        Isic2017(tmp_path / "x").prepare()
    save_table(tmp_path / "y" / "metadata.csv", "image_id,melanoma", [("ISIC_1", "0")])
    with pytest.raises(DataError, match=r"metadata.csv has no column 'isic2017_split'; it has image_id, melanoma"):
        Isic2017(tmp_path / "y").prepare()
