"""A note as pieces that a page can colour: what an explanation shows, beside what people marked."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

_EMPTY_LINES = re.compile(r"\n\s*\n")
LEVELS = 6
FAINT = 0.04
"""Scores below this share of the strongest one are not coloured."""
AROUND = 9
"""Units of context on each side of what an excerpt shows."""
TOP = 8
"""Strongest units that an excerpt must show."""
WHOLE_UP_TO = 140
"""A note of at most so many units is shown whole."""


@dataclass(frozen=True)
class Piece:
    """A stretch of text of one look.

    Attributes:
        level: 0 for no colour, else 1 (faint) to 6 (strong); negative where the score speaks against the target.
        marked: people marked it.
        cause: it generated the label.
        hint: what hovering says; empty if nothing.
        skipped: number of units left out here, for which `text` is empty; 0 for text.
    """

    text: str
    level: int = 0
    marked: bool = False
    cause: bool = False
    hint: str = ""
    skipped: int = 0

    @property
    def look(self) -> str:
        """Names of its CSS classes."""
        colour = f"p{self.level}" if self.level > 0 else f"n{-self.level}" if self.level < 0 else ""
        return " ".join(filter(None, [colour, "ev" if self.marked else "", "ca" if self.cause else ""]))


def levels(scores: Float[np.ndarray, " U"]) -> Int[np.ndarray, " U"]:
    """How strongly each unit is coloured, in proportion to the strongest score of either sign."""
    scores = np.asarray(scores, dtype=np.float64)
    largest = np.abs(scores).max(initial=0.0)
    if largest == 0.0:
        return np.zeros(len(scores), dtype=np.int64)
    part = np.round(scores / largest, 12)  # else rounding would colour what lies on a border now so and now otherwise
    steps = np.where(np.abs(part) < FAINT, 0.0, np.ceil(np.abs(part) * LEVELS))
    return np.asarray(np.sign(part) * steps, dtype=np.int64)


def excerpt(important: Bool[np.ndarray, " U"]) -> Bool[np.ndarray, " U"]:
    """The units that a long note is cut down to: the important ones and their neighbours."""
    if len(important) <= WHOLE_UP_TO:
        return np.ones(len(important), dtype=bool)
    shown = np.zeros(len(important), dtype=bool)
    for i in np.flatnonzero(important):
        shown[max(0, i - AROUND) : i + AROUND + 1] = True
    gaps = np.flatnonzero(~shown)
    for run in np.split(gaps, np.flatnonzero(np.diff(gaps) > 1) + 1):
        if 0 < len(run) <= 3:  # a mark for the gap would be as long as the gap
            shown[run] = True
    return shown


def important(scores: Float[np.ndarray, " U"], marks: Bool[np.ndarray, " U"], most: int = TOP) -> Bool[np.ndarray, " U"]:
    """Marked units, and those with the strongest scores of either sign."""
    strongest = np.argsort(-np.abs(scores), kind="stable")[:most]
    chosen = np.asarray(marks, dtype=bool).copy()
    chosen[strongest[levels(scores)[strongest] != 0]] = True
    return chosen


def pieces(
    text: str,
    offsets: Int[np.ndarray, "U 2"],
    scores: Float[np.ndarray, " U"],
    marks: Bool[np.ndarray, " U"],
    causes: Bool[np.ndarray, " U"],
) -> list[Piece]:
    """The note, or an excerpt of a long one, in reading order.

    White space between two units belongs to a mark if both do. Empty lines are left out.
    """
    level, positive = levels(scores), np.maximum(scores, 0).sum()
    shown = excerpt(important(scores, marks | causes))
    result: list[Piece] = []
    skipped, end = 0, 0
    for i, (a, b) in enumerate(offsets.tolist()):
        if not shown[i]:
            skipped, end = skipped + 1, b
            continue
        if skipped:
            result.append(Piece("", skipped=skipped))
        else:
            inside = i > 0 and shown[i - 1]
            both = (inside and marks[i] and marks[i - 1], inside and causes[i] and causes[i - 1])
            result.append(Piece(_EMPTY_LINES.sub("\n", text[end:a]), marked=bool(both[0]), cause=bool(both[1])))
        hint = _hint(float(scores[i]), float(positive)) if level[i] else ""
        result.append(Piece(text[a:b], int(level[i]), bool(marks[i]), bool(causes[i]), hint))
        skipped, end = 0, b
    if skipped:
        result.append(Piece("", skipped=skipped))
    return [p for p in result if p.text or p.skipped]


def phrases(
    text: str, offsets: Int[np.ndarray, "U 2"], chosen: Bool[np.ndarray, " U"], weights: Float[np.ndarray, " U"]
) -> list[tuple[str, float]]:
    """Neighbouring chosen units joined into phrases, each with the sum of its weights, the heaviest first."""
    index = np.flatnonzero(chosen)
    if not len(index):
        return []
    runs = np.split(index, np.flatnonzero(np.diff(index) > 1) + 1)
    found = [(" ".join(text[offsets[r[0], 0] : offsets[r[-1], 1]].split()), float(weights[r].sum())) for r in runs]
    return sorted(found, key=lambda item: -item[1])


def _hint(score: float, positive: float) -> str:
    if score < 0:
        return "speaks against"
    return f"{100 * score / positive:.0f} % of the explanation"
