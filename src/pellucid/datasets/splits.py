"""Splits: which cases train a model, which tune it, which judge it. No patient is in two of them.

How a patient is placed, exactly:

1. The patients are put in the order of SHA-256 of (seed, patient), each part framed by its length
   (:func:`pellucid.files.digest`). The order knows nothing of the order of the cases or of what is in them.
2. Going through that order, a patient with n cases, before whom b of all N cases lie, stands at (b + n/2) / N.
3. The patient belongs to the first split whose upper bound (the running sum of the fractions) exceeds that number.

So each split gets its fraction of the *cases* to within half of the largest patient, and all cases of a patient stay together.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence

from pellucid.datasets.base import SPLITS, SplitName
from pellucid.datasets.sources import shown
from pellucid.errors import DataError
from pellucid.files import digest

Fractions = tuple[float, float, float]
"""Shares of train, validation and test; none negative, and their sum is 1."""

SPELLINGS: Mapping[str, SplitName] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validate", "validation", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""How publishers call the splits, in lower case."""


def spelt(word: str, where: str) -> SplitName:
    """The split that a publisher calls so, in any case.

    Raises:
        DataError: no split is called so.
    """
    if word.lower() not in SPELLINGS:
        raise DataError(f"{where} has the split {shown(word)}; use one of {', '.join(SPELLINGS)}.")
    return SPELLINGS[word.lower()]


def assign(patients: Mapping[str, str], *, seed: int = 0, fractions: Fractions = (0.7, 0.1, 0.2)) -> dict[str, SplitName]:
    """Place every case in a split.

    Args:
        patients: case id to patient.
        seed: another seed, another order of the patients.
        fractions: shares of the cases for train, validation and test.

    Returns:
        Case id to split, in the order of `patients`; empty for no cases.

    Raises:
        DataError: the fractions are no shares, or a split that should get some cases gets none.
    """
    _check_fractions(fractions)
    sizes = Counter(patients.values())
    order = sorted(sizes, key=lambda patient: (digest(str(seed), patient), patient))
    place: dict[str, SplitName] = {}
    before = 0
    for patient in order:
        place[patient] = _split_at((before + sizes[patient] / 2) / len(patients), fractions)
        before += sizes[patient]
    _check_filled(set(place.values()), fractions, len(sizes))
    return {case: place[patient] for case, patient in patients.items()}


def check_published(patients: Mapping[str, str], assigned: Mapping[str, SplitName]) -> None:
    """Refuse published splits that do not fit the cases.

    Raises:
        DataError: a case has no split, a split names no case or has another name, or a patient is in two splits.
    """
    for case in patients:
        if case not in assigned:
            raise DataError(f"Case {case} is in no published split; assign every case, or none to get splits of the library.")
    seen: dict[str, SplitName] = {}
    for case, split in assigned.items():
        if case not in patients:
            raise DataError(f"The published splits name the case {case}, which does not exist; leave it out of them.")
        if split not in SPLITS:
            raise DataError(f"Case {case} is in the published split {split!r}; use one of {', '.join(SPLITS)}.")
        if seen.setdefault(patients[case], split) != split:
            raise DataError(
                f"Patient {patients[case]} is in the published splits {seen[patients[case]]} and {split} (case {case}); "
                "prepare the data without the published splits, or leave that patient out of one of them."
            )


def _split_at(position: float, fractions: Sequence[float]) -> SplitName:
    bounds = itertools.accumulate(fractions)
    for split, bound, fraction in zip(SPLITS, bounds, fractions, strict=True):
        if fraction > 0 and position < bound:
            return split
    # Rounding may leave the last bound a little under 1; the last split that wants cases then takes the rest.
    return [split for split, fraction in zip(SPLITS, fractions, strict=True) if fraction > 0][-1]


def _check_fractions(fractions: Sequence[float]) -> None:
    valid = len(fractions) == len(SPLITS) and all(f >= 0 for f in fractions) and math.isclose(sum(fractions), 1, abs_tol=1e-9)
    if not valid:
        raise DataError(
            f"The fractions {tuple(fractions)} are not shares of {', '.join(SPLITS)}; give three numbers >= 0 with sum 1."
        )


def _check_filled(filled: set[SplitName], fractions: Sequence[float], patients: int) -> None:
    for split, fraction in zip(SPLITS, fractions, strict=True):
        if fraction > 0 and split not in filled and patients > 0:
            raise DataError(
                f"The {split} split gets no case: {patients} patients cannot be shared out as {tuple(fractions)}; "
                "give more cases, other fractions or another seed."
            )
