"""MS-CXR, on small made-up files of its exact layout."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from gaze_files import HEIGHT, WIDTH, mimic, only, published, reasons
from published_images import save_table

from pellucid.datasets import MsCxr, Prepared, write
from pellucid.errors import DataError

A, B = "0a1b2c3d-11111111", "9f8e7d6c-22222222"
PEOPLE = {A: 10000001, B: 10000002}
HEAD = "category_name,label_text,path,x,y,w,h,image_width,image_height,dicom_id"
OPACITY = "patchy opacity in the\nright base"

Cells = tuple[object, ...]


def row(image: str, category: str, text: str, box: tuple[float, ...], size: tuple[float, float] = (WIDTH, HEIGHT)) -> Cells:
    """A row of version 1.0.0."""
    return (category, text, published(PEOPLE[image], image).replace(".dcm", ".jpg"), *box, *size, image)


ROWS = [
    row(A, "Pneumonia", OPACITY, (10, 20, 30, 40)),
    row(A, "Pneumonia", OPACITY, (50, 20, 5, 6)),
    row(A, "Pleural Effusion", "small left effusion", (70, 60, 30, 20)),
    row(B, "Cardiomegaly", "heart is enlarged", (30, 40, 60, 45)),
]


def table(tmp_path: Path, rows: list[Cells], splits: list[str] | None = None) -> MsCxr:
    """The adapter of a CSV file, of version 1.1.0 where splits are given."""
    head = HEAD + (",split" if splits else "")
    made = [(*cells, split) for cells, split in zip(rows, splits, strict=True)] if splits else rows
    save_table(tmp_path / "ms" / f"MS_CXR_Local_Alignment_v1.{int(bool(splits))}.0.csv", head, made)
    return MsCxr(tmp_path / "ms", mimic(tmp_path / "mimic", PEOPLE), size=None)


def coco(tmp_path: Path, rows: list[Cells], **changes: object) -> MsCxr:
    """The adapter of the same rows as JSON."""
    names = sorted({str(cells[0]) for cells in rows})
    images = {str(cells[-1]): cells for cells in rows}
    listed = [
        {"id": n, "file_name": f"{image}.jpg", "width": cells[7], "height": cells[8], "path": cells[2], "num_annotations": 1}
        for n, (image, cells) in enumerate(images.items())
    ]
    marks = [
        {"id": n, "image_id": list(images).index(str(cells[-1])), "category_id": names.index(str(cells[0])), "iscrowd": 0}
        | {"bbox": list(cells[3:7]), "label_text": cells[1]}
        | changes
        for n, cells in enumerate(rows)
    ]
    kinds = [{"id": n, "name": name, "supercategory": "disease"} for n, name in enumerate(names)]
    path = tmp_path / "coco" / "MS_CXR_Local_Alignment_v1.0.0.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"info": {}, "licenses": [], "images": listed, "annotations": marks, "categories": kinds}))
    return MsCxr(path.parent, mimic(tmp_path / "mimic", PEOPLE), size=None)


def places(prepared: Prepared) -> dict[str, list[list[float]]]:
    return {sentence.text: sentence.boxes.boxes.tolist() for case in prepared.cases for sentence in case.sentences}


def test_rows_of_one_text_are_one_sentence_with_several_boxes(tmp_path: Path) -> None:
    prepared = table(tmp_path, ROWS).prepare()
    assert places(prepared) == {
        "patchy opacity in the right base": [[10, 20, 40, 60], [50, 20, 55, 26]],
        "small left effusion": [[70, 60, 100, 80]],
        "heart is enlarged": [[30, 40, 90, 85]],
    }
    first = prepared.cases[0]
    assert first.labels == {"Pneumonia", "Pleural Effusion"}
    assert [(s.label, s.conditions) for s in first.sentences] == [
        ("Pneumonia", (("Pneumonia", True),)),
        ("Pleural Effusion", (("Pleural Effusion", True),)),
    ]
    assert first.patient == "mimic4-10000001"
    assert all(sentence.groundable for case in prepared.cases for sentence in case.sentences)


def test_json_and_csv_are_the_same_data(tmp_path: Path) -> None:
    made = [kind(tmp_path, ROWS).prepare() for kind in (table, coco)]
    sets = [write(tmp_path / f"set{n}", prepared, fractions=(1, 0, 0)) for n, prepared in enumerate(made)]
    assert sets[0].fingerprint == sets[1].fingerprint


def test_boxes_are_brought_from_the_size_at_which_they_were_drawn(tmp_path: Path) -> None:
    drawn = [row(A, "Pneumonia", OPACITY, (20, 40, 60, 80), (2 * WIDTH, 2 * HEIGHT))]
    assert places(table(tmp_path, drawn).prepare()) == {"patchy opacity in the right base": [[10, 20, 40, 60]]}


def test_an_image_of_other_proportions_is_left_out(tmp_path: Path) -> None:
    prepared = table(tmp_path, [row(A, "Pneumonia", OPACITY, (20, 40, 60, 80), (WIDTH, 2 * HEIGHT)), ROWS[3]]).prepare()
    assert only(prepared).id == B
    assert [(e.where, e.reason) for e in prepared.exclusions] == [
        (A, "the image has other proportions than the one that was marked")
    ]


def test_one_text_for_two_findings_supports_no_single_one(tmp_path: Path) -> None:
    (sentence,) = only(table(tmp_path, [ROWS[0], ("Atelectasis", *ROWS[1][1:])]).prepare()).sentences
    assert sentence.label is None
    assert sentence.conditions == (("Pneumonia", True), ("Atelectasis", True))


def test_the_splits_of_version_1_1_are_used_unless_told_otherwise(tmp_path: Path) -> None:
    made = table(tmp_path, ROWS, ["train", "train", "train", "test"])
    prepared = made.prepare()
    assert prepared.assigned == {A: "train", B: "test"}
    assert prepared.about["notes"][-1] == "The published splits are used."
    assert not MsCxr(made.root, made.images, published_splits=False).prepare().assigned
    with pytest.raises(DataError, match=r"row 6 puts .* into the split validation and an earlier row into train"):
        table(tmp_path, ROWS, ["train", "train", "val", "test"]).prepare()
    with pytest.raises(DataError, match=r"v1.1.0.csv row 3 has the split 'both'; use one of train"):
        table(tmp_path, ROWS, ["both"] * 4).prepare()


def test_missing_images_and_texts_without_a_word_are_counted(tmp_path: Path) -> None:
    made = table(tmp_path, [row(A, "Pneumonia", " _ 1. ", (1, 2, 3, 4)), ROWS[2], ROWS[3]])
    next((tmp_path / "mimic").rglob(f"{B}.jpg")).unlink()
    prepared = made.prepare()
    assert [sentence.text for sentence in only(prepared).sentences] == ["small left effusion"]
    assert [(e.where, e.reason) for e in prepared.exclusions] == [
        (f"{A} sentence MS_CXR_Local_Alignment_v1.0.0.csv row 2", "a sentence has no word"),
        (B, "the image file is missing"),
    ]


def test_an_image_whose_texts_have_no_word_is_left_out(tmp_path: Path) -> None:
    prepared = table(tmp_path, [row(A, "Pneumonia", "...", (1, 2, 3, 4)), ROWS[3]]).prepare()
    assert only(prepared).id == B
    assert reasons(prepared) == {"a sentence has no word": 1, "the report has no sentence with a word": 1}


def test_a_box_outside_the_image_is_cut_and_counted(tmp_path: Path) -> None:
    far = [row(A, "Pneumonia", OPACITY, (100, 60, 80, 80)), row(A, "Edema", "edema", (WIDTH + 1, 1, 5, 5))]
    data = write(tmp_path / "set", table(tmp_path, far).prepare(), fractions=(1, 0, 0))
    opacity, edema = data[A].sentences
    assert opacity.boxes.boxes.tolist() == [[100, 60, WIDTH, HEIGHT]]
    assert not edema.groundable
    told = "of a sentence: a box reaches beyond the image (it is cut, or left out where nothing remains)"
    assert data.about["exclusions"] == {told: 2}


def test_images_of_another_data_set_are_excluded_with_their_patients(tmp_path: Path) -> None:
    made = table(tmp_path, ROWS)
    write(tmp_path / "set", made.prepare(), fractions=(1, 0, 0))
    (tmp_path / "list.txt").write_text(B)
    prepared = MsCxr(made.root, made.images, exclude=tmp_path / "list.txt").prepare()
    assert only(prepared).id == A
    assert not MsCxr(made.root, made.images, exclude=tmp_path / "set").prepare().cases


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        (row(A, "Pneumonia", "Secret words", (1, 2, 0, 4)), "row 2 has a box of 0.0 x 4.0 pixels"),
        (row(A, "Pneumonia", "Secret words", (1, 2, "wide", 4)), "column w, holds 'wide' instead of a number"),  # type: ignore[arg-type]
        (row(A, "Pneumonia", "Secret words", (1, 2, 3, 4), (0, 5)), "row 2 has an image of 5 x 0 pixels"),
        (("Pneumonia", "Secret words", "elsewhere.jpg", 1, 2, 3, 4, 120, 90, A), "row 2 has a path without a patient"),
    ],
)
def test_a_row_that_is_none_is_refused_without_its_words(tmp_path: Path, cells: Cells, told: str) -> None:
    with pytest.raises(DataError, match=told) as error:
        table(tmp_path, [cells]).prepare()
    assert "Secret" not in str(error.value)


@pytest.mark.parametrize("changes", [{"image_id": 99}, {"bbox": [1, 2]}, {"bbox": None}, {"category_id": "x"}])
def test_an_annotation_that_is_none_is_refused_without_its_words(tmp_path: Path, changes: dict[str, object]) -> None:
    with pytest.raises(DataError, match=r"v1.0.0.json annotation 0 is no box \(image_id, category_id, bbox") as error:
        coco(tmp_path, ROWS, **changes).prepare()
    assert "opacity" not in str(error.value)


def test_folders_without_a_table_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"has no MS_CXR_Local_Alignment_v1.1.0.csv or MS_CXR_Local_Alignment_v1.1.0.json"):
        MsCxr(tmp_path / "empty", tmp_path).prepare()
    file = tmp_path / "mine.json"
    file.write_text("[]")
    with pytest.raises(DataError, match=r"mine.json has no lists images, categories and annotations"):
        MsCxr(file, tmp_path).prepare()
