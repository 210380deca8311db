"""The diabetes data of Efron and colleagues, as scikit-learn ships them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float

from pellucid.case import Case
from pellucid.datasets.base import Prepared
from pellucid.datasets.derived import DERIVED, META, propagated
from pellucid.datasets.telling import told
from pellucid.errors import DataError
from pellucid.imaging.guarding import installed
from pellucid.measurements import Measurements
from pellucid.registry import datasets

LABEL = "fast progression"

_COLUMNS = {
    "age": ("age", "years"),
    "sex": ("sex", ""),
    "bmi": ("body mass index", "kg/m2"),
    "bp": ("blood pressure", "mmHg"),
    "s1": ("total cholesterol", "mg/dl"),
    "s2": ("LDL cholesterol", "mg/dl"),
    "s3": ("HDL cholesterol", "mg/dl"),
    "s4": ("total cholesterol / HDL", ""),
    "s5": ("log triglycerides", "ln(mg/dl)"),
    "s6": ("glucose", "mg/dl"),
}
_COMPUTED = ("LDL cholesterol", "total cholesterol / HDL")


@datasets.register("diabetes")
@dataclass(frozen=True)
class Diabetes:
    """Diabetes (Efron et al.): ten measurements of 442 patients with diabetes, and how far the disease went within a year.

    Values are in their own units. The progression after a year is a number from 25 to 346, kept in ``meta["progression"]``; a
    case has the label *fast progression* if it is above `threshold`. Which sex is 1 and which is 2 is not published.

    Two of the ten are computed from others (``meta["derived"]``, :mod:`pellucid.datasets.derived`). LDL cholesterol is
    Friedewald's formula, to within 0.01 mg/dl in 438 of 442 rows and to within 0.41 in all. The ratio of total cholesterol to
    HDL was rounded to a whole number in most rows, and is up to 0.65 away from that of its parts.

    The imprecision is what analytical goals allow a laboratory: a coefficient of variation of 3 % for total cholesterol, 4 %
    for HDL (1.7 mg/dl where that is more) and 5 % for triglycerides (goals of the National Cholesterol Education Program),
    2.9 % for glucose (Sacks et al., Diabetes Care 2011). That of the two computed values follows from their parts. Age and sex
    are exact. Body mass index and blood pressure have NaN: nobody published how they were taken, or how well they repeat.

    Attributes:
        threshold: progression above which it is called fast; the default is the median of all patients.
    """

    threshold: float = 140.5

    licence: ClassVar[str] = "not stated by its authors (shipped with scikit-learn, BSD 3-Clause)"
    cites: ClassVar[str] = "Efron, Hastie, Johnstone, Tibshirani: Least Angle Regression, Annals of Statistics 2004"
    needs: ClassVar[str] = "nothing but scikit-learn (the extra `tables`)"

    def prepare(self) -> Prepared:
        """Read the table from scikit-learn.

        Raises:
            DataError: the threshold parts nobody from anybody.
            CapabilityError: scikit-learn is not installed.
        """
        table = installed("sklearn.datasets", "tables", "Data sets of scikit-learn").load_diabetes(scaled=False)
        low, high = float(table.target.min()), float(table.target.max())
        if not low <= self.threshold < high:
            raise DataError(f"The threshold of diabetes is {self.threshold}; give a number from {low:g} to below {high:g}.")
        notes = [
            "Numbers of patients are not published; every row counts as a patient of its own.",
            f"The label {LABEL} stands for a progression above {self.threshold:g}.",
        ]
        about = told(self, "Diabetes (Efron et al. 2004)", {"threshold": self.threshold}, notes)
        return Prepared("diabetes", list(_cases(table, self.threshold)), about=about)


def _cases(table: Any, threshold: float) -> Iterator[Case]:
    names, units = zip(*(_COLUMNS[name] for name in table.feature_names), strict=True)
    derived = [DERIVED[name] for name in _COMPUTED]
    for number, (values, target) in enumerate(zip(table.data, table.target, strict=True)):
        row = Measurements(np.array(values, dtype=np.float64), names, units)
        made = propagated(Measurements(row.values, names, units, _imprecision(row)), derived)
        labels = frozenset({LABEL} if target > threshold else ())
        meta = {"progression": float(target), META: list(_COMPUTED)}
        yield Case(f"diabetes-{number:03}", f"diabetes-{number:03}", {"table": made}, labels, meta=meta)


def _imprecision(row: Measurements) -> Float[np.ndarray, " F"]:
    """What analytical goals allow; NaN where there is none, or where it follows from others."""
    known = {
        "age": 0.0,
        "sex": 0.0,
        "total cholesterol": 0.03 * row.value("total cholesterol"),
        "HDL cholesterol": max(0.04 * row.value("HDL cholesterol"), 1.7),
        "log triglycerides": 0.05,  # of a logarithm, the standard deviation is the coefficient of variation
        "glucose": 0.029 * row.value("glucose"),
    }
    return np.array([known.get(name, np.nan) for name in row.names])
