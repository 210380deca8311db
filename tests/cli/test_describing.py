"""`pellucid data prepare` and `describe` on a source whose annotators are named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pellucid.cli.app import app

TEXT = "Zinc shortened colds, with P = 0.01. Nausea did not differ between the arms of the trial."


def article(number: int, split: str, second: str) -> dict[str, object]:
    def mark(who: str, words: str) -> dict[str, object]:
        accepted = {"label": "significantly decreased", "valid_label": True, "valid_reasoning": True}
        start = TEXT.index(words)
        return {"annotator": who, **accepted, "start": start, "end": start + len(words)}

    parts = {"outcome": "colds", "intervention": "zinc", "comparator": "placebo"}
    answers = [mark("0", "shortened colds"), mark(second, "Zinc shortened colds")]
    asked = [{"prompt_id": str(number), **parts, "annotations": answers}]
    return {"pmcid": f"PMC{number}", "split": split, "text": TEXT, "abstract_end": len(TEXT), "prompts": asked}


@pytest.mark.parametrize(("second", "figure"), [("1", "0.80 [0.80, 0.80]"), ("0", "")])
def test_a_data_set_with_several_annotators_shows_how_far_they_agree(tmp_path: Path, second: str, figure: str) -> None:
    rows = [article(i, split, second) for i, split in enumerate(("train", "train", "validation", "test"))]
    (tmp_path / "trials.jsonl").write_text("\n".join(map(json.dumps, rows)))
    out = tmp_path / "out"
    done = [
        CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "160"})
        for words in (
            ("data", "prepare", "evidence_inference", "--from", tmp_path / "trials.jsonl", "--out", out, "--set", "part=full"),
            ("data", "describe", out),
        )
    ]
    for shown in done:
        assert shown.exit_code == 0, shown.stderr
        assert "4 of 4 patients" in shown.stdout
        assert ("How far annotators agree" in shown.stdout) == bool(figure)
        assert figure in shown.stdout
        assert ("4 cases of 4 patients marked by several annotators" in shown.stdout) == bool(figure)
