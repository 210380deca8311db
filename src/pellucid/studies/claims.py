"""Claims of a study: each is that a figure lies above 0, with p corrected over the claims of its family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pellucid.crossed import Estimate
from pellucid.files import finite
from pellucid.statistics import holm
from pellucid.studies.comparing import Verdict, shown_p, verdict
from pellucid.studies.shown import plain

HEAD = ("family", "claim", "figure", "p", "p, Holm", "may be said")
"""The columns of :attr:`Claim.line`."""


@dataclass(frozen=True)
class Claim:
    """One claim.

    A figure that is the same in every patient and run has a p, too: that of the sign test over patients
    (:mod:`pellucid.crossed`). One that is known by its influences alone, such as an AUROC of 1, has none and cannot be told.

    Attributes:
        family: p is corrected over all claims of one.
        text: what is claimed.
        found: a figure that is above 0 where the claim holds.
        adjusted: p after Holm's correction.
        refused: why the claim is not made, whatever its p; empty where it may be made.
    """

    family: str
    text: str
    found: Estimate
    adjusted: float = float("nan")
    refused: str = ""

    @property
    def verdict(self) -> Verdict:
        """What p and sign say."""
        return verdict(self.found.value, self.adjusted, True)

    @property
    def said(self) -> str:
        """What may be said of the claim."""
        return f"refused: {self.refused}" if self.refused else self.verdict

    @property
    def line(self) -> list[str]:
        """As a line of a table."""
        e = self.found
        figure = "–" if e.value != e.value else f"{e.value:+.3f} [{e.low:+.3f}, {e.high:+.3f}]"
        return [self.family, self.text, figure, shown_p(e.p), shown_p(self.adjusted), self.said]

    def to_json(self) -> dict[str, Any]:
        """As JSON values, but for what refuses it."""
        return {
            "family": self.family, "claim": self.text, "found": plain(self.found), "p_holm": finite(self.adjusted),
            "verdict": self.verdict,
        }  # fmt: skip


def corrected(family: Sequence[Claim]) -> list[Claim]:
    """The claims with their p corrected over all of them."""
    adjusted = holm([claim.found.p for claim in family])
    return [replace(claim, adjusted=float(p)) for claim, p in zip(family, adjusted, strict=True)]
