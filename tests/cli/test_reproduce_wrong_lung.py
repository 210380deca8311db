"""`pellucid reproduce wrong-lung`, run as a person runs it."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import pellucid, said
from typer.testing import Result

from pellucid.files import read_json

SMALL = (
    "--epochs", "1", "--cases", "2", "--device", "cpu", "--seeds", "0", "--variants", "retrained,ours",
    "--methods", "local_attention,local_attention_mean", "--also", "none",
    "--set", "data.n=40", "--set", "data.size=32", "--set", "data.prevalence=0.4", "--set", "plan.draws=20",
    "--set", "plan.rewordings=side_swap,random_sentence", "--set", "plan.images=other_patient",
)  # fmt: skip


def reproduce(*arguments: str | Path) -> Result:
    return pellucid("reproduce", "wrong-lung", *arguments)


def test_parts_done_alone_and_then_all_of_it_end_with_what_may_be_said(tmp_path: Path) -> None:
    out = tmp_path / "study"
    alone = reproduce("--data", "phantom", "--out", out, *SMALL, "--only", "ours-0")
    assert alone.exit_code == 0, alone.stderr
    assert "Not finished yet: retrained-0." in alone.stdout
    result = reproduce("--data", "phantom", "--out", out, *SMALL)
    assert result.exit_code == 0, result.stderr
    assert "retrained-0: training" in result.stderr
    for expected in ("Variants", "one lung", "swap", "opt-out", "data-set mean", "sentence_prior", "the audit says", "points"):
        assert expected in result.stdout
    assert len(result.stdout.splitlines()) < 60
    stored = read_json(out / "tables.json")["study"]
    assert list(stored["variants"]) == ["retrained", "ours"]
    assert stored["recipe"] == {"encoder": "tiny", "epochs": 1, "patience": 1}
    assert stored["also"] is None
    assert "; `contrastive`, attention published" in (out / "tables.md").read_text()


def test_its_help_has_an_example_and_says_what_can_be_set() -> None:
    shown = " ".join(reproduce("--help").stdout.split())
    for expected in ("--data phantom --out study", "--models", "--variants", "plan.KEY", "random_sentences"):
        assert expected in shown


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("--data", "mimic"), "--data mimic is neither phantom, imagenome, mscxr nor the folder"),
        (("--data", "imagenome"), "needs --source DIR"),
        (("--data", "mscxr", "--source", "x"), "for judging alone and holds no reports to train on; give --models DIR"),
        (("--data", "phantom", "--models", "nowhere"), "--models nowhere is no folder"),
        (("--data", "phantom", "--variants", "theirs"), "no variant 'theirs'; it has retrained, abnormal"),
        (("--data", "phantom", "--variants", "shots"), "add retrained to --variants"),
        (("--data", "phantom", "--set", "recipe.attention=joint"), "decides the attention"),
        (("--data", "phantom", "--also", "kindness"), "no objective named 'kindness'"),
        (("--data", "phantom", "--set", "plan.force=3"), "no option 'force' of the plan of alignment"),
        (("--data", "phantom", "--methods", "local_attention"), "judged by local_attention_mean"),
        (("--data", "phantom", "--only", "ours"), "gives no training seeds"),
    ],
)
def test_mistakes_get_one_sentence(given: tuple[str, ...], message: str, tmp_path: Path) -> None:
    result = reproduce(*given, "--out", tmp_path / "study")
    assert result.exit_code == 2
    assert message in said(result)
    assert not (tmp_path / "study").exists()
