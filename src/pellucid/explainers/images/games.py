"""Regions of an image as players: which of them stay, and what every label makes of it.

The games, and the fits of LIME and KernelSHAP to them, are those of text (:mod:`pellucid.explainers.coalitions`).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from jaxtyping import Bool

from pellucid.explainers.coalitions import Draw, Game, Players, game_of
from pellucid.explainers.images.cutting import regions_of
from pellucid.explainers.images.versions import label_scores, targeted
from pellucid.predictor import Batch, Filler, Predictor
from pellucid.randomness import stream
from pellucid.target import Target
from pellucid.units import RegionKind


def play_regions(
    predictor: Predictor,
    batch: Batch,
    targets: Sequence[Target],
    unit: RegionKind,
    regions: int,
    filler: Filler,
    seed: int,
    draw: Draw,
    about: Hashable,
) -> list[Game]:
    """Score coalitions of regions, for all targets together, a few versions of the image in memory at a time.

    Args:
        about: what decides the draw, beside seed and players.

    Raises:
        DataError: the model's output on some of them is not a finite number.
    """
    cuts = [regions_of(predictor, batch, i, unit, regions) for i in range(len(batch))]
    sides = [Players(cut.index.ravel(), np.zeros(len(cut), dtype=np.int64)) for cut in cuts]
    drawn = [draw(side, stream(seed, case.id)) for side, case in zip(sides, batch.cases, strict=True)]
    ends = [np.array([[True], [False]]).repeat(len(side), axis=1) for side in sides]
    present = [np.concatenate([end, coalitions.present]) for end, coalitions in zip(ends, drawn, strict=True)]

    def keep(case: int, part: slice) -> Bool[np.ndarray, "P U"]:
        return sides[case].keep(present[case][part])

    scores = label_scores(predictor, batch, ("game", unit, regions, seed, about), list(map(len, present)), keep, filler)
    worth = [targeted(s, targets, predictor.labels) for s in scores]
    return [game_of(*played) for played in zip(batch.cases, sides, drawn, worth, strict=True)]
