"""From the dipole of the heart to the twelve leads.

The axes are those of Frank: x to the patient's left, y to the feet, z to the back.
"""

from __future__ import annotations

import math
from typing import cast

import numpy as np
from jaxtyping import Float

from pellucid.signals import STANDARD_LEADS

RECORDED = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
"""The leads that are measured; the others follow from I and II."""

FIELD: Float[np.ndarray, "8 3"] = np.array(
    [
        [0.632, -0.235, 0.059],
        [0.235, 1.066, -0.132],
        [-0.515, 0.157, -0.917],
        [0.044, 0.164, -1.387],
        [0.882, 0.098, -1.277],
        [1.213, 0.127, -0.601],
        [1.125, 0.127, -0.086],
        [0.831, 0.076, 0.230],
    ]
)
"""What each recorded lead sees of a dipole along x, y and z (Dower et al. 1980, Am Heart J 99:146)."""

_FROM_I_AND_II = np.array([[1, 0], [0, 1], [-1, 1], [-0.5, -0.5], [1, -0.5], [-0.5, 1]])
DERIVED: Float[np.ndarray, "12 8"] = np.zeros((12, 8))
DERIVED[:6, :2] = _FROM_I_AND_II
DERIVED[6:, 2:] = np.eye(6)
"""The twelve leads from the recorded ones: III = II - I (Einthoven), aVR = -(I + II) / 2, aVL = I - II / 2 and
aVF = II - I / 2 (Goldberger)."""


def seen(dipole: Float[np.ndarray, "T 3"]) -> Float[np.ndarray, "T 12"]:
    """What the twelve leads show of a dipole, in the order of :data:`pellucid.signals.STANDARD_LEADS`."""
    return standard(dipole @ FIELD.T)


def standard(recorded: Float[np.ndarray, "T 8"]) -> Float[np.ndarray, "T 12"]:
    """The twelve leads of eight recorded ones."""
    return cast(np.ndarray, recorded @ DERIVED.T)


def axis(dipole: Float[np.ndarray, "3"]) -> float:
    """The frontal axis in degrees: 0 points to lead I, 90 to aVF. aVF sees the same field by sqrt(3) / 2 weaker than I does."""
    leads = seen(dipole[None])[0]
    return math.degrees(math.atan2(leads[STANDARD_LEADS.index("aVF")] * 2 / math.sqrt(3), leads[STANDARD_LEADS.index("I")]))
