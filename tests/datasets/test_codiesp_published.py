"""CodiEsp, on the published training part."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from pellucid.case import Spans
from pellucid.datasets import CodiEsp, Prepared, write
from pellucid.datasets.codiesp import Kind

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def released(data_root: Path) -> Path:
    root = data_root / "text_codiesp" / "original"
    if not root.is_dir():
        pytest.skip(f"CodiEsp is not in {root}")
    return root


@pytest.fixture(scope="module")
def diagnoses(released: Path) -> Prepared:
    return CodiEsp(released).prepare()


def test_every_evidence_row_is_used_or_counted(released: Path, diagnoses: Prepared) -> None:
    kinds: tuple[Kind, ...] = ("DIAGNOSTICO", "PROCEDIMIENTO")
    everything = CodiEsp(released, kinds=kinds).prepare()
    reasons = Counter(exclusion.reason for exclusion in everything.exclusions)
    rows = len((released / "trainX.tsv").read_text(encoding="utf-8").splitlines())
    assert rows == 9181
    assert everything.about["evidence"] == rows - reasons["the reference differs from the text at its offsets"] == 9177
    assert diagnoses.about["evidence"] == 7207
    assert reasons["an empty range among the offsets (the rest of the row is used)"] == 2


def test_every_document_has_text_codes_and_evidence(diagnoses: Prepared) -> None:
    assert len(diagnoses.cases) == 500
    assert all(case.text.strip() and case.labels and case.evidence for case in diagnoses.cases)


def test_marks_are_stretches_of_the_spanish_text(diagnoses: Prepared) -> None:
    first = next(case for case in diagnoses.cases if case.id == "S0004-06142005000700014-1")
    words = {
        mark.label: [first.text[a:b] for a, b in mark.spans]
        for mark in first.evidence
        if isinstance(mark, Spans) and mark.label
    }
    assert words["N44.8"] == ["teste derecho aumentado de tamaño"]


def test_english_has_the_same_labels(released: Path, diagnoses: Prepared) -> None:
    english = CodiEsp(released, language="en").prepare()
    assert {case.id: case.labels for case in english.cases} == {case.id: case.labels for case in diagnoses.cases}


def test_categories_frequent_enough_to_train_on(released: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "set", CodiEsp(released, level="category").prepare(), min_train_cases=10)
    assert data.about["split_sizes"] == {"train": 350, "validation": 50, "test": 100}
    assert len(data.labels) == 82
    assert (
        data.fingerprint
        == write(tmp_path / "again", CodiEsp(released, level="category").prepare(), min_train_cases=10).fingerprint
    )
