"""Adapters of images, on published data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from published_images import masks

from pellucid.datasets import ImageFolder, Isic2017, StoredDataset, write

pytestmark = pytest.mark.data


def folder(data_root: Path, name: str) -> Path:
    if not (data_root / name).is_dir():
        pytest.skip(f"{name} is not in {data_root}")
    return data_root / name


@pytest.fixture(scope="module")
def busi(data_root: Path, tmp_path_factory: pytest.TempPathFactory) -> StoredDataset:
    prepared = ImageFolder(
        folder(data_root, "image_busi"),
        image="images/{id}.png",
        mask="masks/{id}.png",
        patient="near_dup_group",
        exclusive=True,
        size=64,
    ).prepare()
    return write(tmp_path_factory.mktemp("busi") / "set", prepared)


def test_every_ultrasound_with_a_lesion_has_its_outline(busi: StoredDataset) -> None:
    assert len(busi) == 586
    assert busi.labels == ("benign", "malignant", "normal")
    unmarked = {case.id for case in busi if not case.evidence}
    assert {case.id for case in busi if "normal" in case.labels} <= unmarked
    vanished = sum(reason.endswith("size of the data set") for _, reason in busi.about["excluded"])
    assert len(unmarked) - vanished == busi.about["exclusions"]["a mask marks nothing"] == 101
    busi.verify()


def test_near_duplicates_share_a_split(busi: StoredDataset) -> None:
    groups = [{case.patient for case in busi.split(name)} for name in ("train", "validation", "test")]
    assert sum(map(len, groups)) == len(set().union(*groups)) == busi.about["patients"]


def test_outlines_have_the_area_that_the_table_states(data_root: Path, busi: StoredDataset) -> None:
    lines = (folder(data_root, "image_busi") / "metadata.csv").read_text().splitlines()
    names = lines[0].split(",")
    stated = {row.split(",")[0]: float(row.split(",")[names.index("mask_frac")]) for row in lines[1:]}
    found = {case.id: masks(case)[0][1].mean() for case in busi if case.evidence}
    gaps = [abs(found[name] - stated[name]) for name in found]
    assert np.median(gaps) < 0.002
    assert max(gaps) < 0.01


def test_the_labelled_parts_of_isic_2017_are_read(data_root: Path) -> None:
    prepared = Isic2017(folder(data_root, "image_isic2017")).prepare()
    splits = [prepared.assigned[case.id] for case in prepared.cases]
    melanoma = [split for case, split in zip(prepared.cases, splits, strict=True) if case.labels]
    assert (splits.count("train"), splits.count("validation")) == (2000, 150)
    assert (melanoma.count("train"), melanoma.count("validation")) == (374, 30)
    assert len(prepared.exclusions) == 600
    assert prepared.cases[0].picture.pixels.shape == (256, 256, 3)
