"""The fakes are known to the registry while a module of this folder runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pellucid import registry

sys.path.insert(0, str(Path(__file__).parent.parent / "predictors"))


@pytest.fixture(scope="module", autouse=True)
def fakes() -> Iterator[None]:
    from alignment_fakes import EXPLAINERS

    registry.explainers.names()
    with pytest.MonkeyPatch.context() as patch:
        for name, factory in EXPLAINERS.items():
            patch.setitem(registry.explainers._factories, name, factory)
        yield
