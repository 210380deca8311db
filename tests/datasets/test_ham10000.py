from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from published_images import masks, pixels, save, save_table, stored

from pellucid.datasets import Ham10000, write
from pellucid.errors import DataError

HEAD = "lesion_id,image_id,dx,dx_type,age,sex,localization"
ROWS = [
    ("HAM_1", "ISIC_01", "bkl", "histo", "80.0", "male", "scalp"),
    ("HAM_1", "ISIC_02", "bkl", "histo", "80.0", "male", "scalp"),
    ("HAM_2", "ISIC_03", "mel", "histo", "", "female", "back"),
    ("HAM_3", "ISIC_04", "nv", "follow_up", "45.0", "male", "face"),
]
OUTLINE = np.pad(np.ones((6, 8), dtype=bool), ((3, 3), (4, 4)))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "ham"
    save_table(root / "HAM10000_metadata.csv", HEAD, ROWS)
    for number, (_, name, *_) in enumerate(ROWS):
        save(root / f"HAM10000_images_part_{1 + number % 2}" / f"{name}.jpg", pixels(12, 16, 3, number))
    for name in ("ISIC_01", "ISIC_02", "ISIC_03"):
        save(root / "HAM10000_segmentations_lesion_tschandl" / f"{name}_segmentation.png", OUTLINE)
    return root


def test_images_of_one_lesion_stay_together_and_outlines_support_the_diagnosis(root: Path, tmp_path: Path) -> None:
    prepared = Ham10000(root, size=None).prepare()
    assert [(case.id, case.patient, set(case.labels)) for case in prepared.cases] == [
        ("ISIC_01", "HAM_1", {"bkl"}),
        ("ISIC_02", "HAM_1", {"bkl"}),
        ("ISIC_03", "HAM_2", {"mel"}),
        ("ISIC_04", "HAM_3", {"nv"}),
    ]
    data = stored(prepared, tmp_path / "set")
    ((label, mask),) = masks(data["ISIC_03"])
    assert label == "mel"
    np.testing.assert_array_equal(mask, OUTLINE)
    assert data["ISIC_03"].picture.pixels.shape == (12, 16, 3)
    assert data["ISIC_03"].meta == {"dx_type": "histo", "sex": "female", "localization": "back"}
    assert data.about["exclusive"]
    assert data.about["excluded"] == [["ISIC_04", "the outline of the lesion is missing (the image is used)"]]
    parts = write(tmp_path / "split", prepared, fractions=(0.5, 0.0, 0.5))
    lesions = [{case.patient for case in parts.split(name)} for name in ("train", "test")]
    assert sum(map(len, lesions)) == len(set().union(*lesions)) == 3


def test_images_and_outlines_are_resized_together(root: Path, tmp_path: Path) -> None:
    data = stored(Ham10000(root, size=8).prepare(), tmp_path / "set")
    np.testing.assert_array_equal(masks(data["ISIC_01"])[0][1], np.pad(np.ones((4, 4), dtype=bool), 2))
    assert data["ISIC_01"].picture.pixels.shape == (8, 8, 3)


def test_a_data_set_without_outlines_has_no_evidence_and_counts_nothing(root: Path) -> None:
    for path in (root / "HAM10000_segmentations_lesion_tschandl").iterdir():
        path.unlink()
    prepared = Ham10000(root).prepare()
    assert not any(case.evidence for case in prepared.cases)
    assert not prepared.exclusions


def test_a_damaged_image_and_a_damaged_outline_are_counted(root: Path, tmp_path: Path) -> None:
    (root / "HAM10000_images_part_1" / "ISIC_01.jpg").write_bytes(b"\xff\xd8\xff no image")
    (root / "HAM10000_segmentations_lesion_tschandl" / "ISIC_03_segmentation.png").write_bytes(b"\x89PNG\r\n\x1a\n no image")
    data = stored(Ham10000(root).prepare(), tmp_path / "set")
    assert [case.id for case in data] == ["ISIC_02", "ISIC_04"]
    assert ["ISIC_01", "the image cannot be read"] in data.about["excluded"]
    assert ["ISIC_03", "a mask cannot be read"] in data.about["excluded"]


def test_an_image_whose_outline_has_another_size_is_counted(root: Path, tmp_path: Path) -> None:
    save(root / "HAM10000_segmentations_lesion_tschandl" / "ISIC_03_segmentation.png", OUTLINE.T)
    data = stored(Ham10000(root).prepare(), tmp_path / "set")
    assert ["ISIC_03", "a mask has another size than its image"] in data.about["excluded"]
    assert "ISIC_03" not in {case.id for case in data}


def test_an_unknown_diagnosis_is_refused(root: Path) -> None:
    save_table(root / "HAM10000_metadata.csv", HEAD, [*ROWS, ("HAM_9", "ISIC_09", "wart", "", "", "", "")])
    with pytest.raises(DataError, match=r"HAM10000_metadata.csv row 6 has the diagnosis 'wart'"):
        Ham10000(root).prepare()
