"""`pellucid data prepare` and `describe` on images."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from pellucid.case import Boxes, Case
from pellucid.cli.app import app
from pellucid.cli.contents import contents, share, size_range
from pellucid.datasets import Prepared, open_dataset, write
from pellucid.picture import Picture

sys.path.insert(0, str(Path(__file__).parent.parent / "datasets"))
from published_images import pixels, save, save_table

DOCS = Path(__file__).parents[2] / "docs" / "datasets.md"


def run(*words: object) -> Result:
    done = CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "160"})
    assert done.exit_code == 0, done.stderr
    return done


def test_phantom_radiographs_are_prepared_and_described_without_words(tmp_path: Path) -> None:
    out = tmp_path / "chest"
    done = run("data", "prepare", "phantom_chest", "--out", out, "--set", "n=24", "--set", "size=32")
    shown = run("data", "describe", out).stdout
    assert "24 of 32 x 32 pixels, grey" in shown
    assert "pixels across" in shown
    assert "words a note" not in shown
    assert shown == done.stdout
    data = open_dataset(out)
    for label in data.labels:
        having = [case for case in data if label in case.labels]
        assert re.search(rf"{label} +{len(having)} +{sum(bool(c.evidence_for(label)) for c in having)} +\d", shown)


def test_the_documented_command_reads_ultrasounds_with_masks_beside_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [(f"{label}_{i}", label, i // 2) for label in ("benign", "normal") for i in range(10)]
    save_table(Path("BUSI/metadata.csv"), "id,label,near_dup_group", [(n, label, f"{label}{g}") for n, label, g in rows])
    for name, label, _ in rows:
        save(Path("BUSI/images") / f"{name}.png", pixels(8, 8))
        save(Path("BUSI/masks") / f"{name}.png", np.full((8, 8), label == "benign") & np.tri(8, dtype=bool))
    command = re.search(r"pellucid (data prepare image_folder (?:.*\\\n)*.*)\n", DOCS.read_text())
    assert command is not None
    shown = run(*command[1].replace("\\\n", " ").split()).stdout
    assert "20 of 10 patients" in shown
    assert re.search(r"benign +10 +10 +5\d.\d %", shown)
    assert re.search(r"normal +10 +0 +-", shown)
    assert re.search(r"a mask marks nothing +10", shown)
    shutil.rmtree("BUSI")
    assert run("data", "describe", "data/busi").stdout == shown


def test_marks_of_named_annotators_on_images_are_described(tmp_path: Path) -> None:
    marks = tuple(Boxes(np.array([[0, 0, 2, 2.0]]), "mass", source=f"human:R{i}") for i in (1, 2))
    image = Picture(pixels(4, 4))
    cases = [Case(str(i), str(i), {"image": image}, frozenset({"mass"}), marks) for i in range(10)]
    write(tmp_path / "set", Prepared("made_up", cases))
    shown = run("data", "describe", tmp_path / "set").stdout
    assert re.search(r"mass +10 +10 +25.0 % \(25.0 %\)", shown)
    assert "marks a case" in shown


def test_sentences_of_reports_are_counted(tmp_path: Path) -> None:
    run(
        "data",
        "prepare",
        "phantom_chest",
        "--out",
        tmp_path / "set",
        "--set",
        "n=20",
        "--set",
        "size=32",
        "--set",
        "reports=true",
    )
    data = open_dataset(tmp_path / "set")
    said = [len(case.sentences) for case in data if case.sentences]
    assert re.search(rf"sentences +{sum(said)} about {len(said)} cases", run("data", "describe", tmp_path / "set").stdout)


def test_images_of_several_sizes_are_described_by_their_range() -> None:
    shapes = [(4, 6, 1), (5, 6, 3), (3, 6, 1)]
    found = [contents(Case("c", "p", {"image": Picture(np.zeros(s, dtype=np.uint8))}, frozenset())) for s in shapes]
    assert size_range(found) == "3 to 5 x 6 pixels, grey and colour"
    assert size_range(found[:1]) == "4 x 6 pixels, grey"
    volume = contents(Case("c", "p", {"image": Picture(np.zeros((2, 4, 6, 1), dtype=np.uint8))}, frozenset()))
    assert size_range([volume]) == "2 x 4 x 6 pixels, grey"
    assert size_range([volume, *found]) == "flat images and volumes, grey and colour"
    assert share([0.25, 0.5]) == "37.5 % (50.0 %)"


def test_a_note_beside_an_image_shows_words_and_pixels(tmp_path: Path) -> None:
    inputs = {"image": Picture(pixels(4, 4)), "text": "two words"}
    write(tmp_path / "set", Prepared("x", [Case(str(i), str(i), inputs, frozenset()) for i in range(10)]))
    shown = run("data", "describe", tmp_path / "set").stdout
    assert re.search(r"cases +words a note +pixels across", shown)
