"""Breast Cancer Wisconsin (Diagnostic), as scikit-learn ships it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float

from pellucid.case import Case
from pellucid.datasets.base import Prepared
from pellucid.datasets.telling import told
from pellucid.imaging.guarding import installed
from pellucid.measurements import Measurements
from pellucid.registry import datasets

_MEAN, _ERROR = "mean {}", "{} error"


@datasets.register("breast_cancer")
@dataclass(frozen=True)
class BreastCancer:
    """Breast Cancer Wisconsin (Diagnostic): 30 measurements of cell nuclei in 569 fine-needle aspirates of breast masses.

    Ten characteristics were measured of every nucleus in an image. A row holds of each the mean over the nuclei, its standard
    error, and the mean of the three largest ("worst"). A case has the label *malignant* or none.

    The imprecision of a mean is its standard error: how much it would vary with other nuclei of the same mass. Of standard
    errors and worst values nobody published one, and theirs is NaN. Units are not published either.
    """

    licence: ClassVar[str] = "CC BY 4.0 (shipped with scikit-learn)"
    cites: ClassVar[str] = (
        "Street, Wolberg, Mangasarian: Nuclear feature extraction for breast tumor diagnosis, SPIE 1993; "
        "Breast Cancer Wisconsin (Diagnostic), UCI Machine Learning Repository, doi 10.24432/C5DW2B"
    )
    needs: ClassVar[str] = "nothing but scikit-learn (the extra `tables`)"

    def prepare(self) -> Prepared:
        """Read the table from scikit-learn.

        Raises:
            CapabilityError: scikit-learn is not installed.
        """
        table = installed("sklearn.datasets", "tables", "Data sets of scikit-learn").load_breast_cancer()
        note = "Numbers of patients are not shipped with the table; every row counts as a patient of its own."
        about = told(self, "Breast Cancer Wisconsin (Diagnostic)", {}, [note])
        return Prepared("breast_cancer", list(_cases(table)), about=about)


def _cases(table: Any) -> Iterator[Case]:
    names = tuple(str(name) for name in table.feature_names)
    malignant = list(table.target_names).index("malignant")
    for number, (values, target) in enumerate(zip(table.data, table.target, strict=True)):
        row = Measurements(np.array(values, dtype=np.float64), names, (), _imprecision(names, values))
        labels = frozenset({"malignant"} if target == malignant else ())
        yield Case(f"wdbc-{number:03}", f"wdbc-{number:03}", {"table": row}, labels)


def _imprecision(names: tuple[str, ...], values: Float[np.ndarray, " F"]) -> Float[np.ndarray, " F"]:
    """The standard error of each mean, NaN for all else."""
    found = dict(zip(names, values.tolist(), strict=True))
    what = [name.removesuffix(_ERROR.format("")) for name in names if name.endswith(_ERROR.format(""))]
    errors = {_MEAN.format(one): found[_ERROR.format(one)] for one in what}
    return np.array([errors.get(name, np.nan) for name in names])
