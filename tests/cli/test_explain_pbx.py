"""`pellucid explain --method pbx`, as a newcomer types it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from commands import done, pellucid
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "predictors"))
sys.path.insert(0, str(Path(__file__).parents[1] / "jacobians"))

from clinical import shades

from pellucid.datasets import open_dataset
from pellucid.files import read_json


@pytest.fixture(scope="module")
def cancer(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    folder = tmp_path_factory.mktemp("cancer")
    done("data", "prepare", "breast_cancer", "--out", folder / "data")
    done("train", "--data", folder / "data", "--out", folder / "model", "--epochs", "2")
    return folder / "model", folder / "data", open_dataset(folder / "data").split("test")[0].id


def test_a_row_shows_its_table_shares_and_reliability_and_writes_what_is_asked(cancer, tmp_path):
    model, data, case = cancer
    files = {name: tmp_path / f"out.{name}" for name in ("html", "png", "json")}
    asked = [part for name, path in files.items() for part in (f"--{name}", path)]
    shown = done("explain", "--model", model, "--data", data, "--case", case, "--method", "pbx", "--label", "malignant", *asked)
    assert re.search(r"what changes +by +malignant \d", shown)
    assert re.search(r"mean \w+ among patients +\+[\d.]+, 1 SD of the training cases +[+-]\d", shown)
    for part in ("Share of the sensitivity", "Shortcuts", "Belief", "Scope", f"Page: {files['html']}", "Picture:"):
        assert part in shown
    record = read_json(files["json"])
    assert (record["format"], record["case"]) == ("pellucid.pbx/1", case)
    assert record["error bars"]["bars"][0]["sd"] > 0
    assert "In one minute" in files["html"].read_text()
    assert Image.open(files["png"]).size[0] > 300


def test_the_sizes_of_the_table_fall(cancer):
    model, data, case = cancer
    shown = done("explain", "--model", model, "--data", data, "--case", case, "--method", "pbx")
    sizes = [abs(float(found)) for found in re.findall(r"training cases +([+-][\d.]+) ", shown)]
    assert len(sizes) > 5
    assert sizes == sorted(sizes, reverse=True)


def test_progress_goes_to_standard_error(cancer):
    model, data, case = cancer
    result = pellucid("explain", "--model", model, "--data", data, "--case", case, "--method", "pbx")
    assert "reading the Jacobian: done" in result.stderr
    assert "reading the Jacobian" not in result.stdout


def test_other_methods_keep_working_and_know_no_noise(cancer):
    model, data, case = cancer
    given = ("explain", "--model", model, "--data", data, "--case", case, "--method", "jacobian")
    assert "by jacobian" in done(*given).replace(", jacobian", " by jacobian")
    refused = pellucid(*given, "--noise", "0.1")
    assert refused.exit_code != 0
    assert "--method pbx" in refused.stderr


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    import torch

    from pellucid.predictors.image_classifier import ImageClassifier

    folder = tmp_path_factory.mktemp("image")
    generator = torch.Generator().manual_seed(0)
    model = ImageClassifier.build(
        "tiny", ("effusion", "nodule"), exclusive=False, size=(32, 32), channels=1, generator=generator
    )
    model.save(folder / "model")
    Image.fromarray((shades((32, 32))[..., 0] // 257).astype("uint8")).save(folder / "image.png")
    return folder / "model", folder / "image.png"


def test_an_image_file_with_stated_noise(image, tmp_path):
    model, file = image
    given = ("--method", "pbx", "--label", "effusion", "--noise", "0.01", "--json", tmp_path / "out.json")
    shown = done("explain", "--model", model, "--image", file, *given)
    assert re.search(r"what changes +by +effusion", shown)
    assert "No alarm can be given." in shown
    assert read_json(tmp_path / "out.json")["error bars"]["bars"]


def test_what_pbx_does_not_do_is_said_in_one_sentence(image, tmp_path):
    model, file = image
    refused = pellucid("explain", "--model", model, "--image", file, "--method", "pbx", "--unit", "sentence")
    assert refused.exit_code != 0
    assert "leave out --unit" in refused.stderr
    unknown = pellucid("explain", "--model", model, "--image", file, "--method", "pbx", "--label", "fracture")
    assert "does not know the label 'fracture'" in re.sub(r"\s+", " ", unknown.stderr)
