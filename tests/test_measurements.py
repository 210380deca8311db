"""What is a row of measurements, and what is none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pellucid.case import Case
from pellucid.errors import DataError
from pellucid.measurements import Measurements

ROW = Measurements(np.array([140.0, 5.1]), ("sodium", "potassium"), ("mmol/l", "mmol/l"), np.array([1.0, np.nan]))


def test_a_measurement_is_found_by_its_name() -> None:
    assert [ROW.value(name) for name in ROW.names] == [140.0, 5.1]
    assert len(ROW) == 2
    assert Case("c", "p", {"table": ROW}, frozenset()).measurements is ROW


def test_a_measurement_that_was_not_made_is_refused_with_those_that_were() -> None:
    with pytest.raises(DataError, match=r"^There is no measurement 'pH'; measured are sodium, potassium\.$"):
        ROW.value("pH")
    many = Measurements(np.zeros(30), tuple(f"m{i}" for i in range(30)))
    with pytest.raises(DataError, match=r"measured are m0, m1, m2, m3, m4 and 25 more\.$"):
        many.value("pH")


def test_units_and_imprecision_need_not_be_known() -> None:
    row = Measurements(np.array([7.4]), ("pH",))
    assert (row.units, row.imprecision) == ((), None)


def test_names_and_units_in_a_list_are_those_in_a_tuple() -> None:
    row = replace(ROW, names=list(ROW.names), units=list(ROW.units))  # type: ignore[arg-type]
    assert (row.names, row.units) == (ROW.names, ROW.units)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"values": np.array([140, 5])}, r"Measurements are int64 of shape \(2,\); give one row of 64-bit floats"),
        ({"values": np.ones((1, 2))}, r"Measurements are float64 of shape \(1, 2\); give one row of 64-bit floats"),
        ({"values": np.ones(0), "names": ()}, r"Measurements are float64 of shape \(0,\)"),
        ({"values": [140.0, 5.1]}, "Measurements are a list; give one row of 64-bit floats"),
        ({"names": ("sodium",)}, "2 measurements have 1 different names; name each of them"),
        ({"names": ("sodium", "sodium")}, "2 measurements have 1 different names"),
        ({"units": ("mmol/l",)}, "2 measurements have 1 units; give one of each, or none"),
        ({"values": np.array([140.0, np.nan])}, "The measurement 'potassium' is missing or not a finite number; impute"),
        ({"values": np.array([np.inf, 5.1])}, "The measurement 'sodium' is missing or not a finite number"),
        ({"imprecision": np.array([-1.0, 0.0])}, "imprecision of measurements is a finite number of 0 or more for each"),
        ({"imprecision": np.array([np.inf, 0.0])}, "imprecision of measurements is a finite number of 0 or more for each"),
        ({"imprecision": np.array([1.0])}, "imprecision of measurements is a finite number of 0 or more for each"),
        ({"imprecision": [1.0, 1.0]}, "imprecision of measurements is a finite number of 0 or more for each"),
    ],
)
def test_what_is_no_row_is_refused_in_one_sentence(changes: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message) as refused:
        replace(ROW, **changes)  # type: ignore[arg-type]
    assert str(refused.value).endswith(".")
