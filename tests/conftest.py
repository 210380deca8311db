"""What all tests share."""

from __future__ import annotations

import os

# Threads that spin while they wait slow every other process of a small machine; to be set before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
if "PYTEST_XDIST_WORKER" in os.environ:  # the workers already share the cores among them
    os.environ.setdefault("OMP_NUM_THREADS", "1")

from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder of open data sets: PELLUCID_DATA, or `shared/data` beside the repository."""
    root = Path(os.environ.get("PELLUCID_DATA", _ROOT.parent / "shared" / "data"))
    if not root.is_dir():
        pytest.skip(f"the open data sets are not in {root}; set PELLUCID_DATA to their folder")
    return root
