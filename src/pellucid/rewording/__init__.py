"""Rewording: what changes a sentence of a report, and what its map should do then.

Pure text. `base` is the contract and :data:`REWORDINGS` all rewordings by name; `sides`, `levels`, `places`, `lexicon` and
`vocabulary` are what they know of chest radiographs.
"""

from __future__ import annotations

from pellucid.rewording.base import (
    REWORDINGS,
    Change,
    Context,
    Expected,
    Reworded,
    Rewording,
    Rule,
    applied,
    rewording,
)
from pellucid.rewording.derangement import derangement
from pellucid.rewording.entities import entities
from pellucid.rewording.finding_swap import finding_swap
from pellucid.rewording.level_swap import level_swap
from pellucid.rewording.location_swap import location_swap
from pellucid.rewording.masking import clinical_masking, masked, word_masking
from pellucid.rewording.negation import negation
from pellucid.rewording.paraphrase import paraphrase
from pellucid.rewording.places import apart
from pellucid.rewording.random_sentence import random_sentence
from pellucid.rewording.reports import Split, cleaned, sentences_of
from pellucid.rewording.severity import severity
from pellucid.rewording.side_swap import side_swap
from pellucid.rewording.sides import named_side, side_of_regions, sides, swapped, swapped_regions
from pellucid.rewording.synthetic import plain_sentence, synthetic
from pellucid.rewording.synthetic_swapped import synthetic_swapped

__all__ = [
    "REWORDINGS",
    "Change",
    "Context",
    "Expected",
    "Reworded",
    "Rewording",
    "Rule",
    "Split",
    "apart",
    "applied",
    "cleaned",
    "clinical_masking",
    "derangement",
    "entities",
    "finding_swap",
    "level_swap",
    "location_swap",
    "masked",
    "named_side",
    "negation",
    "paraphrase",
    "plain_sentence",
    "random_sentence",
    "rewording",
    "sentences_of",
    "severity",
    "side_of_regions",
    "side_swap",
    "sides",
    "swapped",
    "swapped_regions",
    "synthetic",
    "synthetic_swapped",
    "word_masking",
]
