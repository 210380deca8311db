"""How well a map that is cut into shown and hidden pixels covers the evidence: intersection over union, and Dice.

What is shown is decided by the threshold tuned on validation cases, as everywhere in this room, or by Otsu's for each map.
A map that shows nothing gets 0: it is punished, not left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Bool, Float

from pellucid.metrics.base import GRIDS, Modalities, Need, Reading, shares
from pellucid.metrics.checked import evidence_of, scores_of
from pellucid.metrics.facts import Facts
from pellucid.metrics.threshold import shown
from pellucid.metrics.tokens import compared
from pellucid.registry import metrics


@metrics.register("dice_otsu", of="dice", cut="otsu")
@metrics.register("iou_otsu", of="iou", cut="otsu")
@metrics.register("dice", of="dice", cut="tuned")
@metrics.register("iou", of="iou", cut="tuned")
@dataclass(frozen=True)
class Overlap(Facts):
    """Agreement of shown and marked pixels: TP / (TP + FP + FN) for "iou", 2 TP / (2 TP + FP + FN) for "dice".

    Args:
        of: which of the two.
        cut: shown is what exceeds the "tuned" threshold, or Otsu's of this map ("otsu", see :func:`otsu`).

    Raises:
        Undefined: no evidence; no units; a score is not finite; no threshold was tuned ("tuned").
    """

    of: Literal["iou", "dice"] = "iou"
    cut: Literal["tuned", "otsu"] = "tuned"
    modalities: ClassVar[Modalities] = GRIDS
    cites = "Saporta et al. 2022, Benchmarking saliency methods for chest X-ray interpretation; empty maps count as 0"

    @property
    def name(self) -> str:
        return self.of if self.cut == "tuned" else f"{self.of}_otsu"

    @property
    def needs(self) -> tuple[Need, ...]:  # type: ignore[override]  # what is needed depends on the cut
        return ("evidence", "threshold") if self.cut == "tuned" else ("evidence",)

    def __call__(self, reading: Reading) -> float:
        truth = evidence_of(reading)
        visible = shown(reading) if self.cut == "tuned" else otsu(shares(scores_of(reading)))
        found, wrong, missed = compared(visible, truth)
        twice = 2 if self.of == "dice" else 1
        return twice * found / (twice * found + wrong + missed)


def otsu(values: Float[np.ndarray, " U"]) -> Bool[np.ndarray, " U"]:
    """The upper of the two classes into which Otsu's threshold cuts values that are not negative; nothing where all are 0.

    Every cut between two distinct values is tried, without bins, and the one with the greatest variance between classes taken
    (of equally good ones that which shows fewest). Where all values are the same positive number, all are shown.

    Otsu 1979, A threshold selection method from gray-level histograms.
    """
    ascending = np.sort(np.asarray(values, dtype=np.float64))
    count, total = np.arange(1, len(ascending)), ascending.sum()
    cut = ascending[1:] > ascending[:-1]
    if not cut.any():
        return np.asarray(values > 0.0)
    low = np.cumsum(ascending)[:-1]
    gap = (total - low) / (len(ascending) - count) - low / count
    between = np.where(cut, count * (len(ascending) - count) * gap**2, -1.0)
    best = int(np.flatnonzero(between >= between.max() * (1.0 - 1e-9))[-1])  # rounding does not decide between equals
    return np.asarray(values >= ascending[best + 1])
