"""Measurements: one row of a table, as a model of tables reads it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from pellucid.errors import DataError, shaped

_SHOWN = 5  # names in a message


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
        DataError: lengths differ, a name occurs twice, a value is not a finite number, or an imprecision is below 0 or
            infinite.
    """

    values: Float[np.ndarray, " F"]
    names: tuple[str, ...]
    units: tuple[str, ...] = ()
    imprecision: Float[np.ndarray, " F"] | None = None

    def __post_init__(self) -> None:
        for name in ("names", "units"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if not _is_row(self.values):
            raise DataError(f"Measurements are {shaped(self.values)}; give one row of 64-bit floats.")
        if len(self.names) != len(self.values) or len(set(self.names)) != len(self.names):
            raise DataError(f"{len(self.values)} measurements have {len(set(self.names))} different names; name each of them.")
        if self.units and len(self.units) != len(self.names):
            raise DataError(f"{len(self.names)} measurements have {len(self.units)} units; give one of each, or none.")
        missing = [name for name, value in zip(self.names, self.values, strict=True) if not np.isfinite(value)]
        if missing:
            raise DataError(f"The measurement {missing[0]!r} is missing or not a finite number; impute it first.")
        if self.imprecision is not None and not _is_spread(self.imprecision, len(self)):
            raise DataError(
                "The imprecision of measurements is a finite number of 0 or more for each, or NaN where nobody knows it; give "
                "64-bit floats."
            )

    def __len__(self) -> int:
        return len(self.values)

    def value(self, name: str) -> float:
        """The measurement of that name.

        Raises:
            DataError: there is none.
        """
        if name not in self.names:
            more = f" and {len(self) - _SHOWN} more" if len(self) > _SHOWN else ""
            raise DataError(f"There is no measurement {name!r}; measured are {', '.join(self.names[:_SHOWN])}{more}.")
        return float(self.values[self.names.index(name)])


def _is_row(values: np.ndarray) -> bool:
    return isinstance(values, np.ndarray) and values.ndim == 1 and values.dtype == np.float64 and len(values) > 0


def _is_spread(values: np.ndarray, count: int) -> bool:
    usable = _is_row(values) and len(values) == count
    return usable and bool((np.isnan(values) | ((values >= 0) & (values < np.inf))).all())
