"""Random sets of units removed, once for all explanations and targets: what infidelity and its kin compare scores with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool

from pellucid.errors import PellucidError
from pellucid.metrics.base import AnyUnits, Subsets
from pellucid.metrics.grid import Removal
from pellucid.metrics.sweep import Cost, Outputs, Scale, on_scale
from pellucid.predictor import Batch, Filler, Predictor
from pellucid.randomness import stream
from pellucid.target import Target

SIZES = (0.05, 0.1, 0.2, 0.4)
"""Shares of the units that are removed together."""


def subsets(
    predictor: Predictor,
    batch: Batch,
    targets: Sequence[Target],
    units: AnyUnits,
    *,
    filler: Filler,
    scale: Scale = "probability",
    draws: int = 25,
    sizes: Sequence[float] = SIZES,
    seed: int = 0,
) -> tuple[list[Subsets], Cost]:
    """Remove random sets of units and see how far each target falls.

    The sets depend on the seed and the case alone, so one perturbed input serves every target and every explanation.

    Args:
        batch: exactly one case.
        units: what is removed whole; units that the model never read are in no set.
        draws: sets of each size.
        sizes: shares of the removable units; at least one unit and, of two or more, never all.

    Returns:
        One :class:`Subsets` a target, without sets where fewer than two units can be removed; and the cost.

    Raises:
        PellucidError: an output is not finite; fewer than two draws; a size lies outside 0 to 1.
    """
    if draws < 2 or not sizes or not all(0 < size < 1 for size in sizes):
        raise PellucidError(f"Random sets need 2 draws or more and sizes between 0 and 1, not {draws} draws of {tuple(sizes)}.")
    outputs = Outputs(predictor, batch, targets, filler)
    removal = Removal(batch.units[0], units)
    gone = _drawn(removal, draws, sizes, stream(seed, "random sets", outputs.case))
    whole = np.zeros((1, len(units)), dtype=bool)
    said = on_scale(outputs(removal.keep(np.concatenate([whole, gone]))), scale)
    return [Subsets(gone, said[0, k] - said[1:, k], scale, filler) for k in range(len(targets))], outputs.cost


def _drawn(removal: Removal, draws: int, sizes: Sequence[float], random: np.random.Generator) -> Bool[np.ndarray, "S U"]:
    """Sets of each size, one size after the other; sizes that come to the same number of units are drawn once."""
    free = removal.removable
    counts = sorted({min(max(1, round(size * len(free))), len(free) - 1) for size in sizes}) if len(free) > 1 else []
    gone = np.zeros((draws * len(counts), len(removal.units)), dtype=bool)
    for row, count in zip(gone, np.repeat(counts, draws), strict=True):
        row[random.choice(free, size=int(count), replace=False)] = True
    return gone
