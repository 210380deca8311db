"""Random numbers that belong to what they are drawn for.

A method draws from a stream named by its seed and by what it is about (a case, a target), so a number depends neither on batch
mates nor on the order of calls, and the global generators are never touched.
"""

from __future__ import annotations

import numpy as np

from pellucid.files import digest


def stream(seed: int, *about: str) -> np.random.Generator:
    """The generator for `about` under `seed`; the same arguments give the same numbers on every machine."""
    return np.random.default_rng(int(digest(str(seed), *about)[:32], 16))
