"""Whether the options of phantom electrocardiograms fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from pellucid.datasets.base import SPLITS
from pellucid.datasets.phantom.checking import check_findings, check_numbers, check_per_patient, check_shortcut, check_within
from pellucid.datasets.phantom.ecg.findings import FINDINGS
from pellucid.datasets.phantom.ecg.shortcuts import ShortcutName, can_show
from pellucid.errors import DataError

if TYPE_CHECKING:
    from pellucid.datasets.phantom.ecg.recordings import PhantomEcg

NAME = "phantom_ecg"
RATES = (100.0, 1000.0)
LENGTHS = (5.0, 60.0)
NOISIEST = 10.0


def check(options: PhantomEcg) -> None:
    """Raise a :class:`DataError` about the first option that does not fit."""
    check_numbers(NAME, options.n, options.seed, options.prevalence)
    check_within(NAME, "rate", options.rate, RATES, f"{RATES[0]:.0f} to {RATES[1]:.0f} samples a second")
    check_within(NAME, "seconds", options.seconds, LENGTHS, f"{LENGTHS[0]:.0f} to {LENGTHS[1]:.0f} seconds")
    check_within(NAME, "noise", options.noise, (0, NOISIEST), f"a factor of 0 to {NOISIEST:.0f}")
    check_per_patient(NAME, "recordings_per_patient", options.recordings_per_patient)
    check_findings(NAME, options.findings, FINDINGS)
    _check_prevalences(options)
    check_shortcut(NAME, options, get_args(ShortcutName))
    if options.shortcut is not None:
        _check_where(options, options.shortcut)


def _check_prevalences(options: PhantomEcg) -> None:
    given, wanted = len(options.prevalences), len(options.findings)
    if given not in (0, wanted):
        raise DataError(f"{NAME} has {given} prevalences for {wanted} findings; give one for each, or none.")
    for chance in options.prevalences:
        if not 0 <= chance <= 1:
            raise DataError(f"prevalences of {NAME} has {chance}; give chances between 0 and 1.")


def _check_where(options: PhantomEcg, shortcut: ShortcutName) -> None:
    if not can_show(shortcut, options.rate):
        raise DataError(f"rate of {NAME} is {options.rate}, which cannot show the shortcut {shortcut!r}; set it above 100.")
    if not options.shortcut_splits or any(name not in SPLITS for name in options.shortcut_splits):
        raise DataError(f"shortcut_splits of {NAME} must name one or more of {', '.join(SPLITS)}.")
