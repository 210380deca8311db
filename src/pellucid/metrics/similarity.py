"""How alike two maps of the same image are."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

_SIGMA = 1.5
_C1, _C2 = 0.01**2, 0.03**2


@dataclass(frozen=True)
class Similarity:
    """Three answers; NaN where there is none because a map is the same everywhere.

    Attributes:
        spearman: rank correlation of the scores, signs included; -1 to 1.
        spearman_of_sizes: the same of their sizes |score|.
        ssim: structural similarity, -1 to 1; see :func:`ssim`.
    """

    spearman: float
    spearman_of_sizes: float
    ssim: float


@dataclass(frozen=True, eq=False)
class Map:
    """A map with its ranks, so that they are taken once however often it is compared."""

    image: Float[np.ndarray, "*S"]
    ranks: Float[np.ndarray, " U"]
    ranks_of_sizes: Float[np.ndarray, " U"]

    @classmethod
    def of(cls, scores: Float[np.ndarray, " U"], shape: tuple[int, ...]) -> Map:
        values = np.asarray(scores, dtype=np.float64)
        return cls(values.reshape(shape), centred_ranks(values), centred_ranks(np.abs(values)))

    def like(self, other: Map) -> Similarity:
        """How alike the two are."""
        return Similarity(
            cosine(self.ranks, other.ranks), cosine(self.ranks_of_sizes, other.ranks_of_sizes), ssim(self.image, other.image)
        )


def centred_ranks(values: Float[np.ndarray, " U"]) -> Float[np.ndarray, " U"]:
    """Ranks less their mean; equal values share the mean of their ranks. The cosine of two such is Spearman's correlation."""
    from scipy.stats import rankdata  # here, since it is slow to import

    return np.asarray(rankdata(values) - (len(values) + 1) / 2)


def cosine(a: Float[np.ndarray, " U"], b: Float[np.ndarray, " U"]) -> float:
    """Cosine of the angle between two vectors; NaN where one is zero."""
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(np.clip(a @ b / size, -1.0, 1.0)) if size else float("nan")


def ssim(a: Float[np.ndarray, "*S"], b: Float[np.ndarray, "*S"]) -> float:
    """Structural similarity of two maps, each first divided by its greatest size |score|; NaN where either is zero throughout.

    Where a score is negative, both are then brought from [-1, 1] to [0, 1]: local means of opposite sign would otherwise turn
    the likeness round. Wang et al. 2004, Image quality assessment: Gaussian windows of 1.5 pixels, edges reflected, mean over
    all pixels, values of range 1.
    """
    from scipy.ndimage import gaussian_filter  # here, since it is slow to import

    sizes = [np.abs(x).max() for x in (a, b)]
    if not all(sizes):
        return float("nan")
    a, b = a / sizes[0], b / sizes[1]
    if min(a.min(), b.min()) < 0:
        a, b = (a + 1) / 2, (b + 1) / 2

    def mean(x: Float[np.ndarray, "*S"]) -> Float[np.ndarray, "*S"]:
        return np.asarray(gaussian_filter(x, _SIGMA, truncate=3.5))

    ma, mb = mean(a), mean(b)
    va, vb, both = mean(a * a) - ma**2, mean(b * b) - mb**2, mean(a * b) - ma * mb
    return float((((2 * ma * mb + _C1) * (2 * both + _C2)) / ((ma**2 + mb**2 + _C1) * (va + vb + _C2))).mean())


def first_pixels(scores: Float[np.ndarray, " U"], k: int) -> Bool[np.ndarray, " U"]:
    """The k pixels of the highest scores; those whose equal scores straddle the last place are left out."""
    at = float(np.partition(scores, len(scores) - k)[len(scores) - k])
    reached = scores >= at
    return np.asarray(reached if reached.sum() == k else scores > at)


def jaccard(a: Bool[np.ndarray, " U"], b: Bool[np.ndarray, " U"]) -> float:
    """Intersection over union; NaN where both are empty."""
    union = int((a | b).sum())
    return int((a & b).sum()) / union if union else float("nan")


def noise_floor(
    scores: Float[np.ndarray, " U"], shape: tuple[int, ...], generator: np.random.Generator, draws: int = 5
) -> Similarity:
    """How alike a map is to itself put elsewhere (rolled round by random distances): what chance makes of a map so smooth.

    Every draw moves it, where it has more than one unit; of a row of few measurements, many would not by chance.
    """
    image, own = np.asarray(scores).reshape(shape), Map.of(scores, shape)
    shifts = [_shift(shape, generator) for _ in range(draws)]
    found = [own.like(Map.of(np.roll(image, shift, tuple(range(len(shape)))).ravel(), shape)) for shift in shifts]
    means = (np.mean([getattr(one, name) for one in found]) for name in ("spearman", "spearman_of_sizes", "ssim"))
    return Similarity(*map(float, means))


def _shift(shape: tuple[int, ...], generator: np.random.Generator) -> tuple[int, ...]:
    """Random distances along each axis, not all of them 0."""
    while True:
        shift = tuple(int(generator.integers(n)) for n in shape)
        if any(shift) or math.prod(shape) <= 1:
            return shift
