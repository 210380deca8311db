"""Which words to show: the fewest that hold a given share of an explanation, neighbours joined."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from pellucid.errors import PellucidError
from pellucid.metrics.base import shares
from pellucid.units import TextUnits


@dataclass(frozen=True)
class Highlight:
    """A stretch of the text that an explanation points at.

    Attributes:
        start, end: half-open character offsets; `text == note[start:end]`.
        text: the words themselves.
        score: share of the label's whole positive score that lies in this stretch, in (0, 1].
    """

    start: int
    end: int
    text: str
    score: float


def fewest(weights: Float[np.ndarray, " U"], mass: float) -> Bool[np.ndarray, " U"]:
    """The smallest set of units whose shares sum to at least `mass`; of equal ones the first in the text.

    Units without a share are never chosen, so nothing is chosen where no score is positive.

    Raises:
        PellucidError: `mass` is not in (0, 1].
    """
    if not 0 < mass <= 1:
        raise PellucidError(f"The mass {mass} is not a share; give a number above 0 and at most 1, such as 0.5.")
    order = np.argsort(-weights, kind="stable")
    held = np.cumsum(weights[order])
    # Rounding must not ask for one unit more than the exact sum would.
    needed = int(np.searchsorted(held, mass * (1 - 1e-12))) + 1
    chosen = np.zeros(len(weights), dtype=bool)
    chosen[order[:needed]] = True
    return chosen & (weights > 0)


def highlights(units: TextUnits, scores: Float[np.ndarray, " U"], mass: float) -> list[Highlight]:
    """The fewest units that hold `mass` of the positive score, neighbouring ones joined, the most telling first."""
    weights = shares(scores)
    chosen = np.flatnonzero(fewest(weights, mass))
    runs = np.split(chosen, np.flatnonzero(np.diff(chosen) > 1) + 1) if len(chosen) else []
    found = [_joined(units, run, float(weights[run].sum())) for run in runs]
    return sorted(found, key=lambda h: (-h.score, h.start))


def _joined(units: TextUnits, run: np.ndarray, score: float) -> Highlight:
    start, end = int(units.anchors[run].min()), int(units.offsets[run, 1].max())
    text = units.text[start:end].rstrip()  # a token may carry white space at its edges
    return Highlight(start, start + len(text), text, min(score, 1.0))


LEVELS = (0.5, 0.8, 0.95)
"""How much of the score the darkest, the middle and the palest shade reach; the same for every method and text."""


@dataclass(frozen=True)
class Stretch:
    """A piece of the text that is shown in one shade.

    Attributes:
        start, end: half-open character offsets.
        level: 0 for no shade, 3 for the darkest; negative where the scores speak against the label.
        share: share of the positive (or of the negative) score that lies in it.
    """

    start: int
    end: int
    level: int
    share: float


def stretches(units: TextUnits, scores: Float[np.ndarray, " U"], signed: bool) -> list[Stretch]:
    """The whole text in pieces of one shade each, in reading order."""
    levels = _levels(scores)
    weights = shares(scores)
    if signed:
        levels, weights = levels - _levels(-scores), weights + shares(-scores)
    visible = np.flatnonzero((levels != 0) & (units.offsets[:, 1] > units.offsets[:, 0]))
    breaks = np.flatnonzero((np.diff(visible) > 1) | (np.diff(levels[visible]) != 0)) + 1
    found, end = [], 0
    for run in np.split(visible, breaks) if len(visible) else []:
        piece = _joined(units, run, float(weights[run].sum()))
        found.append(Stretch(end, piece.start, 0, 0.0))
        found.append(Stretch(piece.start, piece.end, int(levels[run[0]]), piece.score))
        end = piece.end
    return [s for s in (*found, Stretch(end, len(units.text), 0, 0.0)) if s.end > s.start]


def _levels(scores: Float[np.ndarray, " U"]) -> np.ndarray:
    weights = shares(scores)
    return np.asarray(sum(fewest(weights, mass).astype(int) for mass in LEVELS))
