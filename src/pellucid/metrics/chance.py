"""Random text of the same shape as the evidence: what removing or keeping so many units does, whichever they are."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int

from pellucid.metrics.spans import runs


def random_runs(marked: Bool[np.ndarray, " U"], draws: int, generator: np.random.Generator) -> Bool[np.ndarray, "D U"]:
    """Random sets of units outside `marked`, of its size and in runs of its lengths.

    The runs of a draw do not overlap (they may touch); the longest is placed first, each where it fits with equal chance. A run
    that fits nowhere any more is cut: a part fills the longest free stretch and the rest is placed as a run of its own. So
    every draw has exactly as many units as are marked.

    Returns:
        `draws` sets; none where fewer units are free than marked.
    """
    if 2 * int(marked.sum()) > len(marked):
        return np.zeros((0, len(marked)), dtype=bool)
    lengths = np.diff(runs(marked), axis=1)[:, 0].tolist()
    return np.array([_drawn(marked, lengths, generator) for _ in range(draws)], dtype=bool).reshape(draws, len(marked))


def _drawn(marked: Bool[np.ndarray, " U"], lengths: list[int], generator: np.random.Generator) -> Bool[np.ndarray, " U"]:
    free = ~marked
    waiting = sorted(lengths)
    while waiting:
        wanted = waiting.pop()
        length = min(wanted, int(np.diff(runs(free), axis=1).max()))
        start = int(generator.choice(_starts(free, length)))
        free[start : start + length] = False
        if length < wanted:
            waiting = sorted([*waiting, wanted - length])
    return np.asarray(~free & ~marked)


def _starts(free: Bool[np.ndarray, " U"], length: int) -> Int[np.ndarray, " N"]:
    """Where `length` free units follow each other."""
    before = np.concatenate([[0], np.cumsum(free)])
    return np.flatnonzero(before[length:] - before[:-length] == length)
