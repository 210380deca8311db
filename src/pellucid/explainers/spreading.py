"""Scores of words, sentences or sections, as scores of the tokens inside them; a measurement of a row stands for itself."""

from __future__ import annotations

from typing import Literal, cast

import numpy as np
from jaxtyping import Float, Int

from pellucid.units import FeatureUnits, TextKind, TextUnits, sections, sentences, words

Kind = TextKind | Literal["feature"]
"""What is taken away whole: a unit of text, or a measurement of a row."""


def cut(units: TextUnits, kind: TextKind) -> TextUnits:
    """The text of `units` cut into units of another kind (or the units themselves)."""
    return {"token": lambda _: units, "word": words, "sentence": sentences, "section": sections}[kind](units.text)


def members(units: TextUnits | FeatureUnits, kind: Kind) -> Int[np.ndarray, " U"]:
    """For each of `units` the unit of the coarser kind that holds it, or -1 for white space; itself for its own kind."""
    return np.arange(len(units)) if kind == units.kind else _inside(cast(TextUnits, units), cast(TextKind, kind))


def _inside(units: TextUnits, kind: TextKind) -> Int[np.ndarray, " U"]:
    return units.group(cut(units, kind))


def spread(scores: Float[np.ndarray, "K V"], group: Int[np.ndarray, " U"]) -> Float[np.ndarray, "K U"]:
    """Share each coarse unit's score evenly among its finer units, so that summing them up gives it back.

    Args:
        group: for each finer unit the coarse unit that holds it, or -1 (which gets nothing).
    """
    size = np.bincount(group[group >= 0], minlength=scores.shape[1])
    share = scores / np.maximum(size, 1)
    return np.where(group >= 0, share[:, np.maximum(group, 0)], 0.0) if scores.shape[1] else np.zeros((len(scores), len(group)))
