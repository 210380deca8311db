"""Chest ImaGenome, on small made-up files of its exact layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gaze_files import HEIGHT, WIDTH, mimic, only, reasons
from imagenome_files import LEFT, NO_EFFUSION, REGIONS, RIGHT, gold, gold_row, graph, silver
from published_images import save_table

from pellucid.case import Boxes, Case
from pellucid.datasets import ImaGenome, Prepared, write
from pellucid.errors import DataError

A, B, C = "0a1b2c3d-11111111", "9f8e7d6c-22222222", "5a5a5a5a-33333333"
OPACITY = ["anatomicalfinding|yes|lung opacity", "nlp|yes|abnormal", "texture|yes|ill-defined"]
SAID = {
    "right lung": [(2, "Hazy opacity at the right base.", OPACITY), (10, "No effusion.", NO_EFFUSION)],
    "right lower lung zone": [(2, "Hazy opacity at the right base.", OPACITY)],
    "left lung": [(10, "No effusion.", NO_EFFUSION)],
}


def adapter(tmp_path: Path, graphs: dict[str, object], **options: object) -> ImaGenome:
    """The adapter of a silver part with these scene graphs, each of a patient of its own, all for training."""
    people = {name: 10000001 + n for n, name in enumerate(graphs)}
    keys = ("splits", "avoid", "views", "packed")
    layout = {"splits": {"train": list(people.items())}, **{key: options.pop(key) for key in keys if key in options}}
    root = silver(tmp_path / "imagenome", {k: v for k, v in graphs.items() if v is not None}, **layout)  # type: ignore[arg-type]
    return ImaGenome(root, mimic(tmp_path / "mimic", people), **{"size": None, **options})  # type: ignore[arg-type]


def one(tmp_path: Path, made: object, **options: object) -> Prepared:
    return adapter(tmp_path, {A: made}, **options).prepare()


def places(case: Case) -> dict[str, list[list[float]]]:
    return {sentence.text: sentence.boxes.boxes.tolist() for sentence in case.sentences}


def test_the_bottom_edge_of_a_box_is_its_y2(tmp_path: Path) -> None:
    data = write(tmp_path / "set", one(tmp_path, graph(A, SAID)), fractions=(1, 0, 0))
    assert places(data[A])["No effusion."] == [list(RIGHT), list(LEFT)]


def test_a_phrase_under_several_regions_is_one_sentence_on_all_of_them(tmp_path: Path) -> None:
    case = only(one(tmp_path, graph(A, SAID)))
    opacity, effusion = case.sentences  # in the order of the report: 2 stands before 10
    assert opacity.text == "Hazy opacity at the right base."
    assert opacity.regions == ("right lung", "right lower lung zone")
    assert opacity.boxes.boxes.tolist() == [list(RIGHT), list(REGIONS["right lower lung zone"])]
    assert opacity.conditions == (("lung opacity", True), ("abnormal", True))
    assert (opacity.label, opacity.source, opacity.groundable) == ("lung opacity", "published", True)
    assert effusion.conditions == (("pleural effusion", False), ("abnormal", False))
    assert effusion.absent
    assert not effusion.groundable
    assert case.labels == {"lung opacity"}
    assert case.patient == "mimic4-10000001"


def test_regions_are_the_anatomy_of_an_image(tmp_path: Path) -> None:
    case = write(tmp_path / "set", one(tmp_path, graph(A, SAID)), fractions=(1, 0, 0))[A]
    found = {mark.label: mark.boxes.tolist() for mark in case.anatomy if isinstance(mark, Boxes)}
    assert found == {name: [list(box)] for name, box in REGIONS.items()}


def test_what_only_says_that_all_is_well_shows_nothing(tmp_path: Path) -> None:
    said = {
        "left lung": [(1, "The lungs are clear.", ["nlp|yes|normal"]), (2, "Not normal.", ["nlp|no|normal"])],
        "right lung": [(3, "Feeding tube is seen.", ["tubesandlines|yes|enteric tube", "severity|yes|mild"])],
    }
    clear, unwell, tube = only(one(tmp_path, graph(A, said))).sentences
    assert clear.absent
    assert unwell.conditions == (("abnormal", True),)
    assert unwell.label is None
    assert tube.label == "enteric tube"


def test_packed_and_loose_scene_graphs_are_the_same(tmp_path: Path) -> None:
    loose = write(tmp_path / "loose-set", one(tmp_path / "loose", graph(A, SAID)), fractions=(1, 0, 0))
    packed = write(tmp_path / "packed-set", one(tmp_path / "packed", graph(A, SAID), packed=True), fractions=(1, 0, 0))
    assert (tmp_path / "packed" / "imagenome" / "silver_dataset" / "scene_graph.zip").is_file()
    assert loose.fingerprint == packed.fingerprint


def test_the_published_splits_are_used_and_images_to_avoid_are_not(tmp_path: Path) -> None:
    splits = {"train": [(A, 10000001)], "valid": [(B, 10000002)], "test": [(C, 10000003), ("d", 10000004)]}
    graphs = {name: graph(name, SAID) for name in (A, B, C, "d")}
    prepared = adapter(tmp_path, graphs, splits=splits, avoid=["d"]).prepare()
    assert prepared.assigned == {A: "train", B: "validation", C: "test"}
    assert [(e.where, e.reason) for e in prepared.exclusions] == [
        ("d", "the image is one of those to avoid (those of the gold part)")
    ]
    assert write(tmp_path / "set", prepared).about["split_sizes"] == {"train": 1, "validation": 1, "test": 1}


def test_a_patient_in_two_splits_is_refused(tmp_path: Path) -> None:
    splits = {"train": [(A, 10000001)], "test": [(B, 10000001)]}
    made = adapter(tmp_path, {A: graph(A, SAID), B: graph(B, SAID)}, splits=splits)
    mimic(tmp_path / "mimic", {A: 10000001, B: 10000001})
    with pytest.raises(DataError, match="Patient mimic4-10000001 is in the published splits train and test"):
        write(tmp_path / "set", made.prepare())


def test_lateral_views_are_counted(tmp_path: Path) -> None:
    graphs = {A: graph(A, SAID), B: graph(B, SAID), C: graph(C, SAID)}
    prepared = adapter(tmp_path, graphs, views={A: "AP", B: "LATERAL"}).prepare()
    assert [case.id for case in prepared.cases] == [A, C]
    assert [(e.where, e.reason) for e in prepared.exclusions] == [(B, "the view is neither PA nor AP")]


def test_a_limit_takes_the_first_images_of_each_split(tmp_path: Path) -> None:
    splits = {"train": [(A, 10000001), (B, 10000002)], "test": [(C, 10000003)]}
    graphs = {name: graph(name, SAID) for name in (A, B, C)}
    assert [case.id for case in adapter(tmp_path, graphs, splits=splits, limit=1).prepare().cases] == [A, C]
    with pytest.raises(DataError, match="The option limit of imagenome is 0"):
        ImaGenome(tmp_path, limit=0)


BROKEN = {
    "no JSON": '{"objects": [',
    "a list": [],
    "no objects": {"attributes": []},
    "an edge missing": {"objects": [{"bbox_name": "left lung", "original_x1": 1}], "attributes": []},
    "an edge no number": {"objects": [{**graph(A, {})["objects"][0], "original_y2": "low"}], "attributes": []},  # type: ignore[index]
    "lists of unequal length": {
        **graph(A, {}),
        "attributes": [{"bbox_name": "x", "phrases": ["Secret words."]} | {key: [] for key in ("phrase_IDs", "attributes")}],
    },
    "a context that is none": graph(A, {"left lung": [(1, "Secret words.", ["disease|maybe|pneumonia"])]}),
    "deep nesting": "[" * 200_000,
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_an_unreadable_scene_graph_is_counted_with_its_image(tmp_path: Path, broken: object) -> None:
    prepared = adapter(tmp_path, {A: broken, B: graph(B, SAID)}).prepare()
    assert [case.id for case in prepared.cases] == [B]
    assert [(e.where, e.reason) for e in prepared.exclusions] == [(A, "the scene graph cannot be read")]


def test_missing_scene_graphs_and_images_are_counted(tmp_path: Path) -> None:
    made = adapter(tmp_path, {A: graph(A, SAID), B: None, C: graph(C, SAID)})
    next((tmp_path / "mimic").rglob(f"{C}.jpg")).unlink()
    prepared = made.prepare()
    assert only(prepared).id == A
    assert reasons(prepared) == {"the image has no scene graph": 1, "the image file is missing": 1}


def test_a_damaged_member_of_the_archive_is_counted(tmp_path: Path) -> None:
    made = adapter(tmp_path, {A: graph(A, SAID), B: graph(B, SAID)}, packed=True)
    archive = made.root / "silver_dataset" / "scene_graph.zip"
    data = bytearray(archive.read_bytes())
    data[data.index(b'"image_id"') + 3] ^= 1
    archive.write_bytes(data)
    prepared = made.prepare()
    assert [case.id for case in prepared.cases] == [B]
    assert reasons(prepared) == {"the scene graph cannot be read": 1}


def test_sentences_without_a_word_are_counted_and_a_report_of_none_is_left_out(tmp_path: Path) -> None:
    dots = {"left lung": [(7, " ___ 2. ", ["nlp|yes|normal"])]}
    mixed = {"left lung": [*dots["left lung"], (8, "Clear\n left lung.", ["nlp|yes|normal"])]}
    prepared = adapter(tmp_path, {A: graph(A, mixed), B: graph(B, dots), C: graph(C, {})}).prepare()
    assert [sentence.text for sentence in only(prepared).sentences] == ["Clear left lung."]
    assert [(e.where, e.reason) for e in prepared.exclusions] == [
        (f"{A} sentence 50000001|7", "a sentence has no word"),
        (f"{B} sentence 50000001|7", "a sentence has no word"),
        (B, "the report has no sentence with a word"),
        (C, "the report has no sentence with a word"),
    ]


def test_boxes_that_are_none_and_regions_without_a_box_are_counted(tmp_path: Path) -> None:
    boxes = {"left lung": LEFT, "right lung": (50, 10, 50, 80)}
    made = graph(A, {**SAID, "left breast": [(10, "No effusion.", NO_EFFUSION)]}, boxes)  # type: ignore[arg-type]
    made["objects"] = [*made["objects"], {**made["objects"][0], "bbox_name": "spine"}]  # type: ignore[index,misc]
    made["objects"] = [*made["objects"], {**made["objects"][-1], "original_x1": 60}]  # type: ignore[index,misc]
    prepared = one(tmp_path, made)
    assert places(only(prepared)) == {"Hazy opacity at the right base.": [], "No effusion.": [list(LEFT)]}
    assert only(prepared).sentences[1].regions == ("right lung", "left lung", "left breast")
    assert [mark.label for mark in only(prepared).anatomy] == ["left lung"]
    assert reasons(prepared) == {
        "the box of a region is empty (the region is left without a place)": 1,
        "a region has two boxes (it is left without a place)": 1,
        "a region that a sentence names has no box (it is named, without a place)": 1,
    }


def test_boxes_outside_the_image_are_cut_and_counted_with_their_image(tmp_path: Path) -> None:
    boxes = {"left lung": (100.0, 50.0, WIDTH + 9.0, HEIGHT + 4.0), "right lung": (WIDTH + 1.0, 0.0, WIDTH + 30.0, 20.0)}
    data = write(tmp_path / "set", one(tmp_path, graph(A, SAID, boxes)), fractions=(1, 0, 0))
    assert places(data[A])["No effusion."] == [[100, 50, WIDTH, HEIGHT]]
    assert places(data[A])["Hazy opacity at the right base."] == []
    assert not data[A].sentences[0].groundable
    told = "a box reaches beyond the image (it is cut, or left out where nothing remains)"
    assert {tuple(item) for item in data.about["excluded"] if item[1] == told} == {(A, told)}


def test_an_image_of_another_size_than_its_boxes_is_left_out(tmp_path: Path) -> None:
    made = adapter(tmp_path, {A: graph(A, SAID), B: graph(B, SAID)})
    mimic(tmp_path / "mimic", {B: 10000002}, (HEIGHT // 2, WIDTH // 2))
    prepared = made.prepare()
    assert only(prepared).id == A
    assert reasons(prepared) == {"the image has another size than the one that its boxes are about": 1}


def test_boxes_move_with_the_image_to_another_size(tmp_path: Path) -> None:
    data = write(tmp_path / "set", one(tmp_path, graph(A, SAID), size=60), fractions=(1, 0, 0))
    expected = np.array([RIGHT, LEFT]) * [60 / WIDTH, 60 / HEIGHT, 60 / WIDTH, 60 / HEIGHT]
    np.testing.assert_allclose(places(data[A])["No effusion."], expected)


def test_excluded_images_take_their_patients_along(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text(f"{A}\n")
    prepared = adapter(tmp_path, {A: graph(A, SAID), B: graph(B, SAID)}, exclude=tmp_path / "list.txt").prepare()
    assert only(prepared).id == B
    assert reasons(prepared) == {"the image is in the excluded data set": 1}


PNEUMONIA = ("disease", "yes", "pneumonia")


def test_gold_sentences_have_the_boxes_of_their_rows_and_are_for_testing(tmp_path: Path) -> None:
    rows = [
        gold_row(A, 10000001, 3, "Right pneumonia, clear left lung.", "right lung", list(RIGHT), *PNEUMONIA),
        gold_row(A, 10000001, 3, "Right pneumonia, clear left lung.", "left lung", list(LEFT), "nlp", "yes", "normal"),
        gold_row(A, 10000001, 4, "Stable.", "left lung", "", "temporal", "yes", "stable"),
    ]
    root = gold(tmp_path / "imagenome", rows, {A: {"right lung": RIGHT, "left lung": LEFT}})
    prepared = ImaGenome(root, mimic(tmp_path / "mimic", {A: 10000001}), part="gold", size=None).prepare()
    both, stable = only(prepared).sentences
    assert both.boxes.boxes.tolist() == [list(RIGHT), list(LEFT)]
    assert both.conditions == (("pneumonia", True), ("abnormal", False))
    assert (both.source, both.label, both.groundable) == ("human", "pneumonia", True)
    assert (stable.conditions, stable.boxes.boxes.tolist()) == ((), [])
    assert prepared.assigned == {A: "test"}
    assert [(e.where, e.reason.partition(" (")[0]) for e in prepared.exclusions] == [
        ("gold_object_attribute_with_coordinates.txt row 4", "a region that a sentence names has no box")
    ]
    assert [case.id for case in write(tmp_path / "set", prepared).split("test")] == [A]


@pytest.mark.parametrize(
    ("place", "context", "told"),
    [
        ("__import__('os')", "yes", r"row 2 has no box in the column coord_original; it must be"),
        ("[1, 2, 3]", "yes", r"row 2 has no box in the column coord_original; it must be \[x1, y1, x2, y2\]"),
        ("[1, 2, 3, low]", "yes", "column coord_original, holds 'low' instead of a number"),
        ("[1, 2, 1, 4]", "yes", "row 2 has the empty box 1, 2, 1, 4; correct the row"),
        ("[1, 2, 3, 4]", "maybe", "row 2 has the context 'maybe'; it must be yes or no"),
        ("[1, 2, 3, 4]", "Secret words.", "row 2 has the context several words; it must be yes or no"),
        ("Secret words.", "yes", "row 2 has no box in the column coord_original"),
        ("[1, 2, Secret words., 4]", "yes", "row 2, column coord_original, holds several words instead of a number"),
    ],
)
def test_a_gold_row_that_is_none_is_refused(tmp_path: Path, place: str, context: str, told: str) -> None:
    row = gold_row(A, 10000001, 3, "Secret words.", "left lung", place, "disease", context, "pneumonia")
    root = gold(tmp_path / "imagenome", [row], {})
    with pytest.raises(DataError, match=told) as error:
        ImaGenome(root, mimic(tmp_path / "mimic", {A: 10000001}), part="gold").prepare()
    assert "Secret" not in str(error.value)


def test_folders_that_lack_something_are_refused(tmp_path: Path) -> None:
    made = adapter(tmp_path, {A: graph(A, SAID)})
    with pytest.raises(DataError, match="option images of imagenome is missing: the images come apart from the annotations"):
        ImaGenome(made.root).prepare()
    with pytest.raises(DataError, match=r"has no gold_bbox_coordinate_annotations_1000images.csv"):
        ImaGenome(made.root, made.images, part="gold").prepare()
    next(made.root.rglob("*.json")).unlink()
    with pytest.raises(DataError, match=r"has no scene graphs; give the folder that holds scene_graph.zip"):
        made.prepare()
    with pytest.raises(DataError, match="option part of imagenome is 'bronze'; use one of silver, gold"):
        ImaGenome(made.root, part="bronze")  # type: ignore[arg-type]


def test_a_split_without_views_is_refused(tmp_path: Path) -> None:
    made = adapter(tmp_path, {A: graph(A, SAID)})
    save_table(made.root / "silver_dataset" / "splits" / "valid.csv", "subject_id,study_id,dicom_id,path", [])
    with pytest.raises(DataError, match=r"valid.csv has no column 'ViewPosition'"):
        made.prepare()
