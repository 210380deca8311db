"""Words hidden behind the mask token of the encoder.

Words that carry no finding and no place may go: the map should stay (`word_masking`). Clinical words are what the map is about:
without half of them it should lose its place (`clinical_masking`). Words that negate are never hidden, for that
would say the opposite.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from pellucid.case import Phrase
from pellucid.errors import PellucidError
from pellucid.rewording.base import REWORDINGS, Change, Context, Expected, Reworded, Rule, reworded
from pellucid.rewording.entities import entities, spoken
from pellucid.rewording.lexicon import negations

Ranges = Sequence[tuple[int, int]]


def masked(text: str, candidates: Ranges, share: float, token: str, generator: np.random.Generator) -> tuple[Change, ...]:
    """Put the token in the place of some words: max(1, floor(share · n)) of the n candidates, and at most n - 1.

    Args:
        candidates: half-open character ranges of the words that may go.
        share: of the candidates, in (0, 1].

    Returns:
        The changes, in reading order; none where there are fewer than two candidates.

    Raises:
        PellucidError: the share is not in (0, 1].
    """
    if not 0 < share <= 1:
        raise PellucidError(f"A share of words to mask lies above 0 and up to 1, and {share:g} does not; give another share.")
    count = min(max(1, math.floor(share * len(candidates))), len(candidates) - 1)
    drawn = generator.permutation(len(candidates))[: max(count, 0)]
    chosen = sorted(candidates[int(i)] for i in drawn)
    return tuple(Change(start, stop, text[start:stop], token) for start, stop in chosen)


def word_masking(share: float = 0.3) -> Rule:
    """Masks words that are not clinical; the rewording "word_masking" has the share of 0.3.

    Raises:
        PellucidError: when used, if the share is not in (0, 1].
    """
    return _masking("word_masking", "invariance", "some words that are not clinical", share)


def clinical_masking(share: float = 0.5) -> Rule:
    """Masks clinical words; the rewording "clinical_masking" has the share of 0.5.

    Raises:
        PellucidError: when used, if the share is not in (0, 1].
    """
    return _masking("clinical_masking", "decrease", "some clinical words", share)


def _masking(name: str, expected: Expected, what: str, share: float) -> Rule:
    def apply(phrase: Phrase, context: Context) -> Reworded | None:
        clinical = entities(phrase.text)
        candidates = _open(phrase.text, clinical if name == "clinical_masking" else _plain(phrase.text, clinical))
        return reworded(phrase.text, masked(phrase.text, candidates, share, context.mask_token, context.draws(name)))

    return Rule(name, expected, f"{what} ({share:.0%}) behind the mask token", apply)


def _plain(text: str, clinical: Ranges) -> list[tuple[int, int]]:
    words = [(int(start), int(stop)) for start, stop in spoken(text).offsets]
    return [word for word in words if word not in clinical]


def _open(text: str, words: Ranges) -> list[tuple[int, int]]:
    """Those that negate nothing; of "free of" that is neither word."""
    closed = negations(text)
    return [(start, stop) for start, stop in words if not any(a <= start < b for a, b in closed)]


REWORDINGS["word_masking"] = word_masking()
REWORDINGS["clinical_masking"] = clinical_masking()
