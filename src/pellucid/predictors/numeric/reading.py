"""Cases as the numbers that a network reads: names in the model's order, signals at its rate and of its length."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from jaxtyping import Float

from pellucid.case import Case
from pellucid.errors import DataError
from pellucid.signals import Signal

_FINEST = 1000  # rates are taken for ratios of whole numbers up to this


def row(case: Case, features: Sequence[str], units: Sequence[str]) -> Float[np.ndarray, " F"]:
    """The measurements of a case in the order of `features`; float64.

    Args:
        units: of the features; none where the model knows none. A case that says nothing of units is taken at its word.

    Raises:
        DataError: a measurement is missing, unknown, or in another unit.
    """
    found = case.measurements
    order = _order(found.names, features, case.id, "measurement", "impute it first")
    for name, place, unit in zip(features, order, units, strict=False):
        if found.units and found.units[place] != unit:
            raise DataError(
                f"The measurement {name!r} of case {case.id} is in {found.units[place] or 'no unit'}, and the model reads "
                f"{unit or 'none'}; convert it."
            )
    return np.asarray(found.values[order])


def recording(case: Case, leads: Sequence[str], rate: float, length: int, unit: str) -> Float[np.ndarray, "T L"]:
    """The samples of a case as a model reads them; float32.

    Leads are put into the order of `leads`. A recording of another rate is resampled (:func:`resampled`); of a longer one the
    first `length` samples are read.

    Raises:
        DataError: a lead is missing or unknown, the unit is another one, or the recording is too short.
    """
    found = case.signal
    order = _order(found.leads, leads, case.id, "lead", "record it")
    if found.unit != unit:
        raise DataError(f"The signal of case {case.id} is in {found.unit}, and the model reads {unit}; convert it.")
    samples = resampled(found, rate)[:length, order]
    if len(samples) < length:
        raise DataError(
            f"The signal of case {case.id} lasts {found.duration:g} s, and the model reads {length / rate:g} s; give a longer "
            "recording."
        )
    return samples


def resampled(signal: Signal, rate: float) -> Float[np.ndarray, "T L"]:
    """The samples at another rate; float32.

    By a polyphase filter (`scipy.signal.resample_poly`), which leaves out what the lower of the two rates cannot hold. Beyond
    both ends the line through the first and the last sample is taken to go on.
    """
    if signal.rate == rate:
        return signal.samples
    from scipy.signal import resample_poly  # takes a while to import

    ratio = Fraction(rate / signal.rate).limit_denominator(_FINEST)
    found = resample_poly(signal.samples.astype(np.float64), ratio.numerator, ratio.denominator, axis=0, padtype="line")
    return np.asarray(found, dtype=np.float32)


def _order(found: Sequence[str], wanted: Sequence[str], case: str, what: str, remedy: str) -> list[int]:
    """For each wanted name its place among those found, which are the same names in any order."""
    place = {name: i for i, name in enumerate(found)}
    missing = [name for name in wanted if name not in place]
    if missing:
        raise DataError(f"Case {case} lacks the {what} {missing[0]!r}, which the model reads; {remedy}.")
    unknown = [name for name in found if name not in set(wanted)]
    if unknown:
        raise DataError(f"Case {case} has the {what} {unknown[0]!r}, which the model does not know; leave it out.")
    return [place[name] for name in wanted]
