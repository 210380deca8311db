"""COVID-19 images with lung boxes: on a miniature of the exact layout, and on the data themselves."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from gaze_files import only, reasons
from published_images import pixels, save, save_table

from pellucid.case import Boxes, Mask
from pellucid.datasets import CovidCxr, write
from pellucid.errors import DataError

HEIGHT, WIDTH = 40, 60
PAIRS = "pair_id,image_id,side,region,box_xywh,status,sentence"
RIGHT, LEFT = [5.0, 4.5, 20.0, 30.0], [32.5, 4.0, 20.0, 31.0]


def record(name: str, **changes: object) -> dict[str, object]:
    """A line of records.jsonl."""
    boxes = {"left_lung": LEFT, "right_lung": RIGHT}
    told = {"id": name, "original_filename": f"{name}-1.jpg", "patient": f"p{name}", "finding": "COVID-19", "view": "PA"}
    size = {"width": WIDTH, "height": HEIGHT, "orig_width": 600, "orig_height": 400, "boxes_xywh": boxes, "lung_mask": False}
    notes = {"sex": "F", "age": "71", "clinical_notes": "Secret words.", "laterality_sentences": []}
    scores = {"severity_geographic_mean": None, "severity_opacity_mean": None}
    credit = {"license": "CC BY-NC-SA 4.0", "source_url": "https://example.org", "doi": None, "credit": "Credit to A"}
    return {**told, **size, **notes, **scores, **credit, **changes}


def part(root: Path, name: str, lines: list[dict[str, object]], pairs: list[tuple[object, ...]] | None = None) -> Path:
    """One of the two folders."""
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "records.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    for line in lines:
        save(folder / "images" / f"{line['id']}.jpg", pixels(HEIGHT, WIDTH))
        if line["lung_mask"]:
            mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
            mask[5:30, 6:50] = True
            save(folder / "lung_masks" / f"{line['id']}.png", mask)
    if pairs is not None:
        save_table(folder / "laterality_pairs.csv", PAIRS, pairs)
    return root


def pair(number: int, image: str, side: str, status: str, sentence: str) -> tuple[object, ...]:
    box = " ".join(map(str, RIGHT if side == "right" else LEFT))
    return (number, image, side, f"{side}_lung", box, status, sentence)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = part(tmp_path / "covid", "permissive", [record("a", lung_mask=True, license="CC BY 3.0", finding=None)])
    pairs = [
        pair(0, "b", "right", "keep", "Opacity of the right lung, with a left-sided drain."),
        pair(1, "b", "left", "uncertain", "Left basal shadow?"),
        pair(2, "b", "left", "reject", "Earlier left pneumonia."),
        pair(3, "b", "left", "keep", " - 2."),
        pair(4, "gone", "left", "keep", "Left effusion."),
    ]
    return part(root, "nc_sa", [record("b"), record("c", finding="COVID-19, ARDS"), record("d", finding="No Finding")], pairs)


def test_a_sentence_lies_on_the_lung_that_it_names(root: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "set", CovidCxr(root, size=None).prepare(), fractions=(1, 0, 0))
    data.verify()
    (sentence,) = data["b"].sentences
    assert sentence.text == "Opacity of the right lung, with a left-sided drain."
    assert sentence.boxes.boxes.tolist() == [[5, 4.5, 25, 34.5]]
    assert (sentence.regions, sentence.conditions, sentence.label) == (("right lung",), (), None)
    assert (sentence.source, sentence.confidence, sentence.groundable) == ("model", 1, True)
    assert not data["a"].sentences


def test_sentences_that_are_not_used_are_counted_by_pair(root: Path) -> None:
    found = [(e.where, e.reason) for e in CovidCxr(root).prepare().exclusions]
    assert found == [
        ("b pair 1", "the review of a sentence was not certain"),
        ("b pair 2", "the review rejected a sentence (history, another time, or no finding of this image)"),
        ("b pair 3", "a sentence has no word"),
        ("gone pair 4", "a sentence is for an image that has no record"),
    ]


def test_uncertain_sentences_can_be_added_with_half_the_confidence(root: Path) -> None:
    case = {case.id: case for case in CovidCxr(root, uncertain=True).prepare().cases}["b"]
    assert [(s.regions, s.confidence) for s in case.sentences] == [(("right lung",), 1.0), (("left lung",), 0.5)]


def test_the_anatomy_is_boxes_of_each_lung_and_a_mask_of_both(root: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "set", CovidCxr(root, size=None).prepare(), fractions=(1, 0, 0))
    right, left, lungs = data["a"].anatomy
    assert isinstance(right, Boxes)
    assert isinstance(left, Boxes)
    assert isinstance(lungs, Mask)
    assert (right.label, right.boxes.tolist()) == ("right lung", [[5, 4.5, 25, 34.5]])
    assert (left.label, left.boxes.tolist()) == ("left lung", [[32.5, 4, 52.5, 35]])
    assert (lungs.label, int(lungs.mask.sum())) == ("lungs", 25 * 44)
    assert right.boxes[0, 2] <= left.boxes[0, 0]  # the patient's right is on the left of the picture
    assert [mark.label for mark in data["b"].anatomy] == ["right lung", "left lung"]


def test_labels_are_the_findings_that_the_source_names(root: Path) -> None:
    labels = {case.id: set(case.labels) for case in CovidCxr(root).prepare().cases}
    assert labels == {"a": set(), "b": {"COVID-19"}, "c": {"COVID-19", "ARDS"}, "d": set()}


def test_licence_source_and_credit_stay_with_each_image(root: Path) -> None:
    prepared = CovidCxr(root).prepare()
    meta = {case.id: case.meta for case in prepared.cases}
    assert {name: (kept["part"], kept["licence"]) for name, kept in meta.items()} == {
        "a": ("permissive", "CC BY 3.0"),
        **dict.fromkeys("bcd", ("nc_sa", "CC BY-NC-SA 4.0")),
    }
    assert (meta["b"]["source_url"], meta["b"]["credit"]) == ("https://example.org", "Credit to A")
    assert prepared.about["notes"][:2] == ["nc_sa: CC BY-NC-SA 4.0 (3).", "permissive: CC BY 3.0 (1)."]
    assert "Secret" not in json.dumps([dict(kept) for kept in meta.values()])


def test_one_part_can_be_had_alone(root: Path) -> None:
    assert [case.id for case in CovidCxr(root, part="permissive").prepare().cases] == ["a"]
    assert [case.id for case in CovidCxr(root, part="nc_sa").prepare().cases] == ["b", "c", "d"]


def test_missing_damaged_and_resized_images_are_counted(root: Path) -> None:
    images = root / "nc_sa" / "images"
    (images / "b.jpg").unlink()
    (images / "c.jpg").write_bytes(b"no image")
    save(images / "d.jpg", pixels(HEIGHT, 2 * WIDTH))
    (root / "permissive" / "lung_masks" / "a.png").unlink()
    prepared = CovidCxr(root).prepare()
    assert len(only(prepared).anatomy) == 2
    found = {(e.where, e.reason) for e in prepared.exclusions if "sentence" not in e.reason}
    assert found == {
        ("a", "the mask file is missing (the image is used)"),
        ("b", "the image file is missing"),
        ("c", "the image cannot be read"),
        ("d", "the image has another size than its record says"),
    }


def test_a_lung_box_beyond_the_image_is_cut_and_counted(tmp_path: Path) -> None:
    boxes = {"right_lung": RIGHT, "left_lung": [40.0, 4.0, 25.0, 31.0]}
    root = part(tmp_path / "covid", "nc_sa", [record("b", boxes_xywh=boxes)], [pair(0, "b", "left", "keep", "Left lung.")])
    data = write(tmp_path / "set", CovidCxr(root, part="nc_sa", size=None).prepare(), fractions=(1, 0, 0))
    assert data["b"].sentences[0].boxes.boxes.tolist() == [[40, 4, WIDTH, 35]]
    told = "a box reaches beyond the image (it is cut, or left out where nothing remains)"
    assert data.about["exclusions"] == {told: 1, f"of a sentence: {told}": 1}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"boxes_xywh": {"right_lung": RIGHT}}, "nc_sa/records.jsonl line 2 is no record"),
        ({"boxes_xywh": {"right_lung": RIGHT, "left_lung": [1, 2]}}, "nc_sa/records.jsonl line 2 is no record"),
        ({"boxes_xywh": {"right_lung": RIGHT, "left_lung": [1, 2, 0, 4]}}, r"line 2 has a box of 0.0 x 4.0 pixels"),
        ({"width": "wide"}, "nc_sa/records.jsonl line 2 is no record"),
    ],
)
def test_a_record_that_is_none_is_refused_without_its_notes(tmp_path: Path, changes: dict[str, object], told: str) -> None:
    root = part(tmp_path / "covid", "nc_sa", [record("a"), record("b", **changes)])
    with pytest.raises(DataError, match=told) as error:
        CovidCxr(root, part="nc_sa").prepare()
    assert "Secret" not in str(error.value)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ((0, "b", "right", "left_lung", "", "keep", "Secret words"), "names the side 'right' and the region 'left_lung'"),
        ((0, "b", "both", "both_lung", "", "keep", "Secret words"), "nc_sa/laterality_pairs.csv row 2 names the side 'both'"),
        ((0, "b", "right", "right_lung", "", "maybe", "Secret words"), "row 2 has the status 'maybe'; use keep"),
    ],
)
def test_a_pair_that_is_none_is_refused(tmp_path: Path, row: tuple[object, ...], told: str) -> None:
    root = part(tmp_path / "covid", "nc_sa", [record("b")], [row])
    with pytest.raises(DataError, match=told) as error:
        CovidCxr(root, part="nc_sa").prepare()
    assert "Secret" not in str(error.value)


def test_options_and_folders_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="option part of covid_cxr is 'free'; use one of permissive, nc_sa, both"):
        CovidCxr(tmp_path, part="free")  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"permissive is not a folder"):
        CovidCxr(tmp_path).prepare()


@pytest.fixture(scope="module")
def published(data_root: Path) -> Path:
    folder = data_root / "multimodal_covid_cxr"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    return folder


@pytest.mark.data
def test_the_published_counts_are_met(published: Path) -> None:
    cases = CovidCxr(published).prepare().cases
    assert Counter(case.meta["part"] for case in cases) == {"permissive": 113, "nc_sa": 231}
    assert len({case.patient for case in cases}) == 200
    assert sum(any(mark.label == "lungs" for mark in case.anatomy) for case in cases) == 190
    sides = Counter(sentence.regions[0] for case in cases for sentence in case.sentences)
    assert sides == {"right lung": 37, "left lung": 26}
    assert sum(bool(case.sentences) for case in cases) == 48
    assert sum(len(case.sentences) for case in CovidCxr(published, uncertain=True).prepare().cases) == 74


@pytest.mark.data
def test_every_published_sentence_names_the_side_of_its_box(published: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "set", CovidCxr(published, part="nc_sa", size=64).prepare())
    spoken = [(case, sentence) for case in data for sentence in case.sentences]
    assert len(spoken) == 63
    for case, sentence in spoken:
        lungs = {mark.label: mark.boxes[0] for mark in case.anatomy if isinstance(mark, Boxes)}
        (place,) = sentence.boxes.boxes
        assert sentence.regions[0].split()[0] in sentence.text.lower()
        np.testing.assert_allclose(place, lungs[sentence.regions[0]])
        assert lungs["right lung"][[0, 2]].sum() < lungs["left lung"][[0, 2]].sum()
    assert reasons(CovidCxr(published, part="nc_sa").prepare())["a sentence has no word"] == 0
