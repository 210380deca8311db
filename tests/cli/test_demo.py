"""The demo, at a size for tests: it ends with a report, uses what is there, and touches nothing of others."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from pellucid import finding
from pellucid.audit.plan import usual_explainers
from pellucid.cli import demo
from pellucid.cli.demo_notes import NotesDemo, Trap
from pellucid.errors import DataError

SMALL = NotesDemo(
    notes=36, tokens=(150, 180), codes=("I10", "E78.5", "N17.9"), epochs=1, cases=2, targets=1, validation_cases=2, draws=20
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of a demo, and what it printed."""
    out = tmp_path_factory.mktemp("demo") / "demo"
    return out, printed(out)


def printed(out: Path, seed: int = 0, size: NotesDemo = SMALL) -> str:
    file = io.StringIO()
    page = demo.run(out, seed, size, "pellucid demo", Console(file=file, width=120))
    assert page == out / "report.html"
    return file.getvalue()


def test_it_ends_with_a_report_and_findings_of_every_method(finished: tuple[Path, str]) -> None:
    out, _ = finished
    assert "</html>" in (out / "report.html").read_text(encoding="utf-8")
    findings = finding.read(out / "findings.parquet")
    assert set(usual_explainers()) <= set(findings["explainer"].to_pylist())


def test_it_prints_the_table_of_methods_with_the_rows_of_chance_and_the_paths(finished: tuple[Path, str]) -> None:
    out, text = finished
    for expected in ("average precision", "comprehensiveness", "random", "uniform", "prior", "attingrad", f"{out}/report.html"):
        assert expected in text


def test_it_shows_what_the_planted_phrase_did_to_the_model(finished: tuple[Path, str]) -> None:
    _, text = finished
    assert Trap.phrase in " ".join(text.split())
    assert f"{Trap.label}  probability" in text


def test_given_again_it_trains_and_judges_nothing_again(finished: tuple[Path, str]) -> None:
    out, text = finished
    made = [*(out / "model").iterdir(), *(out / "cases").iterdir(), *(out / "data").iterdir()]
    before = {path: path.stat().st_mtime_ns for path in made}
    assert printed(out) == text
    assert {path: path.stat().st_mtime_ns for path in made} == before


@pytest.mark.parametrize(("seed", "size", "what"), [(1, SMALL, "seed"), (0, replace(SMALL, epochs=2), "size")])
def test_a_folder_of_another_demo_is_refused(finished: tuple[Path, str], seed: int, size: NotesDemo, what: str) -> None:
    with pytest.raises(DataError, match=f"another {what}"):
        printed(finished[0], seed, size)


def test_a_folder_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(DataError, match="something else"):
        printed(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_every_method_names_the_planted_phrase_first_to_the_reader_of_the_report(tmp_path: Path) -> None:
    learnt = replace(NotesDemo(), cases=8, validation_cases=2, candidates=2, draws=20)
    printed(tmp_path / "demo", size=learnt)
    page = re.sub(r"<[^>]+>", "|", (tmp_path / "demo" / "report.html").read_text(encoding="utf-8"))
    table = page[page.index("Heaviest phrases") :]
    for method in ("attention", "attgrad", "input_x_gradient", "attingrad", "integrated_gradients", "occlusion_word"):
        row = re.search(rf"\|\s*{method}\s*\|(.*?)%", table, re.DOTALL)
        assert row is not None, method
        assert Trap.phrase.lower() in row.group(1), method
