"""Measurements: one row of a table, as a model of tables reads it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from pellucid.errors import DataError


@dataclass(frozen=True, eq=False)
class Measurements:
    """What was measured of one patient: numbers with their names.

    Attributes:
        values: in the unit of each; 64-bit floats.
        names: what was measured; all differ.
        units: the unit of each ("mg/dl"); "" for what has none, empty for none at all.
        imprecision: standard deviation of repeating each measurement, in its unit; 0 for what is exact, NaN where nobody
            knows it; None where nothing is known.

    Raises:
        DataError: lengths differ, a name occurs twice, a value is not a finite number, or an imprecision is below 0.
    """

    values: Float[np.ndarray, " F"]
    names: tuple[str, ...]
    units: tuple[str, ...] = ()
    imprecision: Float[np.ndarray, " F"] | None = None

    def __post_init__(self) -> None:
        if self.values.ndim != 1 or self.values.dtype != np.float64 or not len(self.values):
            raise DataError(
                f"Measurements are of type {self.values.dtype} and shape {self.values.shape}; give one row of 64-bit floats."
            )
        if len(self.names) != len(self.values) or len(set(self.names)) != len(self.names):
            raise DataError(f"{len(self.values)} measurements have {len(set(self.names))} different names; name each of them.")
        if self.units and len(self.units) != len(self.names):
            raise DataError(f"{len(self.names)} measurements have {len(self.units)} units; give one of each, or none.")
        missing = [name for name, value in zip(self.names, self.values, strict=True) if not np.isfinite(value)]
        if missing:
            raise DataError(f"The measurement {missing[0]!r} is missing or not a finite number; impute it first.")
        if self.imprecision is not None and (self.imprecision.shape != self.values.shape or (self.imprecision < 0).any()):
            raise DataError("The imprecision of measurements is a number of 0 or more for each, or NaN where it is not known.")

    def __len__(self) -> int:
        return len(self.values)

    def value(self, name: str) -> float:
        """The measurement of that name.

        Raises:
            DataError: there is none.
        """
        if name not in self.names:
            raise DataError(f"There is no measurement {name!r}; measured are {', '.join(self.names[:5])} ...")
        return float(self.values[self.names.index(name)])
