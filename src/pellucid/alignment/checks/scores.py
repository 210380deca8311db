"""One score for a pair: what training raises must be what retrieval ranks by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from jaxtyping import Bool, Float

from pellucid.alignment.checks.base import Inapplicable, Tally, check

T = TypeVar("T")
_TIED, _CLEAR = 1e-5, 1e-2  # as shares of the range of the scores; models in 32 bits round at 1e-7 of a score


@dataclass(frozen=True, eq=False)
class Probe:
    """An image and a sentence as vectors.

    Attributes:
        regions: of the image.
        words: of the sentence; its first and last are special tokens.
        special: True for those.
    """

    regions: Float[np.ndarray, "R d"]
    words: Float[np.ndarray, "L d"]
    special: Bool[np.ndarray, " L"]


@check("unlike_scores", "training and retrieval rank the same pairs alike")
def unlike_scores(training: Callable[[T], float], retrieval: Callable[[T], float], pairs: Sequence[T]) -> Tally:
    """Whether the two scores use other words or another aggregator, so that pairs are ranked differently.

    Args:
        training: the score of a pair that the loss raises.
        retrieval: the score by which pairs are ranked afterwards.
        pairs: at least two; real ones, or :func:`probes`. Differences of rounding count as ties.

    Raises:
        Inapplicable: fewer than two pairs, or both scores are the same for all of them.
    """
    if len(pairs) < 2:
        raise Inapplicable("The check unlike_scores compares the ranks of pairs; give at least two pairs.")
    first, second = ([float(score(pair)) for pair in pairs] for score in (training, retrieval))
    tally = Tally({"pairs": len(pairs)})
    if not np.isfinite([first, second]).all():
        tally.expect(False, "a score is not finite; look at what it does with short sentences")
        return tally
    if not (np.ptp(first) or np.ptp(second)):
        raise Inapplicable("The check unlike_scores was given pairs that both scores hold for equal; give pairs that differ.")
    otherwise = _otherwise(_apart(first), _apart(second))
    for name, count in (("compared", len(otherwise)), ("ranked otherwise", int(otherwise.sum()))):
        tally.count(name, count)
    if otherwise.any():
        said = f"training and retrieval rank {otherwise.mean():.0%} of the comparisons otherwise"
        tally.problems[f"{said}; score both over the same words, by the same aggregator"] = int(otherwise.sum())
    return tally


def probes(count: int = 24, width: int = 8, seed: int = 0) -> list[Probe]:
    """Pairs of random vectors, in which special tokens fit as well as words do, and sentences differ in length."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(3, 9, size=count)
    return [_probe(rng, int(length), width) for length in lengths]


def _probe(rng: np.random.Generator, length: int, width: int) -> Probe:
    special = np.zeros(length, dtype=bool)
    special[[0, -1]] = True
    return Probe(rng.normal(size=(16, width)), rng.normal(size=(length, width)), special)


def _apart(scores: Sequence[float]) -> Float[np.ndarray, " C"]:
    """For all pairs of pairs how far apart they are, as a share of the range of the scores."""
    values = np.array(scores, dtype=np.float64)
    spread = float(np.ptp(values))
    apart = (values[:, None] - values[None])[np.triu_indices(len(values), 1)]
    return np.asarray(apart / spread) if spread > 0 else apart


def _otherwise(a: Float[np.ndarray, " C"], b: Float[np.ndarray, " C"]) -> Bool[np.ndarray, " C"]:
    """Where one score says more and the other less, or where one clearly tells apart what is a tie for the other."""
    tied, other = np.abs(a) <= _TIED, np.abs(b) <= _TIED
    clear = np.maximum(np.abs(a), np.abs(b)) > _CLEAR
    return np.asarray(np.where(tied | other, (tied != other) & clear, np.sign(a) != np.sign(b)))
