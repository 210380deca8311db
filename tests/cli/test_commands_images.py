"""The commands on images: from drawn radiographs to a picture, a mask network and a report."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from commands import done, pellucid, said
from dicom_files import write
from PIL import Image
from rich.console import Console

from pellucid import load
from pellucid.cli import demo
from pellucid.cli.demo_images import ImageDemo
from pellucid.files import read_json


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images") / "data"
    done("data", "prepare", "phantom_chest", "--out", folder, "--set", "n=60", "--set", "size=32", "--set", "prevalence=0.4")
    return folder


@pytest.fixture(scope="module")
def model(data: Path) -> Path:
    shown = done("train", "--data", data, "--out", data.parent / "model", "--epochs", "1")
    assert "tuned on validation" in shown
    return data.parent / "model"


@pytest.fixture(scope="module")
def xray(data: Path) -> Path:
    file = data.parent / "chest.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 50), dtype=np.uint8)).save(file)
    return file


def test_a_data_set_of_images_is_learnt_by_an_image_classifier(model: Path) -> None:
    assert read_json(model / "pellucid.json")["predictor"] == "image_classifier"


def test_an_image_file_is_explained_with_a_picture_and_numbers(model: Path, xray: Path, tmp_path: Path) -> None:
    shown = done(
        *("explain", "--model", model, "--image", xray, "--label", "effusion", "--method", "grad_cam"),
        *("--png", tmp_path / "e.png", "--json", tmp_path / "e.json"),
    )
    assert "By grad_cam" in shown
    assert "40 x 50 pixels was resampled to the 32 x 32" in shown
    assert Image.open(tmp_path / "e.png").size == (224, 224)
    written = read_json(tmp_path / "e.json")
    assert (written["size"], len(written["labels"][0]["scores"])) == ([32, 32], 1024)


def test_one_frame_of_a_dicom_file_is_shown_by_a_window(model: Path, tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(-1000, 1000, (2, 32, 32)).astype(np.int16)
    file = write(tmp_path / "ct.dcm", values)
    command = ("explain", "--model", model, "--image", file, "--label", "nodule", "--method", "saliency")
    assert "holds 2 frames" in said(pellucid(*command))
    done(*command, "--frame", "1", "--window", "40", "400", "--json", tmp_path / "e.json")
    shades = np.clip((values[1] - 39.5) / 399 + 0.5, 0, 1).astype(np.float32)
    own = load(model).explain(shades, ["nodule"], method="saliency")
    np.testing.assert_allclose(read_json(tmp_path / "e.json")["labels"][0]["scores"], own.map("nodule").ravel(), rtol=1e-4)


def test_a_case_of_the_data_set_is_explained_by_what_was_learnt_from_the_others(model: Path, data: Path) -> None:
    case = read_json(data / "splits.json")["test"][0]
    assert "By prior" in done("explain", "--model", model, "--data", data, "--case", case, "--method", "prior")


def test_a_mask_network_is_trained_for_the_model_and_explains_it(model: Path, data: Path, xray: Path) -> None:
    out = data.parent / "masked"
    shown = done("train", "--data", data, "--out", out, "--start", model, "--objective", "nemt", "--epochs", "1")
    assert "with --method nemt" in shown
    assert "By nemt" in done("explain", "--model", out, "--image", xray, "--label", "nodule", "--method", "nemt")
    assert read_json(out / "pellucid.json")["fingerprint"] == read_json(model / "pellucid.json")["fingerprint"]


def test_an_audit_of_images_needs_no_settings(model: Path, data: Path, tmp_path: Path) -> None:
    shown = done(
        *("audit", "--model", model, "--data", data, "--out", tmp_path / "a"),
        *("--explainers", "grad_cam,random", "--cases", "2"),
        *("--set", "across=4", "--set", "draws=20", "--set", "sanity_cases=0", "--set", "validation_cases=2"),
    )
    assert "relevance mass" in shown
    assert (tmp_path / "a" / "report.html").is_file()


def test_mistakes_get_one_sentence(model: Path, data: Path, xray: Path, tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("No effusion.")
    mistakes = {
        ("explain", "--model", model, "--text", note): "The model reads images; give --image FILE",
        ("explain", "--model", model, "--image", note): "note.txt",
        ("explain", "--model", model, "--image", tmp_path / "none.png"): "none.png",
        ("explain", "--model", model, "--image", xray, "--method", "attingrad"): "inputs of the kind text",
        ("explain", "--model", model, "--image", xray, "--method", "nemt"): "pellucid train --objective nemt",
        ("explain", "--model", model, "--image", xray, "--html", tmp_path / "x.html"): "written with --png",
        ("explain", "--model", model, "--image", xray, "--text", note): "Say what to explain",
        ("explain", "--model", model, "--image", xray, "--unit", "sentence"): "--unit is about the units of a text",
        ("explain", "--model", model, "--text", note, "--frame", "0"): "how the file of --image is read",
        ("train", "--data", data, "--out", tmp_path / "m", "--model", "plm_ca"): "train an image_classifier",
        ("demo", "--modality", "sound"): "no demo of 'sound'",
        ("reproduce", "nemt", "--data", "rsna", "--out", tmp_path / "s"): "needs --source DIR",
    }
    for arguments, expected in mistakes.items():
        result = pellucid(*arguments)
        assert result.exit_code == 2, arguments
        assert expected in said(result), said(result)


def test_the_demo_ends_with_a_report_and_the_planted_mark(tmp_path: Path) -> None:
    small = ImageDemo(
        images=90, size=32, epochs=1, mask_epochs=1, cases=2, targets=1, validation_cases=2, sanity_cases=0, across=4, draws=20
    )
    file = io.StringIO()
    page = demo.run(tmp_path / "demo", 0, small, "pellucid demo --modality image", Console(file=file, width=200))
    assert "</html>" in page.read_text(encoding="utf-8")
    assert "The radiographs hold a planted shortcut" in file.getvalue()
    assert (tmp_path / "demo" / "shortcut.png").is_file()
