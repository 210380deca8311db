"""Electrocardiograms in files of the WFDB format, as signals of a case that are read when they are asked for."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.case import Lazy
from pellucid.datasets.unreadable import UnusableSignal
from pellucid.imaging.guarding import decoding, installed
from pellucid.signals import STANDARD_LEADS, Signal

_UNIT = "mV"
_LEADS = tuple(lead.upper() for lead in STANDARD_LEADS)


def wfdb() -> Any:
    """The library of that name.

    Raises:
        CapabilityError: it is not installed.
    """
    return installed("wfdb", "ecg", "Electrocardiograms of the WFDB format")


def lazy_record(path: Path, *, rate: int, seconds: int) -> Lazy:
    """A record as an input of a case: each reading gives a new signal and raises what :func:`read_record` raises."""
    return Lazy(partial(read_record, path, rate=rate, seconds=seconds))


def read_record(path: Path, *, rate: int, seconds: int) -> Signal:
    """The twelve standard leads of a record, in their usual order and spelling, in mV.

    The header is checked before any sample is read.

    Args:
        path: without the suffixes .hea and .dat.
        rate: samples a second that the record must have.
        seconds: that it must last.

    Raises:
        UnusableSignal: the record has another rate, length, unit or other leads, or samples of it are missing.
        DataError: its files are damaged.
        CapabilityError: wfdb is not installed.
    """
    library = wfdb()
    with decoding(path, "a WFDB record"):
        header = library.rdheader(str(path))
        _check(path, header, rate, seconds)
        samples = library.rdrecord(str(path)).p_signal
    order = [[name.upper() for name in header.sig_name].index(lead) for lead in _LEADS]
    if not np.isfinite(samples).all():
        raise UnusableSignal(str(path), "samples of the record are missing")
    return Signal(np.ascontiguousarray(samples[:, order], dtype=np.float32), float(rate), STANDARD_LEADS, _UNIT)


def _check(path: Path, header: Any, rate: int, seconds: int) -> None:
    wrong = {
        "the record has another rate than the one asked for": header.fs != rate,
        "the record has another length than published": header.sig_len != rate * seconds,
        "the record has other leads than the standard twelve": sorted(map(str.upper, header.sig_name)) != sorted(_LEADS),
        "the record is in another unit than mV": any(unit != _UNIT for unit in header.units),
    }
    for reason, found in wrong.items():
        if found:
            raise UnusableSignal(str(path), reason)
