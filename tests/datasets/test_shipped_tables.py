"""The tables that scikit-learn ships."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes

from pellucid.datasets import BreastCancer, Diabetes, open_dataset, write
from pellucid.datasets.derived import derived_in
from pellucid.errors import CapabilityError, DataError


def test_the_breast_cancer_table_is_the_published_one(tmp_path: Path) -> None:
    table = load_breast_cancer()
    data = write(tmp_path / "set", BreastCancer().prepare())
    cases = list(open_dataset(data.path))
    np.testing.assert_array_equal([case.measurements.values for case in cases], table.data)
    assert cases[0].measurements.names == tuple(table.feature_names)
    assert [bool(case.labels) for case in cases] == [table.target_names[one] == "malignant" for one in table.target]
    assert data.labels == ("malignant",)
    assert sum(bool(case.labels) for case in cases) == 212
    assert not data.about.get("exclusive", False)
    assert data.about["cases"] == data.about["patients"] == 569


def test_the_imprecision_of_a_mean_over_nuclei_is_its_standard_error() -> None:
    for case in BreastCancer().prepare().cases:
        row = case.measurements
        assert row.imprecision is not None
        found = dict(zip(row.names, row.imprecision, strict=True))
        means = [name for name in row.names if name.startswith("mean ")]
        assert len(means) == 10
        assert all(found[name] == row.value(f"{name.removeprefix('mean ')} error") for name in means)
        assert all(np.isnan(value) for name, value in found.items() if name not in means)


def test_the_diabetes_table_is_the_published_one_in_its_own_units(tmp_path: Path) -> None:
    table = load_diabetes(scaled=False)
    data = write(tmp_path / "set", Diabetes().prepare())
    cases = list(open_dataset(data.path))
    np.testing.assert_array_equal([case.measurements.values for case in cases], table.data)
    np.testing.assert_array_equal([case.meta["progression"] for case in cases], table.target)
    units = dict(zip(cases[0].measurements.names, cases[0].measurements.units, strict=True))
    assert units["glucose"] == units["LDL cholesterol"] == "mg/dl"
    assert (units["body mass index"], units["blood pressure"]) == ("kg/m2", "mmHg")


def test_fast_progression_is_that_above_the_median() -> None:
    table = load_diabetes(scaled=False)
    assert np.median(table.target) == Diabetes().threshold
    labels = [bool(case.labels) for case in Diabetes().prepare().cases]
    np.testing.assert_array_equal(labels, table.target > np.median(table.target))
    assert sum(labels) == 221
    assert sum(bool(case.labels) for case in Diabetes(threshold=300).prepare().cases) == (table.target > 300).sum()


def test_what_the_diabetes_data_say_of_their_computed_columns_is_true() -> None:
    """LDL was never measured: that it is Friedewald's formula, and the ratio one of its parts, is seen in the values."""
    cases = Diabetes().prepare().cases
    ldl, ratio = derived_in(cases[0])
    gaps = np.array(
        [
            [one.compute(*map(case.measurements.value, one.parts)) - case.measurements.value(one.name) for one in (ldl, ratio)]
            for case in cases
        ]
    )
    assert (np.abs(gaps[:, 0]) < 0.01).sum() == 438
    assert np.abs(gaps).max(axis=0).tolist() == pytest.approx([0.4001, 0.6452], abs=1e-3)
    whole = [case.measurements.value(ratio.name).is_integer() for case in cases]
    assert sum(whole) == 380


def test_laboratory_values_have_the_imprecision_that_goals_allow() -> None:
    for case in Diabetes().prepare().cases:
        row = case.measurements
        assert row.imprecision is not None
        spread = dict(zip(row.names, row.imprecision, strict=True))
        total, hdl, log = (row.value(name) for name in ("total cholesterol", "HDL cholesterol", "log triglycerides"))
        assert spread["total cholesterol"] == pytest.approx(0.03 * total)
        assert spread["HDL cholesterol"] == pytest.approx(0.04 * hdl if hdl > 42.5 else 1.7)
        assert spread["glucose"] == pytest.approx(0.029 * row.value("glucose"))
        assert spread["log triglycerides"] == 0.05
        ratio = total / hdl * np.hypot(0.03, spread["HDL cholesterol"] / hdl)
        assert spread["total cholesterol / HDL"] == pytest.approx(ratio)
        ldl = np.sqrt((0.03 * total) ** 2 + spread["HDL cholesterol"] ** 2 + (0.05 * np.exp(log) / 5) ** 2)
        assert spread["LDL cholesterol"] == pytest.approx(ldl)
        assert (spread["age"], spread["sex"]) == (0, 0)
        assert np.isnan([spread["body mass index"], spread["blood pressure"]]).all()


@pytest.mark.parametrize("threshold", [24.9, 346.0, float("nan"), float("inf")])
def test_a_threshold_that_parts_nobody_is_refused(threshold: float) -> None:
    with pytest.raises(DataError, match=r"threshold of diabetes is .*; give a number from 25 to below 346"):
        Diabetes(threshold=threshold).prepare()


@pytest.mark.parametrize("adapter", [BreastCancer(), Diabetes()])
def test_without_scikit_learn_the_extra_is_named(adapter: BreastCancer | Diabetes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(CapabilityError, match=r"pip install 'pellucid\[tables\]'"):
        adapter.prepare()
