"""The metrics of gaze, each a function of whole maps, or of maps seen at looks; `scores` says what they are."""

from __future__ import annotations

from functools import partial
from operator import attrgetter, methodcaller

import torch
from torch import Tensor

from pellucid.metrics.gaze import ranks
from pellucid.metrics.gaze.block import Quantity
from pellucid.metrics.gaze.looks import Looks
from pellucid.metrics.gaze.seen import AtLooks, Measure, Seen

MIT_EPSILON = 2.2204e-16
"""What the code of the MIT saliency benchmark adds to divisors and logarithms."""

EPSILON, MIX = 1e-7, 0.01
"""What this library adds to them, and the share of a uniform density that it mixes into a map first."""


def kld(epsilon: float = EPSILON, mix: float = MIX) -> Quantity:
    return methodcaller("kld", epsilon, mix)


def nss(seen: Seen) -> Tensor:
    return _lift(seen, seen.looks, seen.here)


def shuffled_nss(seen: Seen) -> Tensor:
    return nss(seen) - _lift(seen, seen.elsewhere, seen.there)


def information_gain(epsilon: float = MIT_EPSILON, mix: float = MIX) -> AtLooks:
    return AtLooks(partial(_gain, epsilon=epsilon, mix=mix), ("factor", "mass", "usual_mass"))


def _gain(seen: Seen, epsilon: float, mix: float) -> Tensor:
    shown = seen.here.clamp_min(0.0) / seen.known["mass"][:, None]
    more, less = (torch.log2(found * (1.0 - mix) + (mix / seen.maps.shape[1] + epsilon)) for found in (shown, seen.usual))
    return seen.looks.mean(more - less)


def auc(seen: Seen) -> Tensor:
    return ranks.auc(seen.ranks, seen.looks)


def auc_judd(seen: Seen) -> Tensor:
    return ranks.judd(seen.ranks, seen.here)


def sauc(seen: Seen) -> Tensor:
    found = ranks.above(seen.here, seen.there, seen.looks, seen.elsewhere)
    return torch.where(seen.finite, found, torch.nan)


def _lift(seen: Seen, looks: Looks, values: Tensor) -> Tensor:
    """How many standard deviations a map stands above its mean where people looked."""
    return looks.mean(values - seen.known["mean"][:, None]) / seen.known["spread"]


MEASURES: dict[str, Measure] = {
    "kld": kld(),
    "nss": AtLooks(nss, ("factor", "mean", "spread")),
    "cc": attrgetter("cc"),
    "sim": attrgetter("sim"),
    "auc": AtLooks(auc, ()),
    "auc_judd": AtLooks(auc_judd, ("factor",)),
    "sauc": AtLooks(sauc, ("factor",)),
    "information_gain": information_gain(),
    "shuffled_nss": AtLooks(shuffled_nss, ("factor", "mean", "spread")),
    "shuffled_cc": attrgetter("shuffled_cc"),
}
