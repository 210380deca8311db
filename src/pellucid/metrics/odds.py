"""Outputs of models whose labels exclude each other, brought to the scale of models that decide about each label alone."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.special import logsumexp

from pellucid.target import Resolved


def softmax_odds(logits: Float[np.ndarray, "P C"], targets: Resolved) -> Float[np.ndarray, "P K"]:
    """Log-odds of labels under a softmax; contrasts stay differences of logits.

    The logit of a label says nothing by itself where a softmax follows: only its distance from all other labels does. That
    distance is log(p / (1 - p)), so its sigmoid is the probability that the model gives.

    Args:
        logits: of all labels, in the order of the model; at least two.
        targets: what is asked for.
    """
    values = np.asarray(logits, dtype=np.float64)[:, list(targets.outputs)]
    result = values @ targets.weights.numpy().astype(np.float64).T
    for k, weights in enumerate(targets.weights.tolist()):
        terms = [(label, weight) for label, weight in zip(targets.outputs, weights, strict=True) if weight]
        if len(terms) == 1 and terms[0][1] == 1.0:
            rivals = np.delete(np.asarray(logits, dtype=np.float64), terms[0][0], axis=1)
            result[:, k] -= logsumexp(rivals, axis=1)
    return result
