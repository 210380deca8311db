"""The metrics of gaze as people publish and use them: one image after the other in numpy, each metric by itself.

The forms of the MIT saliency benchmark (Bylinskii et al. 2019) and of its ports to Python: every metric copies and normalises
the map for itself, an area under the ROC curve takes one pass over the map for each threshold, and the shuffled one averages
100 draws of fixations elsewhere over thresholds in steps of 0.1. Dwell weighs, and epsilon and mixing are this library's, so
that values are the same; only the drawn and stepped one is another figure. The random jitter against ties is left out.
"""

from __future__ import annotations

import numpy as np


def stretched(scores: np.ndarray) -> np.ndarray:
    values = np.array(scores, dtype=np.float64)
    return (values - values.min()) / (values.max() - values.min())


def density(scores: np.ndarray) -> np.ndarray:
    positive = np.maximum(np.array(scores, dtype=np.float64), 0)
    return positive / np.sum(positive)


def standard(scores: np.ndarray) -> np.ndarray:
    values = np.array(scores, dtype=np.float64)
    return (values - np.mean(values)) / np.std(values)


def kld(scores, gaze, epsilon=1e-7, mix=0.01):
    p, q = (1 - mix) * density(scores) + mix / scores.size, density(gaze)
    return np.sum(q * np.log(epsilon + q / (p + epsilon)))


def sim(scores, gaze):
    return np.sum(np.minimum(density(scores), density(gaze)))


def cc(scores, gaze):
    return np.corrcoef(standard(scores), standard(gaze))[0, 1]


def shuffled_cc(scores, gaze, prior):
    return cc(scores, gaze) - cc(scores, prior)


def nss(scores, places, seconds):
    return np.average(standard(scores)[places], weights=seconds)


def shuffled_nss(scores, places, seconds, other_places, other_seconds):
    return nss(scores, places, seconds) - nss(scores, other_places, other_seconds)


def information_gain(scores, places, seconds, prior, epsilon=2.2204e-16, mix=0.01):
    p, a = ((1 - mix) * density(values) + mix / values.size for values in (scores, prior))
    return np.average(np.log2(epsilon + p[places]) - np.log2(epsilon + a[places]), weights=seconds)


def auc(scores, places, seconds):
    """A threshold at every fixation: the share of pixels without one that score less, and half of those that score the same."""
    values, fixated = stretched(scores), np.zeros(scores.size, dtype=bool)
    fixated[places] = True
    others = values[~fixated]
    shares = [(np.sum(others < value) + np.sum(others == value) / 2) / len(others) for value in values[places]]
    return np.average(shares, weights=seconds)


def auc_judd(scores, places):
    values, fixated = stretched(scores), np.zeros(scores.size, dtype=bool)
    fixated[places] = True
    thresholds = sorted(values[fixated], reverse=True)
    count = len(thresholds)
    hits, false = np.zeros(count + 2), np.zeros(count + 2)
    hits[-1] = false[-1] = 1
    for k, threshold in enumerate(thresholds, start=1):
        hits[k], false[k] = k / count, (np.sum(values >= threshold) - k) / (len(values) - count)
    return np.trapezoid(hits, false)


def sauc(scores, places, seconds, other_places, other_seconds, draws=100, step=0.1, seed=0):
    """As published: no dwell, each fixated pixel once, as many drawn from those fixated elsewhere, thresholds in steps."""
    random, values = np.random.default_rng(seed), stretched(scores)
    here, there = values[np.unique(places)], values[np.unique(other_places)]
    areas = np.zeros(draws)
    for draw in range(draws):
        drawn = there[random.permutation(len(there))[: len(here)]]
        thresholds = np.arange(0, max(here.max(), drawn.max()), step)[::-1]
        hits, false = np.zeros(len(thresholds) + 2), np.zeros(len(thresholds) + 2)
        hits[-1] = false[-1] = 1
        for k, threshold in enumerate(thresholds, start=1):
            hits[k], false[k] = np.sum(here >= threshold) / len(here), np.sum(drawn >= threshold) / len(drawn)
        areas[draw] = np.trapezoid(hits, false)
    return np.mean(areas)
