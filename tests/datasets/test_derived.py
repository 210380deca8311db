"""Variables that are computed from others, and follow them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.case import Case
from pellucid.datasets.derived import DERIVED, Derived, derived_in, entailed, moved, propagated
from pellucid.errors import DataError
from pellucid.measurements import Measurements

LIPIDS = ("total cholesterol", "LDL cholesterol", "HDL cholesterol", "total cholesterol / HDL", "log triglycerides", "age")
ALL = tuple(DERIVED.values())


@st.composite
def rows(draw: st.DrawFn) -> Measurements:
    total, hdl = draw(st.floats(80, 400)), draw(st.floats(20, 120))
    values = [total, draw(st.floats(20, 300)), hdl, draw(st.floats(1, 12)), draw(st.floats(3, 6.5)), 60.0]
    spread = [draw(st.floats(0, 10)), np.nan, draw(st.floats(0, 4)), np.nan, draw(st.floats(0, 0.2)), 0.0]
    return Measurements(np.array(values), LIPIDS, (), np.array(spread))


def parts(one: Derived, row: Measurements) -> list[float]:
    return [row.value(name) for name in one.parts]


@given(rows(), st.sampled_from(ALL))
def test_slopes_are_those_of_the_formula(row: Measurements, one: Derived) -> None:
    for which, slope in enumerate(one.slopes(*parts(one, row))):
        up, down = parts(one, row), parts(one, row)
        step = 1e-5 * max(1.0, abs(up[which]))
        up[which] += step
        down[which] -= step
        assert slope == pytest.approx((one.compute(*up) - one.compute(*down)) / (2 * step), rel=1e-5, abs=1e-8)


def test_ldl_is_friedewalds_formula_and_the_ratio_is_one() -> None:
    assert DERIVED["LDL cholesterol"].compute(200, 50, math.log(150)) == pytest.approx(120)
    assert DERIVED["total cholesterol / HDL"].compute(200, 50) == 4


@given(rows(), st.floats(-5, 5))
def test_what_is_computed_moves_with_a_measurement_and_all_else_stays(row: Measurements, step: float) -> None:
    after = moved(row, {"HDL cholesterol": step}, ALL)
    for one in ALL:
        expected = row.value(one.name) + one.compute(*parts(one, after)) - one.compute(*parts(one, row))
        assert after.value(one.name) == pytest.approx(expected)
    for name in ("total cholesterol", "log triglycerides", "age"):
        assert after.value(name) == row.value(name)
    assert after.value("HDL cholesterol") == row.value("HDL cholesterol") + step
    assert (after.names, after.imprecision) == (row.names, row.imprecision)


@given(rows())
def test_the_columns_of_what_follows_are_the_slopes_of_small_moves(row: Measurements) -> None:
    follows = entailed(row, ALL)
    for column, name in enumerate(row.names):
        if name in DERIVED:
            assert not follows[:, column].any()
        else:
            step = 1e-4
            rise = (moved(row, {name: step}, ALL).values - moved(row, {name: -step}, ALL).values) / (2 * step)
            np.testing.assert_allclose(follows[:, column], rise, rtol=1e-4, atol=1e-6)


def test_a_row_without_derived_variables_moves_one_measurement_at_a_time() -> None:
    row = Measurements(np.array([1.0, 2.0]), ("a", "b"))
    np.testing.assert_array_equal(entailed(row, ()), np.eye(2))
    np.testing.assert_array_equal(moved(row, {"b": 1.0}, ()).values, [1.0, 3.0])
    assert propagated(row, ()) is row


def test_a_derived_variable_that_is_asked_to_move_moves_so_far() -> None:
    row = Measurements(np.array([200.0, 120.0, 50.0, 4.0, math.log(150), 60.0]), LIPIDS)
    after = moved(row, {"LDL cholesterol": 10.0, "total cholesterol": 10.0}, ALL)
    assert after.value("LDL cholesterol") == 130.0
    assert after.value("total cholesterol / HDL") == pytest.approx(4.2)


def test_the_imprecision_of_what_is_computed_is_that_of_repeating_its_parts() -> None:
    spread = np.array([6.0, np.nan, 2.0, np.nan, 0.05, 0.0])
    row = Measurements(np.array([200.0, 120.0, 50.0, 4.0, math.log(150), 60.0]), LIPIDS, (), spread)
    made = propagated(row, ALL)
    assert made.imprecision is not None
    drawn = np.random.default_rng(0).normal(row.values, np.nan_to_num(spread), (200_000, 6)).T
    ldl = drawn[0] - drawn[2] - np.exp(drawn[4]) / 5
    np.testing.assert_allclose(made.imprecision, [6, ldl.std(), 2, (drawn[0] / drawn[2]).std(), 0.05, 0], rtol=0.01)
    covariance = entailed(row, ALL) @ np.diag(np.nan_to_num(spread) ** 2) @ entailed(row, ALL).T
    np.testing.assert_allclose(made.imprecision, np.sqrt(np.diag(covariance)))
    assert covariance[0, 1] == pytest.approx(np.cov(drawn[0], ldl)[0, 1], rel=0.01)


def test_what_is_computed_from_something_unknown_is_unknown() -> None:
    spread = np.array([6.0, 1.0, 2.0, 1.0, np.nan, 0.0])
    row = Measurements(np.array([200.0, 120.0, 50.0, 4.0, math.log(150), 60.0]), LIPIDS, (), spread)
    made = propagated(row, ALL)
    assert made.imprecision is not None
    np.testing.assert_array_equal(np.isnan(made.imprecision), [False, True, False, False, True, False])


def test_which_variables_are_derived_is_said_by_the_case_alone() -> None:
    row = Measurements(np.ones(6), LIPIDS)
    case = Case("c", "p", {"table": row}, frozenset())
    assert derived_in(case) == ()
    named = replace(case, meta={"derived": ["LDL cholesterol"]})
    assert [one.name for one in derived_in(named)] == ["LDL cholesterol"]
    with pytest.raises(DataError, match="Case c lists the derived variable 'eGFR', of which no formula is known"):
        derived_in(replace(case, meta={"derived": ["eGFR"]}))


def test_a_row_that_lacks_a_measurement_is_refused() -> None:
    row = Measurements(np.ones(2), ("total cholesterol", "LDL cholesterol"))
    with pytest.raises(DataError, match="no measurement 'HDL cholesterol'"):
        entailed(row, ALL)
    with pytest.raises(DataError, match="no measurement 'LDL cholesterol'"):
        entailed(Measurements(np.ones(3), ("total cholesterol", "HDL cholesterol", "log triglycerides")), ALL)
    with pytest.raises(DataError, match="no measurement 'glucose'"):
        moved(Measurements(np.ones(6), LIPIDS), {"glucose": 1.0}, ALL)


def test_a_formula_without_a_value_is_refused() -> None:
    row = Measurements(np.array([200.0, 120.0, 50.0, 4.0, 5.0, 60.0]), LIPIDS)
    ratio = r"total cholesterol / HDL \(total / HDL\) has no value for these total cholesterol and HDL cholesterol"
    with pytest.raises(DataError, match=ratio):
        moved(row, {"HDL cholesterol": -50.0}, ALL)
    with pytest.raises(DataError, match=r"LDL cholesterol .* has no value"):
        moved(row, {"log triglycerides": 1000.0}, ALL)
    with pytest.raises(DataError, match=ratio):
        entailed(replace(row, values=np.zeros(6)), ALL)
