"""What explanations of texts, images, rows and signals have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from pellucid.attribution import Attribution


@dataclass(frozen=True, eq=False)
class Explained:
    """Why a model gave a case its labels.

    Attributes:
        attribution: the scores, with units, method, settings and fingerprint.
        probabilities: of the explained labels, most probable first.
    """

    attribution: Attribution
    probabilities: Mapping[str, float]

    @property
    def labels(self) -> tuple[str, ...]:
        """The explained labels, most probable first."""
        return tuple(self.probabilities)

    @property
    def method(self) -> str:
        """Registered name of the method of explanation."""
        return self.attribution.method

    def scores(self, label: str) -> Float[np.ndarray, " U"]:
        """One score a unit, as the method gave them.

        Raises:
            DataError: the label was not explained.
        """
        return self.attribution.row(label)

    def _in_short(self, what: str) -> str:
        """What it is, and which labels it explains, in one line."""
        found = ", ".join(f"{label} {probability:.2f}" for label, probability in self.probabilities.items())
        return f"<{what}: {found}>"
