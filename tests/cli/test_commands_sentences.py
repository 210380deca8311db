"""The commands on images with reports, as a newcomer types them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from commands import done, pellucid
from PIL import Image

from pellucid.datasets import open_dataset
from pellucid.files import read_json

SENTENCE = "Small left effusion."


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reports") / "data"
    given = ("n=60", "size=32", "prevalence=0.4", "reports=true")
    done("data", "prepare", "phantom_chest", "--out", folder, *(part for value in given for part in ("--set", value)))
    return folder


@pytest.fixture(scope="module")
def trained(data: Path) -> tuple[Path, str]:
    out = data.parent / "model"
    given = ("--objective", "contrastive", "--epochs", "2", "--set", "keep=last")
    result = pellucid("train", "--data", data, "--out", out, *given)
    assert result.exit_code == 0, result.stderr
    return out, result.stderr + result.stdout


def case_of(data: Path) -> str:
    return open_dataset(data).split("test")[0].id


def test_the_table_tells_how_well_sentences_find_their_images(trained: tuple[Path, str]) -> None:
    out, shown = trained
    told = read_json(out / "pellucid.json")["about"]["validation"]
    assert f"validation matching {told['matching']:.3f})" in shown.partition("Model")[0]  # of the epoch, not of the one before
    assert re.search(rf"matching +{told['matching']:.3f} on validation \({told['sentences']} sentences", shown)
    assert read_json(out / "pellucid.json")["predictor"] == "image_text"


def test_a_sentence_is_explained_with_its_fit_a_picture_and_numbers(
    trained: tuple[Path, str], data: Path, tmp_path: Path
) -> None:
    files = ("--png", tmp_path / "left.png", "--json", tmp_path / "left.json")
    shown = done("explain", "--model", trained[0], "--data", data, "--case", case_of(data), "--label", SENTENCE, *files)
    assert "By local_attention" in shown
    assert re.search(r"label +fit +strongest", shown)
    assert "it is no probability" in shown
    assert Image.open(tmp_path / "left.png").mode == "RGB"
    (label,) = read_json(tmp_path / "left.json")["labels"]
    assert label["label"] == SENTENCE
    assert 0 < label["fit"] < 1
    assert "probability" not in label
    assert len(label["scores"]) == 32 * 32


def test_without_a_sentence_labels_have_probabilities(trained: tuple[Path, str], data: Path) -> None:
    shown = done("explain", "--model", trained[0], "--data", data, "--case", case_of(data), "--label", "effusion")
    assert re.search(r"label +probability +strongest", shown)


def test_a_sentence_without_a_word_is_refused_in_one(trained: tuple[Path, str], data: Path) -> None:
    result = pellucid("explain", "--model", trained[0], "--data", data, "--case", case_of(data), "--label", "...")
    assert result.exit_code == 2
    assert "has no word that the model can read; leave it out." in " ".join(result.stderr.split())


def test_data_without_reports_are_refused_with_the_remedy(tmp_path: Path) -> None:
    done("data", "prepare", "phantom_chest", "--out", tmp_path / "d", "--set", "n=30", "--set", "size=32")
    result = pellucid("train", "--data", tmp_path / "d", "--out", tmp_path / "m", "--objective", "contrastive")
    assert result.exit_code == 2
    assert "has a sentence; prepare it with reports" in " ".join(result.stderr.split())


def test_defaults_are_told_by_help() -> None:
    shown = " ".join(re.sub("[^\\w :;\\[\\]-]", "", pellucid("train", "--help").stdout).split())
    for default in ("[default: bce; of image_text contrastive]", "[default: 16]", "[default: tiny]"):
        assert default in shown
