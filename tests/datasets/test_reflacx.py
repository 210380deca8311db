"""REFLACX, on small made-up files of its exact layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gaze_files import (
    HEIGHT,
    PHASE_1,
    WIDTH,
    egd,
    egd_row,
    ellipse,
    files,
    gaze,
    look,
    mimic,
    only,
    phase,
    points,
    reading,
    reasons,
    seen,
)
from published_images import masks, stored

from pellucid.case import by_annotator
from pellucid.datasets import EgdCxr, Reflacx, write
from pellucid.datasets.reflacx_rows import drawn
from pellucid.errors import DataError
from pellucid.registry import datasets

A, B = "0a1b2c3d-11111111", "9f8e7d6c-22222222"


def adapter(tmp_path: Path, *rows: dict[str, object], number: int = 3, **options: object) -> Reflacx:
    """The adapter of a folder whose one phase has these readings."""
    root = phase(tmp_path / "reflacx", number, rows)
    images = mimic(tmp_path / "mimic", {str(row["dicom_id"]): int(str(row["subject_id"])) for row in rows})
    given = {"size": None, "phases": (number,), "published_splits": False, **options}
    return Reflacx(root, images, **given)  # type: ignore[arg-type]


def test_gaze_lies_where_the_table_says_with_an_acuity_for_each_fixation(tmp_path: Path) -> None:
    made = adapter(tmp_path, reading("P300R1", A, 10000001))
    zoomed = seen(2, 2.5, 100, 80, angular_resolution_x_pixels_per_degree=4, angular_resolution_y_pixels_per_degree=5)
    files(made.root, "P300R1", [zoomed, seen(1, 1.25, 30, 40)])
    case = only(made.prepare())
    (mark,) = gaze(case)
    assert mark.fixations.tolist() == [[30, 40, 1, 0.25], [100, 80, 2, 0.5]]
    assert np.asarray(mark.sigma).tolist() == [[10, 20], [4, 5]]
    assert (mark.source, case.patient) == ("human:P300R1", "mimic4-10000001")
    half = Reflacx(made.root, made.images, phases=(3,), published_splits=False, sigma=0.5).prepare()
    assert np.asarray(gaze(only(half))[0].sigma).tolist() == [[5, 10], [2, 2.5]]


def test_fixations_that_are_none_on_the_image_are_counted(tmp_path: Path) -> None:
    made = adapter(tmp_path, reading("P300R1", A, 10000001))
    looks = [
        seen(1, 2, 60, 45),
        seen(2, 3, -1, 45),
        seen(3, 4, WIDTH, 45),
        seen(4, 5, 60, 45, xmin_shown_from_image=70),
        seen(6, 6, 60, 45),
    ]
    files(made.root, "P300R1", looks)
    prepared = made.prepare()
    assert points(only(prepared)) == [[60, 45]]
    assert reasons(prepared) == {
        "a fixation lies off the image": 2,
        "a fixation lies off the part of the image that was shown": 1,
        "a fixation takes no time": 1,
    }
    assert prepared.exclusions[0].where == "P300R1 fixations.csv row 3"


def test_the_readings_of_an_image_are_one_case_with_a_gaze_each(tmp_path: Path) -> None:
    names = [f"P200R{number}" for number in range(5)]
    made = adapter(tmp_path, *(reading(name, A, 10000001) for name in names), number=2)
    for at, name in enumerate(names):
        files(made.root, name, [seen(1, 2, 10 + at, 20)])
    case = only(made.prepare())
    assert list(by_annotator(case.evidence)) == names
    assert [mark.fixations[0, 0] for mark in gaze(case)] == [10, 11, 12, 13, 14]
    assert case.meta == {"readings": names, "phase": 2, "split": "train"}
    assert [(box.label, box.source) for box in case.anatomy] == [("chest", f"human:{name}") for name in names]


def test_a_label_needs_more_than_half_of_the_readings(tmp_path: Path) -> None:
    sure = [
        {"Consolidation": 5, "Atelectasis": 3},
        {"Consolidation": 3, "Atelectasis": 2},
        {"Consolidation": 2, "Hiatal hernia": 5},
    ]
    made = adapter(tmp_path, *(reading(f"P200R{n}", A, 10000001, **cells) for n, cells in enumerate(sure)), number=2)
    for number in range(3):
        files(made.root, f"P200R{number}", [seen(1, 2, 10, 20)])
    found = {}
    for certainty in (2, 3, 5):
        again = Reflacx(made.root, made.images, phases=(2,), certainty=certainty, published_splits=False)
        found[certainty] = set(only(again.prepare()).labels)
    assert found == {2: {"consolidation", "atelectasis"}, 3: {"consolidation"}, 5: set()}


def test_labels_of_phase_1_get_the_names_of_the_other_phases(tmp_path: Path) -> None:
    cells = {"Emphysema": 4, "Fibrosis": 3, "Nodule": 3, "Mass": 1, "Wide mediastinum": 5, "Airway wall thickening": 3}
    row = reading("P102R1", A, 10000001, **cells, **{"Quality issue": True, "Support devices": True, "Pleural thickening": 2})
    made = adapter(tmp_path, row, number=1)
    files(made.root, "P102R1", [seen(1, 2, 10, 20)], ellipses=[ellipse((10, 10, 50, 30), 3, "Nodule", "Mass")], labels=PHASE_1)
    case = only(made.prepare())
    assert case.labels == {
        "high lung volume / emphysema",
        "interstitial lung disease",
        "lung nodule or mass",
        "abnormal mediastinal contour",
        "airway wall thickening",
        "support devices",
    }
    assert [mark.label for mark in case.evidence] == [None, "lung nodule or mass"]


def test_an_ellipse_is_inscribed_in_its_box() -> None:
    mask = drawn(np.array([[20.0, 10.0, 60.0, 40.0]]), (HEIGHT, WIDTH))
    assert mask.sum() == pytest.approx(np.pi * 20 * 15, rel=0.01)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    assert (rows[0], rows[-1], columns[0], columns[-1]) == (10, 39, 20, 59)
    assert not mask[11, 22]
    two = drawn(np.array([[20.0, 10.0, 60.0, 40.0], [80.0, 10.0, 90.0, 20.0]]), (HEIGHT, WIDTH))
    assert (two & ~mask).sum() == pytest.approx(np.pi * 25, rel=0.05)


def test_ellipses_become_masks_with_the_confidence_of_their_reader(tmp_path: Path) -> None:
    made = adapter(tmp_path, reading("P300R1", A, 10000001, Consolidation=4, Atelectasis=3))
    outlines = [
        ellipse((10, 10, 50, 30), 4, "Consolidation"),
        ellipse((60, 10, 90, 30), 4, "Consolidation", "Atelectasis"),
        ellipse((60, 50, 90, 80), 3, "Consolidation"),
        ellipse((60, 10, 90, 30), 2, "Consolidation"),
        ellipse((60, 10, 90, 30), 5, "Pneumothorax"),
        ellipse((60, 10, 60, 30), 4, "Consolidation"),
    ]
    files(made.root, "P300R1", [seen(1, 2, 10, 20)], ellipses=outlines)
    prepared = made.prepare()
    data = stored(prepared, tmp_path / "set")
    marks = [mark for mark in data[A].evidence if mark.label is not None]
    assert [(mark.label, mark.confidence, mark.source) for mark in marks] == [
        ("consolidation", 0.75, "human:P300R1"),
        ("atelectasis", 0.75, "human:P300R1"),
        ("consolidation", 0.5, "human:P300R1"),
    ]
    first = masks(data[A])[0][1]
    expected = drawn(np.array([[10, 10, 50, 30], [60, 10, 90, 30]]), (HEIGHT, WIDTH))
    assert np.array_equal(first, expected)
    assert reasons(prepared) == {
        "an ellipse is less certain than asked for": 1,
        "an ellipse is for a label that too few readings give": 1,
        "an ellipse or a box of the chest has no area": 1,
    }


def test_gaze_of_a_finding_is_that_before_and_while_its_sentence_is_spoken(tmp_path: Path) -> None:
    made = adapter(tmp_path, reading("P300R1", A, 10000001, Consolidation=4))
    spoken = [
        ("heart", 1, 2),
        ("normal", 2, 3),
        (".", 3, 3),
        ("a", 20, 20.5),
        ("consolidation", 20.5, 22),
        (".", 22, 22.5),
        ("bye", 30, 31),
    ]
    looks = [seen(at, at + 0.5, 10, 20) for at in (1, 14, 15, 19, 22, 23)]
    files(made.root, "P300R1", looks, spoken)
    whole, part = gaze(only(made.prepare()))
    assert len(whole.fixations) == 6
    assert (part.label, part.source, part.fixations[:, 2].tolist()) == ("consolidation", "human:P300R1", [15, 19, 22])


def test_sentences_of_all_readings_are_kept_where_they_are_asked_for(tmp_path: Path) -> None:
    made = adapter(tmp_path, *(reading(f"P200R{n}", A, 10000001) for n in range(3)), number=2)
    spoken = [("heart", 1, 2), ("normal", 2, 3), (".", 3, 3), ("clear", 20, 21)]
    for number, at in enumerate((10, 60, -1)):
        files(made.root, f"P200R{number}", [seen(1.5, 2, at, 20)], spoken)
    assert only(made.prepare()).sentences == ()
    prepared = Reflacx(made.root, made.images, phases=(2,), published_splits=False, sentences=True, size=None).prepare()
    phrases = stored(prepared, tmp_path / "set")[A].sentences
    places = [None if phrase.gaze is None else phrase.gaze.fixations[:, 0].tolist() for phrase in phrases]
    assert [(phrase.text, phrase.source) for phrase in phrases] == [
        ("heart normal.", "human:P200R0"),
        ("clear", "human:P200R0"),
        ("heart normal.", "human:P200R1"),
        ("clear", "human:P200R1"),
    ]
    assert places == [[10], None, [60], None]
    assert prepared.about["options"]["sentences"] is True


def test_readings_that_cannot_be_used_are_counted(tmp_path: Path) -> None:
    rows = [
        reading("P300R1", A, 10000001),
        reading("P300R2", A, 10000001, eye_tracking_data_discarded=True),
        reading("P300R1", A, 10000001),
        reading("P300R3", A, 10000001),
        reading("P300R4", A, 10000001),
        reading("P300R5", B, 10000002),
    ]
    made = adapter(tmp_path, *rows)
    files(made.root, "P300R1", [seen(1, 2, 10, 20)])
    files(made.root, "P300R3", [])
    files(made.root, "P300R5", [seen(1, 2, -10, 20)])
    prepared = made.prepare()
    assert only(prepared).meta["readings"] == ["P300R1"]
    assert [(e.where, e.reason) for e in prepared.exclusions] == [
        ("metadata_phase_3.csv row 3", "the eye tracking of the reading was discarded by its authors"),
        ("metadata_phase_3.csv row 4", "a reading occurs twice"),
        ("P300R3", "no fixation lies on the image"),
        ("P300R4", "a file of the reading is missing"),
        ("P300R5 fixations.csv row 2", "a fixation lies off the image"),
        ("P300R5", "no fixation lies on the image"),
        (B, "no fixation lies on the image"),
    ]


def test_an_image_of_another_size_than_the_metadata_say_is_left_out(tmp_path: Path) -> None:
    made = adapter(tmp_path, reading("P300R1", A, 10000001, image_size_x=WIDTH + 1), reading("P300R2", B, 10000002))
    for name in ("P300R1", "P300R2"):
        files(made.root, name, [seen(1, 2, 10, 20)])
    prepared = made.prepare()
    assert only(prepared).id == B
    assert [(e.where, e.reason) for e in prepared.exclusions] == [(A, "the image has another size than the one that was read")]


def test_all_readings_are_stored_and_opened_again(tmp_path: Path) -> None:
    made = adapter(
        tmp_path,
        reading("P200R1", A, 10000001, Consolidation=5),
        reading("P200R2", A, 10000001, Consolidation=4),
        number=2,
        size=30,
    )
    for name in ("P200R1", "P200R2"):
        files(made.root, name, [seen(1, 2, 60, 45)], [("consolidation", 1, 2)], [ellipse((10, 10, 50, 30), 5, "Consolidation")])
    data = stored(made.prepare(), tmp_path / "set")
    data.verify()
    case = data[A]
    assert [(mark.source, mark.label) for mark in gaze(case)] == [
        ("human:P200R1", None),
        ("human:P200R1", "consolidation"),
        ("human:P200R2", None),
        ("human:P200R2", "consolidation"),
    ]
    assert gaze(case)[0].fixations.tolist() == [[15, 15, 1, 1]]
    assert np.asarray(gaze(case)[0].sigma) == pytest.approx(np.array([[10 / WIDTH * 30, 20 / HEIGHT * 30]]))
    assert case.anatomy[0].boxes == pytest.approx(np.array([[2.5, 5 / 3, 27.5, 85 / 3]]))  # type: ignore[attr-defined]
    assert data.about["options"]["phases"] == [2]


def test_patients_with_several_readers_and_the_test_part_of_mimic_test(tmp_path: Path) -> None:
    root = tmp_path / "reflacx"
    images = mimic(tmp_path / "mimic", {f"i{n}": 10000000 + n for n in range(22)} | {"again": 10000000})
    phase(root, 1, [reading("P100R0", "i0", 10000000)])
    later = [reading(f"P300R{n}", f"i{n}", 10000000 + n, split="test" if n == 1 else "train") for n in range(1, 22)]
    phase(root, 3, [*later, reading("P300R22", "again", 10000000)])
    files(root, "P100R0", [seen(1, 2, 10, 20)], labels=PHASE_1)
    for number in range(1, 23):
        files(root, f"P300R{number}", [seen(1, 2, 10, 20)])
    data = write(tmp_path / "set", Reflacx(root, images, phases=(1, 3), size=8).prepare())
    assert {case.id for case in data.split("test")} == {"i0", "i1", "again"}
    assert data.about["split_sizes"] == {"train": 18, "validation": 2, "test": 3}
    assert Reflacx(root, images, phases=(1,)).prepare().assigned == {}


def test_images_of_egd_cxr_and_their_patients_are_left_out(tmp_path: Path) -> None:
    made = adapter(
        tmp_path, reading("P300R1", A, 10000001), reading("P300R2", "again", 10000001), reading("P300R3", B, 10000002)
    )
    for number in (1, 2, 3):
        files(made.root, f"P300R{number}", [seen(1, 2, 10, 20)])
    other = EgdCxr(egd(tmp_path / "egd", [egd_row(A, 10000001)], [look("s1", A, 1, (0.5, 0.5))]), made.images)
    write(tmp_path / "set", other.prepare(), fractions=(1, 0, 0))
    prepared = Reflacx(made.root, made.images, phases=(3,), published_splits=False, exclude=tmp_path / "set").prepare()
    assert only(prepared).id == B
    assert [(e.where, e.reason) for e in prepared.exclusions] == [
        (A, "the image is in the excluded data set"),
        ("again", "another image of the patient is in the excluded data set"),
    ]


@pytest.mark.parametrize(
    ("table", "old", "new", "message"),
    [
        ("metadata_phase_3.csv", "dicom_id", "dicom", "metadata_phase_3.csv has no column 'dicom_id'"),
        (
            "metadata_phase_3.csv",
            "train,False",
            "train,maybe",
            r"row 2, column eye_tracking_data_discarded, holds 'maybe' instead of True or",
        ),
        (
            "metadata_phase_3.csv",
            f"{HEIGHT},0",
            f"{HEIGHT},6",
            r"column Abnormal mediastinal contour, holds '6' instead of a certainty from 0 to 5",
        ),
        (
            "fixations.csv",
            "1,2,10",
            "1,soon,10",
            r"P300R1 fixations.csv row 2, column timestamp_end_fixation, holds 'soon' instead",
        ),
        ("fixations.csv", "10,20,0,0", "0,20,0,0", r"P300R1 fixations.csv row 2 has an angular resolution that is not above 0"),
        ("timestamps_transcription.csv", "word", "token", "timestamps_transcription.csv has no column 'word'"),
        ("anomaly_location_ellipses.csv", "30,3", "30,2.5", r"column certainty, holds '2.5' instead of a certainty"),
        (
            "anomaly_location_ellipses.csv",
            "True",
            "perhaps",
            r"ellipses.csv row 2, column Consolidation, holds 'perhaps' instead of True",
        ),
        ("chest_bounding_box.csv", "110", "wide", r"P300R1 chest_bounding_box.csv row 2, column xmax, holds 'wide' instead"),
    ],
)
def test_tables_that_are_not_what_they_should_be_are_refused(
    tmp_path: Path, table: str, old: str, new: str, message: str
) -> None:
    made = adapter(tmp_path, reading("P300R1", A, 10000001))
    files(made.root, "P300R1", [seen(1, 2, 10, 20)], [("clear", 1, 2)], [ellipse((10, 10, 50, 30), 3, "Consolidation")])
    (path,) = made.root.rglob(table)
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(DataError, match=message):
        made.prepare()


def test_an_empty_certainty_is_none(tmp_path: Path) -> None:
    made = adapter(tmp_path, reading("P300R1", A, 10000001, Consolidation="", Atelectasis="3.0"))
    files(made.root, "P300R1", [seen(1, 2, 10, 20)])
    assert only(made.prepare()).labels == {"atelectasis"}


def test_what_is_missing_is_said_in_one_sentence(tmp_path: Path) -> None:
    made = adapter(tmp_path, reading("P300R1", A, 10000001))
    with pytest.raises(DataError, match=r"has no metadata_phase_1.csv; give the unpacked folder of REFLACX"):
        Reflacx(made.root, made.images).prepare()
    with pytest.raises(DataError, match=r"option images of reflacx is missing"):
        Reflacx(made.root, phases=(3,)).prepare()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"phases": ()}, "option phases of reflacx is"),
        ({"phases": (1, 4)}, r"option phases of reflacx is \(1, 4\); give some of 1, 2 and 3"),
        ({"certainty": 0}, "option certainty of reflacx is 0; give a number from 1 to 5"),
        ({"sigma": -1.0}, "option sigma of reflacx is -1.0"),
    ],
)
def test_options_that_make_no_sense_are_refused(tmp_path: Path, options: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Reflacx(tmp_path, **options)  # type: ignore[arg-type]


def test_the_adapter_is_listed() -> None:
    assert datasets.factory("reflacx") is Reflacx
