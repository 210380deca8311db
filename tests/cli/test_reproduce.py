"""`pellucid reproduce attingrad`, run as a person runs it."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import pellucid, said
from typer.testing import Result

from pellucid.files import read_json

SMALL = (
    "--strategies", "bce,evidence", "--epochs", "1", "--cases", "2", "--validation-cases", "2",
    "--methods", "attention,attingrad", "--device", "cpu", "--set", "recipe.chunk=64", "--set", "plan.candidates=2",
    "--set", "data.n=30", "--set", "data.tokens=60,80", "--set", "data.codes=I10,N17.9", "--set", "data.distractors=1,1",
)  # fmt: skip


def reproduce(*arguments: str | Path) -> Result:
    return pellucid("reproduce", "attingrad", *arguments)


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """A study of which one part is done."""
    out = tmp_path_factory.mktemp("reproduce") / "study"
    return out, reproduce("--data", "phantom", "--out", out, *SMALL, "--seeds", "0", "--only", "evidence-0")


def test_a_part_done_alone_says_what_is_missing(half: tuple[Path, Result]) -> None:
    out, result = half
    assert result.exit_code == 0, result.stderr
    assert "Not finished yet: bce-0." in result.stdout
    assert not (out / "tables.md").exists()


def test_the_same_command_finishes_the_study_and_shows_what_may_be_said(half: tuple[Path, Result]) -> None:
    out, _ = half
    result = reproduce("--data", "phantom", "--out", out, *SMALL, "--seeds", "0")
    assert result.exit_code == 0, result.stderr
    assert "bce-0: training" in result.stderr
    for expected in ("average precision", "attingrad", "On one and the same model, attingrad is better than attention."):
        assert expected in result.stdout
    tables = read_json(out / "tables.json")
    assert tables["study"]["seeds"] == [0]
    assert tables["study"]["recipe"]["chunk"] == 64
    assert f"{out}/tables.md" in result.stdout


@pytest.mark.parametrize(
    ("extra", "message"), [(("--source", "x"), "leave --source out"), (("--set", "data.n=9"), "data.n=9 out")]
)
def test_options_of_a_source_are_not_ignored_where_the_data_are_prepared(
    extra: tuple[str, str], message: str, tmp_path: Path
) -> None:
    result = reproduce("--data", tmp_path, "--out", tmp_path / "study", *extra)
    assert result.exit_code == 2
    assert message in said(result)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "mimic"), "--data mimic is neither phantom, codiesp, mdace nor the folder"),
        (("--data", "codiesp"), "needs --source DIR"),
        (("--data", "phantom", "--source", "."), "leave --source out"),
        (("--data", "phantom", "--seeds", "a"), "gives no training seeds"),
        (("--data", "phantom", "--only", "bce"), "gives no training seeds"),
        (("--data", "phantom", "--only", "bce-9"), "has no part bce-9"),
        (("--data", "phantom", "--strategies", "bces"), "no objective named 'bces'"),
        (("--data", "phantom", "--methods", "attingrat"), "no explainer named 'attingrat'"),
        (("--data", "phantom", "--set", "n=3"), "names no part"),
        (("--data", "phantom", "--set", "plan.case=3"), "did you mean 'cases'"),
        (("--data", "phantom", "--preset", "edin2025"), "no preset named"),
    ],
)
def test_mistakes_are_named_with_their_remedy(arguments: tuple[str, ...], message: str, tmp_path: Path) -> None:
    given = (*arguments, "--set", "data.n=30", "--set", "data.codes=I10,N17.9") if "--only" in arguments else arguments
    result = reproduce(*given, "--out", tmp_path / "study")
    assert result.exit_code == 2
    assert message in said(result)
