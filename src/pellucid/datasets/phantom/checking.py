"""What the options of all drawn phantoms must hold to; messages name the data set and the option."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pellucid.errors import DataError

MOST_OF_A_PATIENT = 20


def check_within(data: str, option: str, value: float, reach: tuple[float, float], wanted: str) -> None:
    """Raise a :class:`DataError` unless a number lies in its reach, ends included."""
    if not reach[0] <= value <= reach[1]:
        raise DataError(f"{option} of {data} is {value}; give {wanted}.")


def check_numbers(data: str, n: int, seed: int, prevalence: float) -> None:
    """How many cases there are, of which seed, and how ill."""
    for option, value in (("n", n), ("seed", seed)):
        check_within(data, option, value, (0, math.inf), "a number that is not negative")
    check_within(data, "prevalence", prevalence, (0, 1), "a chance between 0 and 1")


def check_per_patient(data: str, option: str, reach: tuple[int, int]) -> None:
    """How many cases a patient has."""
    low, high = reach
    if not 1 <= low <= high <= MOST_OF_A_PATIENT:
        raise DataError(f"{option} of {data} is ({low}, {high}); give the least number first, 1 to {MOST_OF_A_PATIENT}.")


def check_findings(data: str, chosen: Sequence[str], known: Sequence[str]) -> None:
    """What is drawn."""
    unknown = [name for name in chosen if name not in known]
    if unknown or not chosen:
        name = repr(unknown[0]) if unknown else "no finding at all"
        raise DataError(f"{data} cannot draw {name}; choose among {', '.join(known)}.")


def check_shortcut(data: str, options: Any, kinds: Sequence[str]) -> None:
    """The options that begin with `shortcut`, as all drawn phantoms have them.

    Args:
        kinds: the marks that can be planted.
    """
    said = f"set shortcut to one of {', '.join(kinds)}"
    if options.shortcut is None:
        if options.shortcut_label is not None:
            raise DataError(f"{data} has a shortcut_label but no shortcut; {said}.")
        return
    if options.shortcut not in kinds:
        raise DataError(f"{data} cannot plant {options.shortcut!r}; {said}.")
    if options.shortcut_label not in options.findings:
        raise DataError(f"shortcut_label of {data} is {options.shortcut_label!r}; choose one of its findings.")
    for option in ("shortcut_rate", "shortcut_rate_absent", "shortcut_faint"):
        check_within(data, option, getattr(options, option), (0, 1), "a share between 0 and 1")
