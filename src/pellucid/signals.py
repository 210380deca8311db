"""A signal: samples of one or more leads over time, as a model of signals reads them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from pellucid.errors import DataError, shaped

STANDARD_LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
"""The twelve leads of an electrocardiogram, in their usual order."""


@dataclass(frozen=True, eq=False)
class Signal:
    """Samples of a signal, time first.

    Attributes:
        samples: 32-bit floats in `unit`.
        rate: samples a second.
        leads: names of the columns; all differ.
        unit: of the samples.

    Raises:
        DataError: the samples have another shape or type, one of them is not a finite number, or leads and rate do not fit.
    """

    samples: Float[np.ndarray, "T L"]
    rate: float
    leads: tuple[str, ...] = STANDARD_LEADS
    unit: str = "mV"

    def __post_init__(self) -> None:
        object.__setattr__(self, "leads", tuple(self.leads))
        array = isinstance(self.samples, np.ndarray)
        if not array or self.samples.ndim != 2 or self.samples.dtype != np.float32 or not self.samples.size:
            raise DataError(f"A signal is {shaped(self.samples)}; give samples x leads of 32-bit floats.")
        if len(self.leads) != self.samples.shape[1] or len(set(self.leads)) != len(self.leads):
            raise DataError(f"A signal of {self.samples.shape[1]} leads has the names {', '.join(self.leads)}; name each once.")
        if not 0 < self.rate < math.inf:
            raise DataError(f"A signal has a rate of {self.rate} samples a second; give a finite number above 0.")
        if not np.isfinite(self.samples).all():
            lead = self.leads[int(np.flatnonzero(~np.isfinite(self.samples).all(axis=0))[0])]
            raise DataError(f"Lead {lead} of a signal has samples that are no finite numbers; fill or cut them first.")

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self.samples) / self.rate

    def lead(self, name: str) -> Float[np.ndarray, " T"]:
        """The samples of one lead.

        Raises:
            DataError: there is no such lead.
        """
        if name not in self.leads:
            raise DataError(f"The signal has no lead {name!r}; it has {', '.join(self.leads)}.")
        return np.asarray(self.samples[:, self.leads.index(name)])
