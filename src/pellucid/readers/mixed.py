"""A mixed-effects model of ordered levels: models are compared, items and readers are drawn at random.

Cumulative logit (McCullagh 1980) with crossed random intercepts:

    P(level <= c) = 1 / (1 + exp(-(t_c - b_model - u_item - v_reader))),  u ~ N(0, s_item^2),  v ~ N(0, s_reader^2)

fitted by maximum likelihood, the random intercepts integrated out by Laplace's approximation. With as few readers as most
studies have, s_reader is hardly known; what is said of models leans on the items.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from pellucid.errors import DataError
from pellucid.readers.ratings import Rating, asked, models

NAN = float("nan")
_LARGEST = 15.0  # log odds beyond which levels are told apart completely, and no finite effect is the best
_STEP = 1e-3
_NEWTON = 100


@dataclass(frozen=True)
class Effect:
    """How much higher a model is rated than the baseline, in log odds of a higher level.

    Attributes:
        low, high: Wald's 95 % interval.
        p: two-sided, after Wald. All four are NaN where levels are told apart completely.
    """

    model: str
    value: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class Mixed:
    """The fitted model of one question.

    Attributes:
        baseline: the model that the others are compared with.
        effects: of the other models, unadjusted p-values.
        item_sd, reader_sd: standard deviations of the random intercepts, in log odds; 0 with one item or reader.
        log_likelihood: marginal, by Laplace's approximation.
        converged: whether the search ended at a maximum.
        n, items, readers: what it was fitted to.
    """

    baseline: str
    effects: tuple[Effect, ...]
    item_sd: float
    reader_sd: float
    log_likelihood: float
    converged: bool
    n: int
    items: int
    readers: int


@dataclass(frozen=True, eq=False)
class Design:
    """Ratings as numbers.

    Attributes:
        levels: of each rating, counted from 0, levels that nobody gave left out.
        fixed: 1 where a rating is of that model, the baseline having no column.
        groups: for each factor (items, readers) the number of the group of each rating.
    """

    levels: Int[np.ndarray, " N"]
    fixed: Float[np.ndarray, "N M"]
    groups: tuple[Int[np.ndarray, " N"], ...]

    @property
    def cuts(self) -> int:
        """Thresholds between levels."""
        return int(self.levels.max())

    @property
    def sizes(self) -> list[int]:
        """Groups of each factor."""
        return [int(group.max()) + 1 for group in self.groups]


def mixed_effects(ratings: Sequence[Rating], question: str, baseline: str) -> Mixed:
    """Compare all models with the baseline.

    Raises:
        DataError: as :func:`pellucid.readers.ratings.asked`; nobody rated the baseline or another model; or all ratings are
            equal.
    """
    found = asked(ratings, question)
    names = [model for model in models(found) if model != baseline]
    if len(names) == len(models(found)) or not names:
        raise DataError(f"{question!r} was not rated for {baseline!r} and for another model; choose a baseline that was rated.")
    design, counts = _design(found, names)
    if not design.cuts:
        raise DataError(f"All ratings of {question!r} are equal, so no model of levels can be fitted.")
    best, value, converged = fitted(design)
    effects = _effects(design, best, names)
    sds = dict(zip(_factors(counts), best[design.cuts + len(names) :], strict=True))
    return Mixed(
        baseline, effects, float(sds.get(0, 0.0)), float(sds.get(1, 0.0)), -value, converged, len(found), *counts
    )  # fmt: skip


def fitted(design: Design) -> tuple[Float[np.ndarray, " P"], float, bool]:
    """Best parameters, minus the log of their marginal likelihood, and whether the search converged.

    Parameters are the first threshold, logs of the steps between thresholds, effects, and standard deviations.
    """
    from scipy.optimize import minimize

    m, f = design.fixed.shape[1], len(design.groups)
    shares = np.cumsum(np.bincount(design.levels))[:-1] / len(design.levels)
    cuts = np.log(shares / (1 - shares))
    start = np.concatenate([cuts[:1], np.log(np.diff(cuts)), np.zeros(m), np.full(f, 0.5)])
    bounds = [(None, None)] * design.cuts + [(-_LARGEST, _LARGEST)] * m + [(0.0, _LARGEST)] * f
    found = minimize(lambda p: minus_log_likelihood(p, design), start, method="L-BFGS-B", jac="3-point", bounds=bounds)
    return np.asarray(found.x), float(found.fun), bool(found.success)


def minus_log_likelihood(parameters: Float[np.ndarray, " P"], design: Design) -> float:
    """Minus the log of the marginal likelihood, by Laplace's approximation; exact where no intercept varies.

    With intercepts b of variance 1, h(b) = -log p(levels | b) + |b|^2 / 2 is convex: its least value h, found by Newton's
    method, gives h + log|H| / 2, where H are its second derivatives there.
    """
    cuts, effects, sds = _unpacked(parameters, design)
    fixed, spread = design.fixed @ effects, _spread(design, sds)

    def joint(b: Float[np.ndarray, " G"]) -> tuple[float, np.ndarray, np.ndarray]:
        value, slope, weight = _conditional(cuts, fixed + spread @ b, design.levels)
        return value + float(b @ b) / 2, slope, weight

    b = np.zeros(spread.shape[1])
    value, slope, weight = joint(b)
    for _ in range(_NEWTON):
        step = np.linalg.solve(_curvature(spread, weight), spread.T @ slope - b)
        while (new := joint(b + step))[0] > value + 1e-9:  # too far: half of it is still downhill
            step = step / 2
        b, (value, slope, weight) = b + step, new
        if np.abs(step).max(initial=0.0) < 1e-8:
            break
    return value + float(np.linalg.slogdet(_curvature(spread, weight))[1]) / 2


def _curvature(spread: Float[np.ndarray, "N G"], weight: Float[np.ndarray, " N"]) -> Float[np.ndarray, "G G"]:
    return np.asarray(spread.T @ (weight[:, None] * spread) + np.eye(spread.shape[1]))


def _conditional(
    cuts: Float[np.ndarray, " C"], eta: Float[np.ndarray, " N"], levels: Int[np.ndarray, " N"]
) -> tuple[float, Float[np.ndarray, " N"], Float[np.ndarray, " N"]]:
    """Minus the log likelihood given all intercepts; the slope of the log likelihood in eta, and minus its curvature."""
    from scipy.special import expit, log_expit

    edges = np.concatenate([[-np.inf], cuts, [np.inf]])
    upper, lower = edges[levels + 1] - eta, edges[levels] - eta
    above, below = expit(upper), expit(lower)
    # log(F(u) - F(l)) = log F(u) + log F(-l) + log(1 - exp(l - u)), which loses no digits in the tails
    log_p = log_expit(upper) + log_expit(-lower) + np.log1p(-np.exp(lower - upper))
    return -float(log_p.sum()), above + below - 1, above * (1 - above) + below * (1 - below)


def _unpacked(parameters: Float[np.ndarray, " P"], design: Design) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    c, m = design.cuts, design.fixed.shape[1]
    cuts = np.cumsum(np.concatenate([parameters[:1], np.exp(parameters[1:c])]))
    return cuts, parameters[c : c + m], parameters[c + m :]


def _spread(design: Design, sds: Float[np.ndarray, " F"]) -> Float[np.ndarray, "N G"]:
    """How far each intercept of variance 1 moves each rating."""
    columns = [sd * np.eye(size)[group] for sd, size, group in zip(sds, design.sizes, design.groups, strict=True)]
    return np.concatenate([np.zeros((len(design.levels), 0)), *columns], axis=1)


def _design(ratings: Sequence[Rating], names: Sequence[str]) -> tuple[Design, tuple[int, int]]:
    codes = [np.unique([name(r) for r in ratings], return_inverse=True)[1].reshape(-1) for name in (_item, _reader, _level)]
    fixed = np.array([[float(r.model == name) for name in names] for r in ratings])
    counts = int(codes[0].max()) + 1, int(codes[1].max()) + 1
    return Design(codes[2], fixed, tuple(codes[i] for i in _factors(counts))), counts


def _factors(counts: tuple[int, int]) -> list[int]:
    """Which of items and readers vary: one alone cannot."""
    return [i for i, count in enumerate(counts) if count > 1]


def _item(rating: Rating) -> str:
    return rating.item


def _reader(rating: Rating) -> str:
    return rating.reader


def _level(rating: Rating) -> int:
    return rating.level


def _effects(design: Design, best: Float[np.ndarray, " P"], names: Sequence[str]) -> tuple[Effect, ...]:
    from scipy.stats import norm

    errors = _standard_errors(design, best)
    found = []
    for k, name in enumerate(names, start=design.cuts):
        known = abs(best[k]) < _LARGEST - 1e-6 and errors[k] > 0
        value, error = (float(best[k]), float(errors[k])) if known else (NAN, NAN)
        half = float(norm.ppf(0.975) * error)
        found.append(Effect(name, value, value - half, value + half, float(2 * norm.sf(abs(value) / error))))
    return tuple(found)


def _standard_errors(design: Design, best: Float[np.ndarray, " P"]) -> Float[np.ndarray, " P"]:
    """From the second differences of the marginal likelihood; a parameter at a bound is held there."""
    sds = np.arange(len(best)) >= design.cuts + design.fixed.shape[1]
    free = np.flatnonzero((np.abs(best) < _LARGEST - 1e-6) & ~(sds & (best < 2 * _STEP)))
    steps = _STEP * np.eye(len(best))[free]

    def at(*moves: Float[np.ndarray, " P"]) -> float:
        return minus_log_likelihood(best + sum(moves), design)

    curvature = np.array([[at(a, b) - at(a, -b) - at(-a, b) + at(-a, -b) for b in steps] for a in steps]) / (4 * _STEP**2)
    errors = np.full(len(best), NAN)
    errors[free] = np.sqrt(np.clip(np.diag(np.linalg.pinv(curvature)), 0, None))
    return errors
