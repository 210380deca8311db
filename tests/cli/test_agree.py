"""`pellucid agree`, run as a person runs it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from commands import pellucid
from images import FINDINGS

from pellucid import datasets
from pellucid.files import read_json
from pellucid.predictors.image_classifier import ImageClassifier


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn radiographs, and two models that have learnt nothing."""
    root = tmp_path_factory.mktemp("agree")
    data = datasets.write(root / "data", datasets.PhantomChest(40, size=32, prevalence=0.4).prepare())
    for name, labels, seed in (("seed-1", data.labels, 1), ("seed-2", data.labels, 2), ("other", FINDINGS, 3)):
        generator = torch.Generator().manual_seed(seed)
        model = ImageClassifier.build("tiny", labels, exclusive=False, size=(32, 32), channels=1, generator=generator)
        model.save(root / name)
    return root


def test_two_tables_are_printed_and_all_figures_written(folder: Path, tmp_path: Path) -> None:
    models = ("--model", folder / "seed-1", "--model", folder / "seed-2", "--data", folder / "data")
    quick = ("--set", "permutations=3", "--set", "across=4", "--cases", "8", "--out", tmp_path / "f.json")
    result = pellucid("agree", *models, "--method", "saliency", "--method", "random", *quick)
    assert result.exit_code == 0, result.stderr
    for expected in (
        "Between models",
        "Between methods",
        "2 models",
        "saliency",
        "by chance 0.50",
        "first 10 % of the patches",
    ):
        assert expected in " ".join(result.stdout.split())
    written = read_json(tmp_path / "f.json")
    assert [row["method"] for row in written["between_models"]] == ["saliency", "random"]
    random = written["between_models"][1]
    assert random["likeness"]["divergence"]["value"] == 0.0  # the same noise whatever the model
    assert random["test"]["consistency"]["value"] == 1.0


def test_mistakes_get_one_sentence(folder: Path) -> None:
    one, data = ("--model", folder / "seed-1"), ("--data", folder / "data")
    mistakes = {
        (*one, *data, "--method", "saliency"): "at least two models, or two methods",
        (*one, *one, *data, "--method", "saliency"): "is given twice",
        (*one, "--model", folder / "other", *data, "--method", "saliency"): "do not have the same labels",
        (*one, *data, "--method", "saliency", "--set", "tops=3"): "did you mean 'top'",
        (*one, *data, "--method", "attingrad", "--method", "saliency"): "inputs of the kind text",
    }
    for arguments, expected in mistakes.items():
        result = pellucid("agree", *arguments)
        assert result.exit_code == 2, arguments
        assert expected in " ".join(result.stderr.split()), result.stderr
