"""What tests of drawn phantoms share, of pictures and of recordings."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping

import numpy as np
from scipy.stats import binomtest, fisher_exact

from pellucid.case import Case, Mask


def marks(group: tuple[object, ...], label: str) -> list[np.ndarray]:
    return [e.mask for e in group if isinstance(e, Mask) and e.label == label]


def stands(case: Case) -> bool:
    """Whether the mark of the shortcut is there."""
    return bool(case.meta["shortcut"]["planted"])


def kinds(case: Case) -> list[str]:
    return [thing["kind"] for thing in case.meta["distractors"]]


def check_base_rates(drawn: list[tuple[set[str], set[str]]], base: Mapping[str, float], labels: tuple[str, ...]) -> None:
    """Marks without meaning stand as often as said, with each label as without it.

    Args:
        drawn: the marks and the labels of each case.
    """
    for kind, rate in base.items():
        there = np.array([kind in found for found, _ in drawn])
        assert binomtest(int(there.sum()), len(drawn), rate).pvalue > 1e-4
        for label in labels:
            ill = np.array([label in found for _, found in drawn])
            table = [[np.sum(a & b) for b in (ill, ~ill)] for a in (there, ~there)]
            assert fisher_exact(table).pvalue > 1e-4


def printed_by_two_processes(program: str) -> list[str]:
    """What a program prints where hashes are salted otherwise and other numbers of threads work."""
    return [
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": salt, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads},
            check=True, capture_output=True, text=True,
        ).stdout
        for salt, threads in (("1", "1"), ("2", "2"))
    ]  # fmt: skip
