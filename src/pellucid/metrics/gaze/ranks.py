"""Does a map put what was looked at above what was not? Areas under the ROC curve, exact where scores are equal.

Only the order of scores counts, and it is read without jitter, random draws or a grid of thresholds, all of which make the
published figures depend on the scale of a map. To count pixels below a fixated one, pixels are first put on coarse levels; only
those on a level with a fixated one are sorted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from pellucid.metrics.gaze.looks import Looks
from pellucid.metrics.gaze.row import array

_OCTAVES, _FINE = 40, 9
_SPAN = _OCTAVES << _FINE
"""Levels for scores of each sign: 2^_FINE for each of _OCTAVES halvings of the greatest; the count is exact at any number."""


Counts = Float[np.ndarray, "2 F"]


@dataclass(frozen=True, eq=False)
class Ranks:
    """Fixated pixels of some maps among the others; NaN throughout where a map holds what is no finite number.

    Attributes:
        below: pixels without a fixation that score less than each fixated one, and half of those that score the same.
        level: how many score the same.
        others: pixels without a fixation.
        first: which fixations are the first on their pixel.
    """

    below: Float[Tensor, "n F"]
    level: Float[Tensor, "n F"]
    others: Int[Tensor, " n"]
    first: Bool[Tensor, "n F"]

    @classmethod
    def of(cls, maps: Float[Tensor, "n U"], looks: Looks) -> Ranks:
        """Count where fixated pixels stand."""
        places, kept = looks.places.expand(len(maps), -1), (looks.seconds > 0).expand(len(maps), -1)
        if maps.device.type == "cpu":
            rows = zip(array(maps), array(places), array(kept), strict=True)
            less, at_most = torch.from_numpy(np.stack([counted(*row) for row in rows], 1))
        else:
            less, at_most = by_sorting(maps, places, kept)
        first = _first(places, kept)
        return cls((less + at_most) / 2, at_most - less, maps.shape[1] - first.sum(1), first)


def by_sorting(maps: Float[Tensor, "n U"], places: Int[Tensor, "n F"], kept: Bool[Tensor, "n F"]) -> Float[Tensor, "2 n F"]:
    """How many pixels without a fixation score less than each fixated one, and how many at most as much."""
    others = maps.double()
    at, hidden = others.gather(1, places), torch.zeros_like(others).scatter_add_(1, places, kept.double()) > 0
    ordered = torch.where(hidden, torch.inf, others).sort(dim=1).values
    found = torch.stack([torch.searchsorted(ordered, at, right=right) for right in (False, True)]).double()
    return found.where(torch.isfinite(maps).all(1, keepdim=True), torch.nan)


def _first(places: Int[Tensor, "n F"], kept: Bool[Tensor, "n F"]) -> Bool[Tensor, "n F"]:
    """Which fixations are the first on their pixel; none that is not kept."""
    ordered, order = torch.where(kept, places, -1).sort(dim=1, stable=True)
    new = torch.diff(ordered, dim=1, prepend=ordered.new_full((len(ordered), 1), -1)) > 0
    return torch.zeros_like(kept).scatter_(1, order, new)


def counted(scores: Float[np.ndarray, " U"], places: Int[np.ndarray, " F"], kept: Bool[np.ndarray, " F"]) -> Counts:
    """The same of one map on a processor: only pixels that share a coarse level with a fixated one are sorted."""
    lowest, highest = float(scores.min()), float(scores.max())
    if not (math.isfinite(lowest) and math.isfinite(highest)):
        return np.full((2, len(places)), np.nan)
    levels, top = levels_of(scores, max(highest, -lowest), lowest < 0)
    wanted = levels[places]
    levels[places[kept]] = top + 1  # above all, and never asked for
    rungs = torch.from_numpy(levels)  # torch counts and looks up small whole numbers faster
    sizes, shared = torch.bincount(rungs, minlength=top + 2).numpy(), np.zeros(top + 2, dtype=bool)
    shared[wanted] = True
    near = np.sort(scores[torch.from_numpy(shared).index_select(0, rungs).numpy()])
    sizes[wanted] = 0
    lower = sizes.cumsum()[wanted]
    return np.stack([lower + near.searchsorted(scores[places], side) for side in ("left", "right")]).astype(np.float64)


def levels_of(scores: Float[np.ndarray, " U"], greatest: float, signed: bool) -> tuple[Int[np.ndarray, " U"], int]:
    """A whole number from 0 that never falls as the score rises, and the greatest; as fine for small scores as for great ones.

    It is read off the bits of a float: its exponent and the first bits of its fraction, which rise with the number.
    """
    least = -1023 if scores.dtype == np.float64 else -126  # one over it is a float yet
    share = scores.dtype.type(2.0 ** -max(math.frexp(greatest)[1], least))
    size = ((np.abs(scores) if signed else scores) * share).astype(np.float32, copy=False)
    size += np.float32(2.0**-_OCTAVES)
    levels = size.view(np.int32)
    levels -= (127 - _OCTAVES) << 23
    levels >>= 23 - _FINE
    return (np.where(scores < 0, -levels, levels) + _SPAN, 2 * _SPAN) if signed else (levels, _SPAN)


def auc(ranks: Ranks, looks: Looks) -> Float[Tensor, " n"]:
    """Mean over fixations, weighted by dwell, of the share of other pixels below."""
    return looks.mean(ranks.below) / ranks.others


def judd(ranks: Ranks, values: Float[Tensor, "n F"]) -> Float[Tensor, " n"]:
    """Area under the chords of the ROC curve between the thresholds that fixated pixels set; each pixel counts once.

    With N such pixels it is the mean share below, plus half a step of 1 / N where the last chord runs from the lowest of
    them to (1, 1). Where its score is shared, the expected share of pixels above it over random orders of the equal ones.
    """
    if not values.shape[1]:
        return values.new_full((len(values),), torch.nan)
    count = ranks.first.sum(1)
    lowest, index = torch.where(ranks.first, values, torch.inf).min(1, keepdim=True)
    tied = (ranks.first & (values == lowest)).sum(1)
    equal, below = (part.gather(1, index)[:, 0] for part in (ranks.level, ranks.below))
    above = ranks.others - below - equal / 2 + equal * tied / (tied + 1)
    mean = torch.where(ranks.first, ranks.below, 0.0).sum(1) / count
    return (mean + above / (2 * count)) / ranks.others


def above(here: Float[Tensor, "n F"], there: Float[Tensor, "n E"], looks: Looks, elsewhere: Looks) -> Float[Tensor, " n"]:
    """Chance that a look here scores higher than a look elsewhere; equal scores count half; both weighted by dwell."""
    rivals, order = there.sort(dim=1)
    weights = elsewhere.seconds.expand(len(there), -1).gather(1, order)
    total = torch.cat((weights.new_zeros(len(there), 1), weights.cumsum(1)), 1)
    less, at_most = (total.gather(1, torch.searchsorted(rivals, here, right=right)) for right in (False, True))
    return looks.mean((less + at_most) / 2) / total[:, -1]
