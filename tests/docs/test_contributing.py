"""The examples of CONTRIBUTING.md are complete: written to files as they stand, they import, register and pass their tests."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pages import ROOT, blocks

from pellucid import registry

BLOCKS = {code.partition("\n")[0].removeprefix("# "): code for code in blocks(ROOT / "CONTRIBUTING.md", "python")}
ROOMS = {"explainers": registry.explainers, "metrics": registry.metrics, "datasets": registry.datasets}


@pytest.fixture
def added(tmp_path: Path) -> Iterator[Callable[[str], Any]]:
    """Writes a block to its file and imports it; afterwards nothing of it is left."""
    for table in ROOMS.values():
        table.names()  # what is built in registers itself when it is first asked for
    tables = {table: dict(table._factories) for table in ROOMS.values()}
    modules: list[str] = []

    def add(path: str) -> Any:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(BLOCKS[path], encoding="utf-8")
        name = path.removeprefix("src/").removesuffix(".py").replace("/", ".")
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        modules.append(name)
        spec.loader.exec_module(module)
        return module

    yield add
    for name in modules:
        del sys.modules[name]
    for table, factories in tables.items():
        table._factories.clear()
        table._factories.update(factories)


@pytest.mark.parametrize("room", ROOMS)
def test_a_worked_example_registers_itself_and_passes_its_test(room: str, added: Callable[[str], Any], tmp_path: Path) -> None:
    (source,) = (path for path in BLOCKS if path.startswith(f"src/pellucid/{room}/"))
    (proof,) = (path for path in BLOCKS if path.startswith(f"tests/{room}/"))
    before = ROOMS[room].names()
    added(source)
    (new,) = set(ROOMS[room].names()) - set(before)
    assert Path(source).stem == new
    facts = [(name, test) for name, test in vars(added(proof)).items() if name.startswith("test_")]
    assert len(facts) >= 2
    for name, test in facts:
        folder = tmp_path / name
        folder.mkdir()
        test(*([folder] if "tmp_path" in inspect.signature(test).parameters else []))


def test_every_block_of_python_names_its_file() -> None:
    assert sorted(BLOCKS) == sorted(path for path in BLOCKS if path.startswith(("src/pellucid/", "tests/")))
    assert len(BLOCKS) == 2 * len(ROOMS)
