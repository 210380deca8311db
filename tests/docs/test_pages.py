"""What README and documentation say can be typed, works as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer
from models import coder
from pages import PAGES, ROOT, blocks, commands

from pellucid.cli.app import app

MAKEFILE = (ROOT / "Makefile").read_text()
COMMANDS = [(page.name, words) for page in PAGES for words in commands(page)]


@pytest.mark.parametrize(("page", "words"), [(page, w) for page, w in COMMANDS if w[0].endswith("pellucid")])
def test_every_pellucid_command_on_a_page_can_be_parsed(page: str, words: list[str]) -> None:
    group = typer.main.get_command(app)
    context = group.make_context("pellucid", words[1:])
    command, rest = group, words[1:]
    while hasattr(command, "resolve_command"):
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context)
    assert context.params


@pytest.mark.parametrize("words", [w for _, w in COMMANDS if w[0] == "make"], ids=" ".join)
def test_every_make_target_on_a_page_exists(words: list[str]) -> None:
    assert re.search(rf"^{words[1]}:", MAKEFILE, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        assert link.startswith("http") or (page.parent / link).exists(), link


def test_the_readme_has_one_command_for_the_demo_and_one_for_the_tests() -> None:
    first = [words for words in commands(ROOT / "README.md") if words[0] == "make"]
    assert first == [["make", "demo"], ["make", "test"]]


@pytest.fixture
def demo_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that looks like that of a finished demo, with a small random model."""
    coder().save(tmp_path / "demo" / "model")
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("demo_model")
def test_the_three_lines_of_the_readme_run() -> None:
    (code,) = blocks(ROOT / "README.md", "python")
    names: dict[str, object] = {}
    exec(code, names)
    assert len(code.strip().splitlines()) <= 5  # an import, a blank line, and three lines
    assert eval("e.spans('I10')", names)


@pytest.mark.usefixtures("demo_model")
def test_the_python_page_runs_from_top_to_bottom() -> None:
    names: dict[str, object] = {}
    for code in blocks(ROOT / "docs" / "python.md", "python"):
        exec(code, names)
    assert Path("note.html").is_file()
