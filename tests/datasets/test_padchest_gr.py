"""PadChest-GR, on small made-up files of its exact layout."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from gaze_files import only, reasons
from published_images import pixels, save, save_table

from pellucid.datasets import PadChestGr, write
from pellucid.errors import DataError

HEAD = (
    "StudyID,ImageID,label,boxes_count,extra_boxes_count,locations,prior_study,progression_status,prior_imageID,sentence_en,"
    "sentence_es,study_is_benchmark,study_is_validation,split,PatientID,patient_is_benchmark,PatientBirth,PatientSex_DICOM,"
    "StudyDate_DICOM,StudyDate,PatientAge,label_group,Year"
)
HEIGHT, WIDTH = 80, 100


def finding(en: str, es: str, boxes: list[list[object]], labels: list[str], **more: object) -> dict[str, object]:
    """A finding that is there."""
    told = {"boxes": boxes, "extra_boxes": [[0, 0, 1, 1]], "labels": labels, "locations": [], "progression": None}
    return {"sentence_en": en, "sentence_es": es, "abnormal": True, **told, **more}


EFFUSION = finding(
    "Left pleural effusion.",
    "Derrame pleural izquierdo.",
    [[0.5, 0.25, 0.9, 1.0], [0.5, 0.1, 0.6, 0.2]],
    ["pleural effusion"],
    locations=["left", "pleural"],
)
CLEAR = {"sentence_en": "No consolidations.", "sentence_es": "Sin consolidaciones.", "abnormal": False}
NORMAL = {**CLEAR, "sentence_en": "Normal.", "labels": ["Normal"], "boxes": []}


def adapter(
    tmp_path: Path, findings: dict[str, object], splits: dict[str, tuple[str, str]] | None = None, **options: object
) -> PadChestGr:
    """The adapter of studies (name to findings); `splits` has patient and split, where they are not each its own and train."""
    root = tmp_path / "padchest"
    studies = [
        {"StudyID": f"s{name}", "ImageID": f"{name}.png", "PreviousStudyID": None, "PreviousImageID": None, "findings": found}
        for name, found in findings.items()
    ]
    (root / "Padchest_GR_files" / "PadChest_GR").mkdir(parents=True, exist_ok=True)
    (root / "grounded_reports_20240819.json").write_text(json.dumps(studies), encoding="utf-8")
    told = {name: (f"P{name}", "train") for name in findings} if splits is None else splits
    rows = [(f"s{name}", f"{name}.png", *[""] * 11, split, who, *[""] * 8) for name, (who, split) in told.items()]
    save_table(root / "master_table.csv", HEAD, [line for line in rows for _ in range(2)])  # a row for each label of a study
    for name in findings:
        save(root / "Padchest_GR_files" / "PadChest_GR" / f"{name}.png", pixels(HEIGHT, WIDTH))
    return PadChestGr(root, **{"size": None, **options})  # type: ignore[arg-type]


def test_boxes_are_shares_of_width_and_height(tmp_path: Path) -> None:
    case = only(adapter(tmp_path, {"a": [EFFUSION, CLEAR]}).prepare())
    effusion, clear = case.sentences
    np.testing.assert_allclose(effusion.boxes.boxes, [[50, 20, 90, 80], [50, 8, 60, 16]])
    assert (effusion.label, effusion.regions) == ("pleural effusion", ("left", "pleural"))
    assert effusion.conditions == (("abnormal", True), ("pleural effusion", True))
    assert effusion.groundable
    assert len(clear.boxes.boxes) == 0
    assert clear.absent
    assert case.labels == {"pleural effusion"}


def test_normal_is_the_absence_of_findings_and_no_label(tmp_path: Path) -> None:
    case = only(adapter(tmp_path, {"a": [NORMAL]}).prepare())
    assert case.labels == frozenset()
    assert case.sentences[0].conditions == (("abnormal", False),)
    assert case.sentences[0].absent


def test_reports_are_read_in_either_language(tmp_path: Path) -> None:
    made = adapter(tmp_path, {"a": [EFFUSION, {**CLEAR, "sentence_es": None}]}, language="es")
    prepared = made.prepare()
    assert [sentence.text for sentence in only(prepared).sentences] == ["Derrame pleural izquierdo."]
    assert prepared.about["language"] == "es"
    assert [(e.where, e.reason) for e in prepared.exclusions] == [("a sentence 2", "a sentence has no word")]
    english = only(PadChestGr(made.root).prepare())
    assert [sentence.text for sentence in english.sentences] == ["Left pleural effusion.", "No consolidations."]


def test_published_splits_and_patients_come_from_the_table(tmp_path: Path) -> None:
    splits = {"a": ("P1", "train"), "b": ("P1", "train"), "c": ("P2", "validation"), "d": ("P3", "test")}
    prepared = adapter(tmp_path, {name: [EFFUSION] for name in splits}, splits).prepare()
    assert [case.patient for case in prepared.cases] == ["P1", "P1", "P2", "P3"]
    assert write(tmp_path / "set", prepared).about["split_sizes"] == {"train": 2, "validation": 1, "test": 1}
    assert not adapter(tmp_path, {"a": [EFFUSION]}, published_splits=False).prepare().assigned


def test_silent_reports_missing_images_and_unlisted_studies_are_counted(tmp_path: Path) -> None:
    found = {"a": [EFFUSION], "b": [], "c": [EFFUSION], "d": [{**CLEAR, "sentence_en": "1."}], "e": [EFFUSION]}
    made = adapter(tmp_path, found, {name: (f"P{name}", "train") for name in "abcd"})
    (made.root / "Padchest_GR_files" / "PadChest_GR" / "c.png").unlink()
    prepared = made.prepare()
    assert only(prepared).id == "a"
    assert [(e.where, e.reason) for e in prepared.exclusions] == [
        ("b", "the report has no sentence with a word"),
        ("c", "the image file is missing"),
        ("d sentence 1", "a sentence has no word"),
        ("d", "the report has no sentence with a word"),
        ("e", "the study is not in master_table.csv"),
    ]


def test_an_unreadable_image_is_counted(tmp_path: Path) -> None:
    made = adapter(tmp_path, {"a": [EFFUSION], "b": [EFFUSION]})
    (made.root / "Padchest_GR_files" / "PadChest_GR" / "b.png").write_bytes(b"no image")
    prepared = made.prepare()
    assert only(prepared).id == "a"
    assert reasons(prepared) == {"the image cannot be read": 1}


def test_a_box_beyond_the_image_is_cut_and_counted(tmp_path: Path) -> None:
    wide = {**EFFUSION, "boxes": [[0.5, 0.5, 1.2, 1.0], [1.1, 0, 1.2, 0.5]]}
    data = write(tmp_path / "set", adapter(tmp_path, {"a": [wide]}).prepare())
    np.testing.assert_allclose(data["a"].sentences[0].boxes.boxes, [[50, 40, 100, 80]])
    told = "of a sentence: a box reaches beyond the image (it is cut, or left out where nothing remains)"
    assert [told] == [reason for where, reason in data.about["excluded"] if where == "a"]


BROKEN = [
    {"abnormal": "yes"},
    {"boxes": [[0.1, 0.2, 0.3]]},
    {"boxes": 3},
    {"labels": 5},
    {"sentence_en": 5},
]


@pytest.mark.parametrize("change", BROKEN)
def test_an_entry_that_is_none_is_refused_without_its_words(tmp_path: Path, change: dict[str, object]) -> None:
    made = adapter(tmp_path, {"a": [CLEAR], "b": [{**EFFUSION, **change}]})
    with pytest.raises(DataError, match=r"grounded_reports_20240819.json entry 1 is no study") as error:
        made.prepare()
    assert "effusion" not in str(error.value)


def test_a_box_that_holds_no_numbers_is_refused(tmp_path: Path) -> None:
    made = adapter(tmp_path, {"a": [{**EFFUSION, "boxes": [[0, 0, 1, "low"]]}]})
    with pytest.raises(
        DataError, match=r"grounded_reports_20240819.json entry 0 finding 1, boxes, holds 'low' instead of a number"
    ):
        made.prepare()


def test_a_study_with_two_patients_is_refused(tmp_path: Path) -> None:
    made = adapter(tmp_path, {"a": [EFFUSION]})
    with (made.root / "master_table.csv").open("a") as table:
        table.write("sa,a.png" + "," * 12 + "train,P9" + "," * 8 + "\n")
    with pytest.raises(DataError, match=r"master_table.csv row 4 has another patient or split than an earlier row"):
        made.prepare()


def test_folders_that_lack_something_are_refused(tmp_path: Path) -> None:
    made = adapter(tmp_path, {"a": [EFFUSION]})
    reports = made.root / "grounded_reports_20240819.json"
    reports.write_text("{}")
    with pytest.raises(DataError, match="is no list of studies"):
        made.prepare()
    reports.unlink()
    with pytest.raises(DataError, match=r"has no grounded_reports\*.json"):
        made.prepare()
    (made.root / "master_table.csv").unlink()
    with pytest.raises(DataError, match=r"has no master_table.csv"):
        made.prepare()
    with pytest.raises(DataError, match="option language of padchest_gr is 'fr'; use one of en, es"):
        PadChestGr(made.root, language="fr")  # type: ignore[arg-type]
