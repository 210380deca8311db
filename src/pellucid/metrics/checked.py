"""What a metric takes out of a reading, or the reason why it cannot."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from pellucid.metrics.base import Reading, Undefined
from pellucid.units import PixelUnits, TextUnits


def scores_of(reading: Reading) -> Float[np.ndarray, " U"]:
    """The scores in float64.

    Raises:
        Undefined: there is no unit, or a score is not a finite number.
    """
    scores = np.asarray(reading.scores, dtype=np.float64)
    if not len(scores):
        raise Undefined("the case has no units")
    if not np.isfinite(scores).all():
        raise Undefined("a score is not finite")
    return scores


def evidence_of(reading: Reading) -> Bool[np.ndarray, " U"]:
    """The units that people marked; at least one.

    Raises:
        Undefined: the target has no evidence, or the evidence covers no unit (it lies beyond the part that the model read).
    """
    if reading.truth is None:
        raise Undefined("the target has no evidence")
    truth = np.asarray(reading.truth, dtype=bool)
    if not truth.any():
        raise Undefined("the evidence covers no unit")
    return truth


def magnitudes_of(reading: Reading) -> Float[np.ndarray, " U"]:
    """Sizes of the scores as shares of their sum, so that no result depends on the scale of a method.

    Raises:
        Undefined: as :func:`scores_of`; or all scores are zero.
    """
    sizes = np.abs(scores_of(reading))
    largest = sizes.max()
    if largest == 0.0:
        raise Undefined("all scores are zero")
    sizes = sizes / largest  # first to a scale where the sum neither underflows nor overflows
    return np.asarray(sizes / sizes.sum())


def text_of(reading: Reading) -> TextUnits:
    """The units of a text.

    Raises:
        Undefined: the units are none of a text.
    """
    if not isinstance(reading.units, TextUnits):
        raise Undefined("the units are not those of a text")
    return reading.units


def pixels_of(reading: Reading) -> PixelUnits:
    """The pixels of an image.

    Raises:
        Undefined: the units are no pixels.
    """
    if not isinstance(reading.units, PixelUnits):
        raise Undefined("the units are no pixels")
    return reading.units
