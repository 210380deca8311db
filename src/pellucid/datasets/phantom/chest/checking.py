"""Whether the options of phantom radiographs fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from pellucid.datasets.phantom.checking import check_findings, check_numbers, check_per_patient, check_shortcut, check_within
from pellucid.datasets.phantom.chest.findings import FINDINGS
from pellucid.datasets.phantom.chest.shortcuts import ShortcutName
from pellucid.errors import DataError

if TYPE_CHECKING:
    from pellucid.datasets.phantom.chest.images import PhantomChest

NAME = "phantom_chest"
SIZES = (32, 1024)
READERS = 5
STRONGEST = 4.0
GAZED = 0.9


def check(options: PhantomChest) -> None:
    """Raise a :class:`DataError` about the first option that does not fit."""
    check_numbers(NAME, options.n, options.seed, options.prevalence)
    check_within(NAME, "size", options.size, SIZES, f"{SIZES[0]} to {SIZES[1]} pixels")
    if not 0 < options.contrast <= STRONGEST:
        raise DataError(f"contrast of {NAME} is {options.contrast}; give a factor above 0 and up to {STRONGEST:.0f}.")
    check_per_patient(NAME, "images_per_patient", options.images_per_patient)
    check_findings(NAME, options.findings, FINDINGS)
    check_shortcut(NAME, options, get_args(ShortcutName))
    check_within(NAME, "readers", options.readers, (0, READERS), f"0 to {READERS}")
    check_within(NAME, "gaze_on_findings", options.gaze_on_findings, (0, GAZED), f"a share between 0 and {GAZED}")
