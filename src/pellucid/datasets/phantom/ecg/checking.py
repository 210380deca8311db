"""Whether the options of phantom electrocardiograms fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from pellucid.datasets.base import SPLITS
from pellucid.datasets.phantom.ecg.findings import FINDINGS
from pellucid.datasets.phantom.ecg.shortcuts import ShortcutName, can_show
from pellucid.errors import DataError

if TYPE_CHECKING:
    from pellucid.datasets.phantom.ecg.recordings import PhantomEcg

RATES = (100.0, 1000.0)
LENGTHS = (5.0, 60.0)
MANY = 20
NOISIEST = 10.0


def check(options: PhantomEcg) -> None:
    """Raise a :class:`DataError` about the first option that does not fit."""
    for name, value in (("n", options.n), ("seed", options.seed)):
        if value < 0:
            raise DataError(f"{name} of phantom_ecg is {value}; give a number that is not negative.")
    if not RATES[0] <= options.rate <= RATES[1]:
        raise DataError(f"rate of phantom_ecg is {options.rate}; give {RATES[0]:.0f} to {RATES[1]:.0f} samples a second.")
    if not LENGTHS[0] <= options.seconds <= LENGTHS[1]:
        raise DataError(f"seconds of phantom_ecg is {options.seconds}; give {LENGTHS[0]:.0f} to {LENGTHS[1]:.0f} seconds.")
    if not 0 <= options.noise <= NOISIEST:
        raise DataError(f"noise of phantom_ecg is {options.noise}; give a factor of 0 to {NOISIEST:.0f}.")
    low, high = options.recordings_per_patient
    if not 1 <= low <= high <= MANY:
        raise DataError(f"recordings_per_patient of phantom_ecg is ({low}, {high}); give the least number first, 1 to {MANY}.")
    _check_findings(options)
    _check_shortcut(options)


def _check_findings(options: PhantomEcg) -> None:
    unknown = [name for name in options.findings if name not in FINDINGS]
    if unknown or not options.findings:
        name = repr(unknown[0]) if unknown else "no finding at all"
        raise DataError(f"phantom_ecg cannot draw {name}; choose among {', '.join(FINDINGS)}.")
    if not 0 <= options.prevalence <= 1:
        raise DataError(f"prevalence of phantom_ecg is {options.prevalence}; give a chance between 0 and 1.")
    if options.prevalences and len(options.prevalences) != len(options.findings):
        given, wanted = len(options.prevalences), len(options.findings)
        raise DataError(f"phantom_ecg has {given} prevalences for {wanted} findings; give one for each, or none.")
    for chance in options.prevalences:
        if not 0 <= chance <= 1:
            raise DataError(f"prevalences of phantom_ecg has {chance}; give chances between 0 and 1.")


def _check_shortcut(options: PhantomEcg) -> None:
    kinds = ", ".join(get_args(ShortcutName))
    if options.shortcut is None:
        if options.shortcut_label is not None:
            raise DataError(f"phantom_ecg has a shortcut_label but no shortcut; set shortcut to one of {kinds}.")
        return
    if options.shortcut not in get_args(ShortcutName):
        raise DataError(f"phantom_ecg cannot plant {options.shortcut!r}; set shortcut to one of {kinds}.")
    if options.shortcut_label not in options.findings:
        raise DataError(f"shortcut_label of phantom_ecg is {options.shortcut_label!r}; choose one of its findings.")
    if not can_show(options.shortcut, options.rate):
        raise DataError(f"rate of phantom_ecg is {options.rate}, which cannot show the shortcut 'hum'; set it above 100.")
    if not options.shortcut_splits or any(name not in SPLITS for name in options.shortcut_splits):
        raise DataError(f"shortcut_splits of phantom_ecg must name one or more of {', '.join(SPLITS)}.")
    options.planted()
