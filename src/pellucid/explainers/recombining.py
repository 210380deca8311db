"""Many notes from few chunks: coalitions whose parts are exchanged between notes.

A coalition drawn at random changes every chunk of a note, so that P of them cost P x N chunk encodings. But chunks meet only in
the decoder, and what a fit needs to be steady is many different *notes*, not many different chunks. So a bank of coalitions is
drawn, as many for each unit of the fullest chunk as the whole note is to get for each of its units, and more notes are made of
the chunks in the bank: chunk 1 from one coalition, chunk 2 from another. The cost falls by about the number of chunks.

The size of a coalition is part of what LIME and KernelSHAP mean, and it ties the chunks of a note together (all full, or all
nearly empty). So chunks are exchanged only between coalitions of neighbouring sizes.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool

from pellucid.explainers.coalitions import Players

_SMALLEST = 256
"""A bank has at least so many coalitions: with fewer, few units would be drawn too alike."""

_REACH = 32
"""How far apart two coalitions may stand, in the order of their sizes, to exchange chunks."""


def bank_size(samples: int, players: Players) -> int:
    """How many different versions of each chunk so many samples are to be made of."""
    largest = int(np.bincount(players.chunk).max(initial=1))
    return min(samples, max(_SMALLEST, -(-samples * largest // max(1, len(players)))))


def recombined(
    bank: Bool[np.ndarray, "R n"], players: Players, samples: int, rng: np.random.Generator
) -> Bool[np.ndarray, "P n"]:
    """So many notes whose chunks come from coalitions of neighbouring sizes.

    Notes that share chunks stand near each other, so that a model which remembers chunks need not remember many.
    """
    ordered = bank[np.argsort(bank.sum(1), kind="stable")]
    place, everyone, chunks = np.arange(len(bank))[:, None], np.arange(len(players)), players.chunk.max(initial=0) + 1
    rounds = [ordered]
    for _ in range(-(-samples // len(bank)) - 1):
        # A shuffle that carries nothing far: places are sorted anew after each has moved by a random step.
        exchanged = np.argsort(place + _REACH * rng.random((len(bank), chunks)), axis=0)
        rounds.append(ordered[exchanged[:, players.chunk], everyone])
    notes = np.stack(rounds, 1).reshape(-1, len(players))
    return notes[np.arange(samples) * len(notes) // samples]  # the surplus is left out evenly over the sizes
