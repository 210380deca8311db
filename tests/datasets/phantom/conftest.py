"""Phantom notes that several tests read."""

from __future__ import annotations

import pytest

from pellucid.datasets.base import Prepared
from pellucid.datasets.phantom.notes import PhantomNotes


@pytest.fixture(scope="session")
def notes() -> Prepared:
    """Three hundred notes of default settings."""
    return PhantomNotes(n=300, seed=11).prepare()


@pytest.fixture(scope="session")
def spotless() -> Prepared:
    """Notes without typos, so that every marked phrase is one of the grammar."""
    return PhantomNotes(n=200, seed=5, typos=0.0).prepare()
