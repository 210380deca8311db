"""EGD-CXR, on small made-up files of its exact layout."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from gaze_files import HEIGHT, WIDTH, egd, egd_row, gaze, look, mimic, only, points, published, reasons, say
from published_images import boxes, pixels, save, save_dicom, save_table, stored

from pellucid.case import Fixations
from pellucid.datasets import EgdCxr, write
from pellucid.datasets.screens import Screen
from pellucid.errors import DataError
from pellucid.registry import datasets

A, B = "0a1b2c3d-11111111", "9f8e7d6c-22222222"
CENTRE = (0.5, 0.5)


def adapter(tmp_path: Path, looks: list[dict[str, object]], *sheet: dict[str, object], **options: object) -> EgdCxr:
    """The adapter of a folder with these fixations; of one normal image if no rows of the sheet are given."""
    rows = list(sheet) or [egd_row(A, 10000001)]
    root = egd(tmp_path / "egd", rows, looks)
    images = mimic(tmp_path / "mimic", {str(row["dicom_id"]): int(str(row["patient_id"])) for row in rows})
    return EgdCxr(root, images, **{"size": None, **options})  # type: ignore[arg-type]


def test_the_middle_of_the_screen_is_the_middle_of_a_letter_boxed_image(tmp_path: Path) -> None:
    case = only(adapter(tmp_path, [look("s1", A, 1.5, CENTRE), look("s1", A, 2.5, (480 / 1920, 0.25))]).prepare())
    assert points(case) == [[WIDTH / 2, HEIGHT / 2], [20, 22.5]]
    assert gaze(case)[0].fixations[:, 2:].tolist() == [[1.0, 0.5], [2.0, 0.5]]


def test_bars_at_one_side_only_shift_the_image(tmp_path: Path) -> None:
    row = egd_row(A, 10000001, image_left_pad=480, image_right_pad=0)
    assert points(only(adapter(tmp_path, [look("s1", A, 1, (1200 / 1920, 0.5))], row).prepare())) == [[60, 45]]


def test_older_names_of_the_bars_are_read_too(tmp_path: Path) -> None:
    made = adapter(tmp_path, [look("s1", A, 1, CENTRE)])
    sheet = made.root / "master_sheet.csv"
    sheet.write_text(sheet.read_text().replace("_pad,", ","))
    assert points(only(made.prepare())) == [[60, 45]]
    sheet.write_text(sheet.read_text().replace("image_left,", "image_elsewhere,"))
    with pytest.raises(DataError, match=r"master_sheet.csv row 3 has no column image_left_pad, which says where"):
        made.prepare()


def test_acuity_is_a_degree_at_the_scale_of_the_image(tmp_path: Path) -> None:
    pixel = 27 * 2.54 * (16 / math.hypot(16, 9)) / 1920
    degree = 2 * 70 * math.tan(math.pi / 360) / pixel
    assert Screen(1920, 1080, 27 * 2.54, 70).pixels_per_degree == pytest.approx(degree)
    assert degree == pytest.approx(39.2, abs=0.1)
    sigma = gaze(only(adapter(tmp_path, [look("s1", A, 1, CENTRE)]).prepare()))[0].sigma
    assert np.asarray(sigma) == pytest.approx(np.full((1, 2), degree / 12))
    wide = gaze(only(adapter(tmp_path, [look("s1", A, 1, CENTRE)], sigma=2.5).prepare()))[0].sigma
    assert np.asarray(wide) == pytest.approx(np.full((1, 2), 2.5 * degree / 12))


def test_fixations_that_are_none_on_the_image_are_counted(tmp_path: Path) -> None:
    looks = [
        look("s1", A, 1, CENTRE),
        look("s1", A, 2, (0.1, 0.5)),  # on the bar to the left
        look("s1", A, 3, (0.9, 0.5)),
        look("s1", A, 4, (1.2, 0.5)),
        look("s1", A, 5, (0.5, -0.01)),
        look("s1", A, 6, CENTRE, 0),
        look("s1", A, 7, CENTRE, FPOGV=0),
        look("s1", A, 8, CENTRE, FPOGX="", FPOGY="", FPOGV=0),
    ]
    prepared = adapter(tmp_path, looks).prepare()
    assert points(only(prepared)) == [[60, 45]]
    assert reasons(prepared) == {
        "a fixation lies on the bars beside the image": 2,
        "a fixation lies off the screen": 2,
        "a fixation takes no time": 1,
        "the tracker says that a fixation is not valid": 2,
        "the image has no transcript (its gaze is not told apart by finding)": 1,
    }
    assert {e.where for e in prepared.exclusions if "bars" in e.reason} == {"fixations.csv row 3", "fixations.csv row 4"}


def test_a_missing_duration_is_the_time_since_the_row_before(tmp_path: Path) -> None:
    prepared = adapter(
        tmp_path, [look("s1", A, 0.75, CENTRE, ""), look("s1", A, 2, CENTRE, "nan"), look("s1", A, 3, CENTRE)]
    ).prepare()
    assert gaze(only(prepared))[0].fixations[:, 2:].tolist() == [[0, 0.75], [0.75, 1.25], [2.5, 0.5]]
    assert reasons(prepared)["the duration of a fixation is missing (the time since the row before takes its place)"] == 2


def test_images_for_calibration_and_truncated_ids_are_counted(tmp_path: Path) -> None:
    looks = [
        look("s1", A, 1, CENTRE),
        look("s1", "calibration", 1, CENTRE),
        look("s1", A[:8], 1, CENTRE),
        look("s1", A[:8], 2, CENTRE),
    ]
    prepared = adapter(tmp_path, looks).prepare()
    assert len(gaze(only(prepared))[0].fixations) == 1
    assert reasons(prepared)["the id is not in the master sheet (an image for calibration)"] == 1
    told = "the id is the beginning of one in the master sheet (an image for calibration, or a truncated id)"
    assert reasons(prepared)[told] == 2


def test_calibration_shifts_a_session_by_where_gaze_rested_last_on_its_dots(tmp_path: Path) -> None:
    looks = [
        look("s1", "dot-1", 1, (0.1, 0.1)),
        look("s1", "dot-1", 2, (0.5 - 12 / 1920, 0.5)),
        look("s1", "dot-1", 3, (0.9, 0.9), FPOGV=0),
        look("s1", "dot-2", 2, (0.5 - 36 / 1920, 0.5 + 24 / 1080)),
        look("s1", A, 1, CENTRE),
        look("s2", B, 1, CENTRE),
    ]
    sheet = [egd_row(A, 10000001), egd_row(B, 10000002)]
    plain = adapter(tmp_path, looks, *sheet).prepare()
    assert [points(case) for case in plain.cases] == [[[60, 45]], [[60, 45]]]
    shifted = adapter(tmp_path, looks, *sheet, calibrated=True).prepare()
    assert [points(case) for case in shifted.cases] == [[[62, 44]], [[60, 45]]]
    missing = [e.where for e in shifted.exclusions if "no image for calibration" in e.reason]
    assert missing == ["session s2"]


def test_repeated_rows_and_later_sessions_are_counted(tmp_path: Path) -> None:
    first = look("s1", A, 1, CENTRE)
    prepared = adapter(tmp_path, [first, first, look("s2", A, 1, (0.4, 0.4)), look("s1", A, 2, CENTRE)]).prepare()
    case = only(prepared)
    assert points(case) == [[60, 45], [60, 45]]
    assert case.meta["session"] == "s1"
    assert reasons(prepared)["a row occurs twice"] == 1
    assert [e.where for e in prepared.exclusions if "earlier session" in e.reason] == [f"{A} session s2"]


def test_the_first_session_with_gaze_on_the_image_is_kept(tmp_path: Path) -> None:
    """One whose looks all missed the image is no reason to drop the image; each session is counted for what it was."""
    looks = [look("s1", A, 1, (0, 0)), look("s2", A, 1, (0.4, 0.5)), look("s3", A, 1, CENTRE)]
    looks += [look("s1", B, 1, (0, 0)), look("s2", B, 1, (0, 0))]
    prepared = adapter(tmp_path, looks, egd_row(A, 10000001), egd_row(B, 10000002)).prepare()
    case = only(prepared)
    assert (case.id, case.meta["session"], points(case)) == (A, "s2", [[44, 45]])
    told = {e.where: e.reason for e in prepared.exclusions if "session" in e.reason or e.where == B}
    assert told == {
        f"{A} session s1": "no fixation of the session lies on the image (a later session is kept)",
        f"{A} session s3": "the image was shown in an earlier session too",
        B: "no fixation lies on the image",
    }
    assert reasons(prepared)["a fixation lies on the bars beside the image"] == 3


def test_an_image_without_fixations_is_left_out(tmp_path: Path) -> None:
    sheet = [egd_row(A, 10000001), egd_row(B, 10000002), egd_row("c", 10000003)]
    prepared = adapter(tmp_path, [look("s1", A, 1, CENTRE), look("s1", B, 1, (0, 0))], *sheet).prepare()
    assert only(prepared).id == A
    assert [e.where for e in prepared.exclusions if e.reason == "no fixation lies on the image"] == [B, "c"]


@pytest.mark.parametrize("size", [(HEIGHT, HEIGHT), (WIDTH, HEIGHT)])
def test_an_image_of_other_proportions_than_the_sheet_says_is_left_out(tmp_path: Path, size: tuple[int, int]) -> None:
    made = adapter(tmp_path, [look("s1", A, 1, CENTRE)])
    mimic(made.images or tmp_path, {A: 10000001}, size)
    prepared = made.prepare()
    assert not prepared.cases
    assert reasons(prepared)["the image has another size than the one that was read"] == 1


def test_an_image_at_another_size_than_its_published_places_is_left_out(tmp_path: Path) -> None:
    places = {"X_ORIGINAL": 60, "Y_ORIGINAL": 45}
    off = look("s1", A, 2, (0, 0), X_ORIGINAL=-1, Y_ORIGINAL=-1)
    made = adapter(tmp_path, [look("s1", A, 1, CENTRE, **places), off])
    assert only(made.prepare()).id == A
    mimic(made.images or tmp_path, {A: 10000001}, (HEIGHT * 2, WIDTH * 2))
    assert reasons(made.prepare())["the image has another size than the one that was read"] == 1


def test_three_labels_exclude_each_other(tmp_path: Path) -> None:
    rows = [egd_row(A, 10000001, CHF=1), egd_row(B, 10000002, CHF=1, pneumonia=1)]
    prepared = adapter(tmp_path, [look("s1", A, 1, CENTRE), look("s1", B, 1, CENTRE)], *rows).prepare()
    assert only(prepared).labels == {"CHF"}
    assert prepared.about["exclusive"] is True
    assert reasons(prepared)["not exactly one of Normal, CHF and pneumonia is true"] == 1


def test_findings_are_those_that_are_said_to_be_there(tmp_path: Path) -> None:
    row = egd_row(
        A, 10000001, consolidation=1, enlarged_cardiac_silhouette="-1", hyperaeration=0, linear__patchy_atelectasis="1.0"
    )
    case = only(adapter(tmp_path, [look("s1", A, 1, CENTRE)], row, labels="findings").prepare())
    assert case.labels == {"consolidation", "atelectasis"}


def test_gaze_of_a_finding_is_that_before_and_while_it_is_affirmed(tmp_path: Path) -> None:
    looks = [look("s1", A, at + 0.5, CENTRE) for at in (1, 4, 9, 12, 20)]
    rows = [egd_row(A, 10000001, consolidation=1, pleural_effusion_or_thickening=1, hyperaeration=1)]
    made = adapter(tmp_path, looks, *rows, labels="findings")
    said = [
        ("no consolidation.", 3, 4),
        ("there is", 9, 10),
        ("a consolidation", 10, 11),
        ("below.", 11, 12.5),
        ("effusion is not seen", 20, 21),
    ]
    say(made.root, A, *said)
    whole, part = gaze(only(made.prepare()))
    assert (whole.label, whole.source, len(whole.fixations)) == (None, "human", 5)
    assert (part.label, part.fixations[:, 2].tolist()) == ("consolidation", [4, 9, 12])
    shorter = EgdCxr(made.root, made.images, labels="findings", lead=0).prepare()
    assert gaze(only(shorter))[1].fixations[:, 2].tolist() == [9, 12]


def test_sentences_are_stored_with_their_gaze_where_they_are_asked_for(tmp_path: Path) -> None:
    looks = [look("s1", A, at + 0.5, CENTRE) for at in (1, 4, 9)] + [look("s1", B, 1, CENTRE)]
    made = adapter(tmp_path, looks, egd_row(A, 10000001), egd_row(B, 10000002))
    say(made.root, A, ("the heart", 1, 2), ("is normal.", 2, 3), ("no effusion", 9, 10), (".", 10, 10), ("bye.", 30, 31))
    assert all(case.sentences == () for case in made.prepare().cases)
    prepared = EgdCxr(made.root, made.images, sentences=True, size=30).prepare()
    data = stored(prepared, tmp_path / "set")
    assert [phrase.text for phrase in data[A].sentences] == ["the heart is normal.", "no effusion.", "bye."]
    starts = [None if phrase.gaze is None else phrase.gaze.fixations[:, 2].tolist() for phrase in data[A].sentences]
    assert starts == [[1], [4, 9], None]
    first = data[A].sentences[0]
    assert first.gaze is not None
    assert first.gaze.fixations[0, :2].tolist() == [15, 15]
    assert (first.source, first.label, first.groundable) == ("human", None, False)
    assert data[B].sentences == ()
    assert data.about["options"]["sentences"] is True
    assert any("sentences of dictations are stored" in note for note in data.about["notes"])


def test_no_gaze_is_tied_to_a_label_that_the_case_lacks(tmp_path: Path) -> None:
    made = adapter(tmp_path, [look("s1", A, 1, CENTRE)], egd_row(A, 10000001, CHF=1))
    say(made.root, A, ("right lower lobe pneumonia.", 0, 2))
    assert [mark.label for mark in gaze(only(made.prepare()))] == [None]


def test_a_transcript_that_is_none_is_refused_without_its_words(tmp_path: Path) -> None:
    made = adapter(tmp_path, [look("s1", A, 1, CENTRE)])
    say(made.root, A, ("clear lungs", 0, 1))
    path = made.root / "audio_segmentation_transcripts" / A / "transcript.json"
    path.write_text(path.read_text().replace("begin_time", "begins"))
    with pytest.raises(DataError, match=r"transcript.json has no list time_stamped_text of phrase") as error:
        made.prepare()
    assert "clear" not in str(error.value)


def test_anatomy_is_read_in_the_order_of_its_columns(tmp_path: Path) -> None:
    made = adapter(tmp_path, [look("s1", A, 1, CENTRE)])
    rows = [(f"{A}.dcm", "left clavicle", 10, 30, 5, 9), (A, "left clavicle", 11, 11, 5, 9), (B, "trachea", 1, 2, 3, 4)]
    save_table(made.root / "bounding_boxes.csv", "dicom_id,bbox_name,x1,x2,y1,y2", rows)
    left, right = np.zeros((2, HEIGHT, WIDTH), dtype=bool)
    left[10:20, 70:90], right[12:30, 20:40] = True, True
    for name, mask in (("left", left), ("right", right)):
        save(made.root / "audio_segmentation_transcripts" / A / f"{name}_lung.png", mask)
    prepared = made.prepare()
    clavicle, lungs = stored(prepared, tmp_path / "set")[A].anatomy
    assert (clavicle.label, clavicle.source, clavicle.boxes.tolist()) == ("left clavicle", "published", [[10, 5, 30, 9]])  # type: ignore[attr-defined]
    assert (lungs.label, lungs.mask.tolist()) == ("lungs", (left | right).tolist())  # type: ignore[attr-defined]
    assert reasons(prepared)["a box of a structure is empty"] == 1
    assert reasons(prepared)["a box is for an image that is not in the master sheet"] == 1
    assert boxes(only(prepared)) == []


@pytest.mark.parametrize("content", [b"no image", None])
def test_masks_of_the_lungs_that_do_not_fit_are_counted_and_the_image_is_kept(tmp_path: Path, content: bytes | None) -> None:
    made = adapter(tmp_path, [look("s1", A, 1, CENTRE)])
    for name in ("left", "right"):
        path = save(
            made.root / "audio_segmentation_transcripts" / A / f"{name}_lung.png", np.ones((HEIGHT, WIDTH - 1), dtype=bool)
        )
        path.write_bytes(content or path.read_bytes())
    prepared = made.prepare()
    assert only(prepared).anatomy == ()
    assert reasons(prepared)["the masks of the lungs cannot be read, or have another size than the image"] == 1


def test_what_was_prepared_is_stored_and_opened_again(tmp_path: Path) -> None:
    looks = [look("s1", A, 1, CENTRE), look("s1", A, 2, (0.3, 0.3), 0.25), look("s1", B, 1, CENTRE)]
    made = adapter(tmp_path, looks, egd_row(A, 10000001, CHF=1), egd_row(B, 10000002), size=30)
    say(made.root, A, ("pulmonary edema.", 0.5, 1))
    data = stored(made.prepare(), tmp_path / "set")
    case = data[A]
    whole, part = gaze(case)
    assert case.picture.size == (30, 30)
    assert whole.fixations.tolist() == [[15, 15, 0.5, 0.5], [7, 9, 1.75, 0.25]]
    assert np.asarray(whole.sigma)[0, 1] / np.asarray(whole.sigma)[0, 0] == pytest.approx(WIDTH / HEIGHT)
    assert (part.label, len(part.fixations)) == ("CHF", 1)
    assert (case.patient, case.meta["study"]) == ("mimic4-10000001", "510000001")
    assert data.about["title"] == "EGD-CXR 1.0.0"
    data.verify()
    assert isinstance(whole, Fixations)


def test_dicom_images_and_images_alone_in_a_folder_will_do(tmp_path: Path) -> None:
    made = adapter(tmp_path, [look("s1", A, 1, CENTRE), look("s1", B, 1, CENTRE)], egd_row(A, 10000001), egd_row(B, 10000002))
    save_dicom(tmp_path / "dicom" / published(10000001, A), pixels(HEIGHT, WIDTH))
    loose = save(tmp_path / "loose" / f"{B}.png", pixels(HEIGHT, WIDTH))
    assert only(EgdCxr(made.root, tmp_path / "dicom").prepare()).id == A
    prepared = EgdCxr(made.root, loose.parent).prepare()
    assert only(prepared).id == B
    assert reasons(prepared)["the image file is missing"] == 1
    (tmp_path / "dicom" / published(10000001, A)).write_bytes(b"no image")
    assert reasons(EgdCxr(made.root, tmp_path / "dicom").prepare())["the image cannot be read"] == 1


def test_images_and_patients_of_another_data_set_are_left_out(tmp_path: Path) -> None:
    names = {A: 10000001, B: 10000001, "c": 10000002, "d": 10000003}
    looks = [look("s1", name, 1, CENTRE) for name in names]
    made = adapter(tmp_path, looks, *(egd_row(name, patient) for name, patient in names.items()))
    other = adapter(tmp_path / "other", [look("s1", A, 1, CENTRE)], egd_row(A, 10000001))
    write(tmp_path / "set", other.prepare(), fractions=(1, 0, 0))
    (tmp_path / "list.txt").write_text(f"{A}\nd\n")
    for exclude, kept in ((tmp_path / "set", {"c", "d"}), (tmp_path / "list.txt", {"c"})):
        prepared = EgdCxr(made.root, made.images, exclude=exclude).prepare()
        assert {case.id for case in prepared.cases} == kept
        assert reasons(prepared)["the image is in the excluded data set"] == 3 - len(kept)
        assert reasons(prepared)["another image of the patient is in the excluded data set"] == 1
    with pytest.raises(DataError, match=r"option exclude is .*nothing, which does not exist; give a prepared data set"):
        EgdCxr(made.root, made.images, exclude=tmp_path / "nothing").prepare()


def test_what_is_missing_is_said_in_one_sentence(tmp_path: Path) -> None:
    made = adapter(tmp_path, [look("s1", A, 1, CENTRE)])
    with pytest.raises(
        DataError, match=r"option images of egd_cxr is missing: the images come apart from the gaze; give the folder"
    ):
        EgdCxr(made.root).prepare()
    with pytest.raises(DataError, match=r"option images of egd_cxr is .*nowhere, which is no folder"):
        EgdCxr(made.root, tmp_path / "nowhere").prepare()
    with pytest.raises(DataError, match=rf"has none of the 1 images of egd_cxr, such as files/p10/p10000001/.*{A}.dcm; give"):
        EgdCxr(made.root, made.root).prepare()
    (made.root / "fixations.csv").unlink()
    with pytest.raises(DataError, match=r"has no fixations.csv; give the unpacked folder of EGD-CXR"):
        made.prepare()


@pytest.mark.parametrize(
    ("table", "old", "new", "message"),
    [
        ("master_sheet.csv", "patient_id", "patient", "master_sheet.csv has no column 'patient_id'"),
        ("master_sheet.csv", "10000001,,F", "somebody,,F", r"row 3, column patient_id, holds 'somebody' instead of a number"),
        ("master_sheet.csv", ",240,240,", ",900,1020,", r"row 3 has bars that are negative or leave nothing of the image"),
        ("master_sheet.csv", ",240,240,", ",-1,240,", r"row 3 has bars that are negative"),
        ("fixations.csv", "FPOGX", "FPOG", "fixations.csv has no column 'FPOGX'"),
        ("fixations.csv", ",0.5,0.5,", ",left,0.5,", r"fixations.csv row 2, column FPOGX, holds 'left' instead of a number"),
    ],
)
def test_tables_that_are_not_what_they_should_be_are_refused(
    tmp_path: Path, table: str, old: str, new: str, message: str
) -> None:
    made = adapter(tmp_path, [look("s1", A, 1, CENTRE)])
    path = made.root / table
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(DataError, match=message):
        made.prepare()


def test_an_image_with_two_rows_in_the_sheet_is_refused(tmp_path: Path) -> None:
    made = adapter(tmp_path, [look("s1", A, 1, CENTRE)], egd_row(A, 10000001), egd_row(A, 10000001))
    with pytest.raises(DataError, match=rf"master_sheet.csv has 2 rows for {A}; get the sheet again"):
        made.prepare()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": "all"}, "option labels of egd_cxr is 'all'; use one of three, findings"),
        ({"sigma": 0.0}, "option sigma of egd_cxr is 0.0; give degrees"),
        ({"sigma": math.nan}, "option sigma of egd_cxr is nan"),
        ({"lead": -1.0}, "option lead of egd_cxr is -1.0; give seconds"),
        ({"size": 0}, "option size of egd_cxr is 0"),
    ],
)
def test_options_that_make_no_sense_are_refused(tmp_path: Path, options: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        EgdCxr(tmp_path, **options)  # type: ignore[arg-type]


def test_the_adapter_is_listed() -> None:
    assert datasets.factory("egd_cxr") is EgdCxr
