"""ROCO and ROCOv2, on small made-up files of their exact layouts."""

from __future__ import annotations

from pathlib import Path

import pytest
from gaze_files import only, reasons
from published_images import pixels, save, save_table

from pellucid.datasets import Roco, write
from pellucid.errors import DataError

Lines = list[tuple[str, str]]


def link(name: str, article: int, file: str) -> str:
    """A line of dlinks.txt."""
    return f"{name}\twget -r ftp://ftp.example.org/oa_package/8d/34/PMC{article}.tar.gz -P /path/to/Dir\t{file}.jpg"


def first(root: Path, captions: dict[str, Lines], articles: dict[str, int], links: bool = True) -> Path:
    """ROCO: captions by split, and the article of each figure."""
    for split, lines in captions.items():
        folder = root / "data" / split / "radiology"
        (folder / "images").mkdir(parents=True)
        (folder / "captions.txt").write_text("".join(f"{name}\t {caption}\n" for name, caption in lines), encoding="utf-8")
        if links:
            told = [link(name, articles[name], f"fig-{name}.part") for name, _ in lines]
            (folder / "dlinks.txt").write_text("\n".join(told) + "\n")
        for name, _ in lines:
            file = f"PMC{articles[name]}_fig-{name}.part" if links else name
            save(folder / "images" / f"{file}.jpg", pixels(10, 12))
    other = root / "data" / "train" / "non-radiology"
    other.mkdir(parents=True, exist_ok=True)
    (other / "captions.txt").write_text("ROCO_99999\t A flow chart.\n")
    return root


def second(root: Path, captions: dict[str, Lines]) -> Path:
    """ROCOv2: captions by split."""
    for split, lines in captions.items():
        save_table(root / f"{split}_captions.csv", "ID,Caption", lines)
        for name, _ in lines:
            save(root / split / f"{name}.jpg", pixels(10, 12))
    return root


CAPTIONS = {
    "train": [("ROCO_00001", "Axial MRI, coronal view."), ("ROCO_00002", "Chest X-ray: left effusion,\tand right too")],
    "validation": [("ROCO_00003", "Niveaux hydro-aériques")],
    "test": [("ROCO_00004", "CT of the head.")],
}
ARTICLES = {"ROCO_00001": 11, "ROCO_00002": 11, "ROCO_00003": 12, "ROCO_00004": 11}
SECOND = {
    "train": [("v2_train_1", 'Left "white" lung, CT')],
    "valid": [("v2_valid_1", "MRI.")],
    "test": [("v2_test_1", "US scan")],
}


def test_a_caption_is_one_sentence_without_a_place_and_without_labels(tmp_path: Path) -> None:
    data = write(tmp_path / "set", Roco(first(tmp_path / "roco", CAPTIONS, ARTICLES), size=None).prepare())
    data.verify()
    assert {case.id: case.sentences[0].text for case in data} == {
        "ROCO_00001": "Axial MRI, coronal view.",
        "ROCO_00002": "Chest X-ray: left effusion, and right too",
        "ROCO_00003": "Niveaux hydro-aériques",
        "ROCO_00004": "CT of the head.",
    }
    assert all(len(case.sentences) == 1 and not case.sentences[0].groundable for case in data)
    assert not any(case.sentences[0].absent for case in data)
    assert data.labels == ()
    assert data.about["cases_without_labels"] == 4
    assert data["ROCO_00001"].picture.size == (10, 12)


def test_the_published_splits_are_by_figure(tmp_path: Path) -> None:
    root = first(tmp_path / "roco", CAPTIONS, ARTICLES)
    prepared = Roco(root).prepare()
    assert [prepared.assigned[case.id] for case in prepared.cases] == ["test", "train", "train", "validation"]
    assert {case.patient for case in prepared.cases} == set(ARTICLES)
    own = Roco(root, published_splits=False).prepare()
    assert not own.assigned
    assert {case.id: case.patient for case in own.cases} == {name: f"PMC{n}" for name, n in ARTICLES.items()}


def test_without_links_images_are_found_by_their_ids(tmp_path: Path) -> None:
    prepared = Roco(first(tmp_path / "roco", CAPTIONS, ARTICLES, links=False), published_splits=False).prepare()
    assert len(prepared.cases) == 4
    assert {case.patient for case in prepared.cases} == set(ARTICLES)


def test_a_folder_that_is_one_part_gets_splits_of_the_library(tmp_path: Path) -> None:
    root = first(tmp_path / "roco", CAPTIONS, ARTICLES)
    prepared = Roco(root / "data" / "train").prepare()
    assert [case.id for case in prepared.cases] == ["ROCO_00001", "ROCO_00002"]
    assert not prepared.assigned


def test_the_second_version_is_read_from_its_tables(tmp_path: Path) -> None:
    prepared = Roco(second(tmp_path / "roco", SECOND)).prepare()
    assert {case.id: (case.sentences[0].text, prepared.assigned[case.id]) for case in prepared.cases} == {
        "v2_train_1": ('Left "white" lung, CT', "train"),
        "v2_valid_1": ("MRI.", "validation"),
        "v2_test_1": ("US scan", "test"),
    }


def test_captions_without_a_word_and_missing_images_are_counted(tmp_path: Path) -> None:
    root = second(tmp_path / "roco", {"train": [("a", "..."), ("b", ""), ("c", "MRI"), ("d", "MRI"), ("e", "")]})
    for name in "de":  # what has no image is counted for that alone
        (root / "train" / f"{name}.jpg").unlink()
    prepared = Roco(root).prepare()
    assert only(prepared).id == "c"
    assert prepared.assigned == {"c": "train"}
    assert reasons(prepared) == {
        "a sentence has no word": 2,
        "the report has no sentence with a word": 2,
        "the image file is missing": 2,
    }
    assert {e.where for e in prepared.exclusions if "report" in e.reason} == {"a", "b"}


def test_an_unreadable_image_is_counted(tmp_path: Path) -> None:
    root = second(tmp_path / "roco", {"train": [("a", "MRI"), ("b", "CT")]})
    (root / "train" / "b.jpg").write_bytes(b"no image")
    data = write(tmp_path / "set", Roco(root, size=8).prepare())
    assert [case.id for case in data] == ["a"]
    assert data.about["excluded"] == [["b", "the image cannot be read"]]


@pytest.mark.parametrize(
    ("file", "line", "told"),
    [
        ("captions.txt", "ROCO_00009 Secret words", "captions.txt line 3 has 1 columns instead of 2"),
        ("captions.txt", "\tSecret words", "captions.txt line 3 has no id before the tab"),
        ("dlinks.txt", "ROCO_00009\twget\tfile.jpg", "dlinks.txt line 3 has no archive of an article"),
    ],
)
def test_a_line_that_is_none_is_refused_without_its_words(tmp_path: Path, file: str, line: str, told: str) -> None:
    root = first(tmp_path / "roco", CAPTIONS, ARTICLES)
    with (root / "data" / "train" / "radiology" / file).open("a") as lines:
        lines.write(line + "\n")
    with pytest.raises(DataError, match=told) as error:
        Roco(root).prepare()
    assert "Secret" not in str(error.value)


def test_folders_without_captions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has neither train_captions.csv nor captions.txt"):
        Roco(tmp_path).prepare()
