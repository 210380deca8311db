"""The fakes are known to the registry while a module of this folder runs, and a small audit is finished for it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "predictors"))

import pytest
from audit_fakes import EXPLAINERS, METRICS, Notes, WordModel

from pellucid import registry
from pellucid.audit import Plan, run


@pytest.fixture(scope="module", autouse=True)
def fakes() -> Iterator[None]:
    registry.explainers.names()
    with pytest.MonkeyPatch.context() as patch:
        for name, factory in EXPLAINERS.items():
            patch.setitem(registry.explainers._factories, name, factory)
        yield


@pytest.fixture(scope="module")
def plan() -> Plan:
    return Plan(explainers=tuple(EXPLAINERS), metrics=METRICS, validation_cases=6, fit_cases=5, draws=200)


@pytest.fixture(scope="module")
def finished(fakes: None, plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("audit")
    run(WordModel(), Notes(), plan, out)
    return out
