"""`pellucid reproduce mimic-gaze`, run as a person runs it."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import pellucid, said
from typer.testing import Result

from pellucid.files import read_json

SMALL = (
    "--epochs", "1", "--members", "2", "--cases", "3", "--device", "cpu", "--seeds", "0", "--methods", "grad_cam",
    "--set", "data.n=60", "--set", "data.size=32", "--set", "data.readers=2", "--set", "data.prevalence=0.4",
    "--set", "weights.annotated=0.6",
    "--set", "plan.explainers=grad_cam,centre_prior,random", "--set", "plan.metrics=gaze_information_gain,gaze_sauc,srg",
    "--set", "plan.across=4", "--set", "plan.draws=20", "--set", "plan.validation_cases=2", "--set", "plan.max_targets=1",
)  # fmt: skip


def reproduce(*arguments: str | Path) -> Result:
    return pellucid("reproduce", "mimic-gaze", *arguments)


def test_parts_done_alone_and_then_all_of_it_end_with_what_may_be_said(tmp_path: Path) -> None:
    out = tmp_path / "study"
    alone = reproduce("--data", "phantom", "--out", out, *SMALL, "--only", "ensemble-0")
    assert alone.exit_code == 0, alone.stderr
    assert "Not finished yet: single-0, consensus-0, consensus_gaze-0, distilled-0." in alone.stdout
    early = reproduce("--data", "phantom", "--out", out, *SMALL, "--only", "distilled-0")
    assert "learns from the model of consensus_gaze-0, which is not trained" in said(early)
    result = reproduce("--data", "phantom", "--out", out, *SMALL)
    assert result.exit_code == 0, result.stderr
    assert "consensus_gaze-0: training" in result.stderr
    for expected in ("Strategies, by Grad-CAM", "told apart", "gain, blurred", "usual gaze", "centre_prior", "more plausible"):
        assert expected in result.stdout
    assert len(result.stdout.splitlines()) < 60
    stored = read_json(out / "tables.json")["study"]
    assert (stored["members"], stored["weights"]["annotated"]) == (2, 0.6)
    assert stored["recipe"] == {"encoder": "tiny", "epochs": 1, "patience": 1}


def test_its_help_has_an_example_and_says_what_can_be_set() -> None:
    shown = " ".join(reproduce("--help").stdout.split())
    for expected in ("--data phantom --out study", "--images", "--members", "weights.KEY", "consensus_gaze"):
        assert expected in shown


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("--data", "mimic"), "--data mimic is neither phantom, egd, reflacx nor the folder"),
        (("--data", "egd"), "needs --source DIR"),
        (("--data", "phantom", "--images", "x"), "no option 'images' of the data set phantom"),
        (("--data", "phantom", "--set", "weights.force=3"), "no option 'force' of the weights"),
        (("--data", "phantom", "--set", "recipe.members=3"), "decides the members"),
        (("--data", "phantom", "--members", "1"), "nobody to agree with"),
        (("--data", "phantom", "--methods", "smoothgrad"), "compared by grad_cam"),
        (("--data", "phantom", "--only", "single"), "gives no training seeds"),
    ],
)
def test_mistakes_get_one_sentence(given: tuple[str, ...], message: str, tmp_path: Path) -> None:
    result = reproduce(*given, "--out", tmp_path / "study")
    assert result.exit_code == 2
    assert message in said(result)
    assert not (tmp_path / "study").exists()
