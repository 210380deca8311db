"""Variables of a table that were computed from others, and how they follow when these are measured again.

A ratio cannot move while its parts stand still. So what one standard deviation of a laboratory value does to a model is asked
of the whole row that such a value comes with: the measurement, and all that is computed from it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from jaxtyping import Float

from pellucid.case import Case
from pellucid.errors import DataError
from pellucid.measurements import Measurements

T = TypeVar("T")

META = "derived"
"""The key of `case.meta` under which a data set lists the names of its derived variables."""


@dataclass(frozen=True)
class Derived:
    """A variable that is computed from others of the same row, none of which is derived itself.

    Attributes:
        name: of the variable.
        parts: names of what it is computed from.
        compute: its value from those of the parts, in their order.
        slopes: the derivative of `compute` by each part, from the same values.
        formula: in words.
    """

    name: str
    parts: tuple[str, ...]
    compute: Callable[..., float]
    slopes: Callable[..., tuple[float, ...]]
    formula: str


DERIVED: Mapping[str, Derived] = {
    one.name: one
    for one in (
        Derived(
            "LDL cholesterol",
            ("total cholesterol", "HDL cholesterol", "log triglycerides"),
            lambda total, hdl, log: total - hdl - math.exp(log) / 5,
            lambda total, hdl, log: (1.0, -1.0, -math.exp(log) / 5),
            "total - HDL - triglycerides / 5, all in mg/dl (Friedewald, Levy, Fredrickson, Clinical Chemistry 1972)",
        ),
        Derived(
            "total cholesterol / HDL",
            ("total cholesterol", "HDL cholesterol"),
            lambda total, hdl: total / hdl,
            lambda total, hdl: (1 / hdl, -total / hdl**2),
            "total / HDL",
        ),
    )
}
"""What is known of derived variables, by name. Which of them a row has, its data set says: elsewhere LDL may be measured."""


def derived_in(case: Case) -> tuple[Derived, ...]:
    """The derived variables of a case's row, as its data set lists them; none where it lists none.

    Raises:
        DataError: it lists one that is not in :data:`DERIVED`.
    """
    listed: Sequence[str] = case.meta.get(META, ())
    for name in listed:
        if name not in DERIVED:
            raise DataError(f"Case {case.id} lists the derived variable {name!r}, of which no formula is known; take it out.")
    return tuple(DERIVED[name] for name in listed)


def moved(row: Measurements, changes: Mapping[str, float], derived: Sequence[Derived]) -> Measurements:
    """The row after some measurements came out higher, with what is computed from them.

    A derived variable moves by as much as its formula does, so that a published value which was rounded keeps its distance.

    Args:
        changes: what is added to measurements, by name, in their units.
        derived: :func:`derived_in` of the case; one that is in `changes` itself moves as asked, and no further.

    Raises:
        DataError: the row lacks a measurement, or a moved value is no finite number.
    """
    steps = dict(changes)
    for one in derived:
        before = [row.value(name) for name in one.parts]
        after = [value + changes.get(name, 0.0) for name, value in zip(one.parts, before, strict=True)]
        steps.setdefault(one.name, _asked(one, one.compute, after) - _asked(one, one.compute, before))
    values = row.values.copy()
    for name, step in steps.items():
        values[row.names.index(name)] = row.value(name) + step
    return replace(row, values=values)


def entailed(row: Measurements, derived: Sequence[Derived]) -> Float[np.ndarray, "F F"]:
    """What the row does, to first order, when one measurement comes out higher by one of its unit: a column for each.

    Column j has 1 for measurement j and the slope of all that is computed from it. The column of a derived variable is zero: it
    does not move by itself. With D the diagonal matrix of squared imprecisions, ``E @ D @ E.T`` is the covariance of repeating
    all measurements.

    Raises:
        DataError: the row lacks a derived variable or a part of it, or the formula has no value at the row.
    """
    made, place = np.eye(len(row)), {name: index for index, name in enumerate(row.names)}
    for one in derived:
        row.value(one.name)  # refused where it is missing
        slopes = _asked(one, one.slopes, [row.value(name) for name in one.parts])
        made[place[one.name]] = 0.0
        for name, slope in zip(one.parts, slopes, strict=True):
            made[place[one.name], place[name]] = slope
    return made


def _asked(one: Derived, formula: Callable[..., T], parts: Sequence[float]) -> T:
    try:
        return formula(*parts)
    except (ArithmeticError, ValueError) as error:
        raise DataError(
            f"{one.name} ({one.formula}) has no value for these {' and '.join(one.parts)}; correct the row or move it less."
        ) from error


def propagated(row: Measurements, derived: Sequence[Derived]) -> Measurements:
    """The row with the imprecision of derived variables that follows from that of their parts, which vary independently.

    To first order; NaN where that of a part is not known.

    Args:
        row: with an imprecision; that of derived variables is not read.
    """
    if row.imprecision is None:
        return row
    follows = entailed(row, derived)
    parts = np.where(follows == 0, 0.0, follows * np.where(follows == 0, 0.0, row.imprecision))
    return replace(row, imprecision=np.sqrt(np.square(parts).sum(axis=1)))
