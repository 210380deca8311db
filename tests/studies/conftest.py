"""The small study, finished once."""

from __future__ import annotations

import pytest
from small_study import Done, study

from pellucid.datasets import PhantomNotes, StoredDataset, open_dataset, write
from pellucid.studies import run
from pellucid.studies import write as write_tables


@pytest.fixture(scope="session")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> StoredDataset:
    folder = tmp_path_factory.mktemp("phantom") / "data"
    notes = PhantomNotes(40, tokens=(60, 90), codes=("I10", "N17.9", "E11.9"), distractors=(1, 1))
    write(folder, notes.prepare())
    return open_dataset(folder)


@pytest.fixture(scope="session")
def done(phantom: StoredDataset, tmp_path_factory: pytest.TempPathFactory) -> Done:
    out = tmp_path_factory.mktemp("study") / "study"
    small = study()
    run(small, phantom, out, device="cpu")
    write_tables(small, phantom, out)
    return Done(small, phantom, out)
