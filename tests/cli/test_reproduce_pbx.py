"""`pellucid reproduce pbx`, run as a person runs it."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import pellucid
from typer.testing import Result

from pellucid.files import read_json

SMALL = (
    "--epochs", "1", "--cases", "2", "--device", "cpu", "--seeds", "0", "--strategies", "plain,marked",
    "--set", "data.n=40", "--set", "data.size=32",
)  # fmt: skip


def reproduce(*arguments: str | Path) -> Result:
    return pellucid("reproduce", "pbx", *arguments)


def test_parts_done_alone_and_then_all_of_it_end_with_what_may_be_said(tmp_path: Path) -> None:
    out = tmp_path / "study"
    alone = reproduce("--out", out, *SMALL, "--only", "plain-0")
    assert alone.exit_code == 0, alone.stderr
    assert "Not finished yet: marked-0." in alone.stdout
    result = reproduce("--out", out, *SMALL)
    assert result.exit_code == 0, result.stderr
    assert "marked-0: training" in result.stderr
    for expected in ("outside anatomy", "unexplained", "more of its sensitivity outside anatomy", "tables.md"):
        assert expected in result.stdout
    stored = read_json(out / "tables.json")["study"]
    assert stored["recipe"] == {"encoder": "tiny", "epochs": 1, "patience": 1}
    assert stored["strategies"] == {"plain": "bce", "marked": "bce"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("--data", "mimic"), "only phantoms have"),
        (("--strategies", "plain,steep"), "no strategy 'steep'"),
        (("--only", "plain-3", "--seeds", "0"), "no part plain-3"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_sentence(given: tuple[str, ...], message: str, tmp_path: Path) -> None:
    result = reproduce("--out", tmp_path / "study", *SMALL, *given)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr
