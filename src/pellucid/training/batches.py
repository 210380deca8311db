"""Which cases stand behind each step of an epoch."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int

_SPREAD = 0.1  # notes within about 10 % in length change places from epoch to epoch


def epoch_batches(lengths: Int[np.ndarray, " N"], size: int, seed: int, epoch: int) -> list[Int[np.ndarray, " B"]]:
    """Indices of the cases of each batch: every case exactly once, batches of like lengths, in random order.

    Cases are sorted by a length that is blurred anew in every epoch, so that little is padded and batch mates still vary.

    Args:
        lengths: tokens of each case, at least 1.
        size: cases in a batch; the batch of the longest cases has what is left.

    Returns:
        `ceil(N / size)` batches, the same for the same seed and epoch.
    """
    random = np.random.default_rng([seed, epoch])
    order = np.argsort(np.log(lengths) + random.normal(0.0, _SPREAD, len(lengths)), kind="stable")
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    return [batches[i] for i in random.permutation(len(batches))]
