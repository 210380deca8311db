"""Perturbations of sentences that do not do what they are called."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Sequence
from itertools import product

import numpy as np

from pellucid.alignment.checks.base import Tally, check
from pellucid.case import Boxes, Phrase

Swap = Callable[[str], str | None]
Shuffle = Callable[[Sequence[Hashable], int], Sequence[Hashable] | None]
Draw = Callable[[Phrase, Sequence[Phrase], int], str | None]

_WITHOUT_SIDE = (
    "The patient stands upright.",
    "Bright opacity.",
    "A cleft is seen.",
    "Copyright notice.",
    "The rest is all right.",
    "Leftover contrast in the stomach.",
    "Heart size is normal.",
)
_SIDED = {
    "Left effusion.": "right effusion.",
    "There is a right lower lobe opacity.": "there is a left lower lobe opacity.",
    "Small left-sided pneumothorax.": "small right-sided pneumothorax.",
    "Bright opacity in the right lung of an upright patient.": "bright opacity in the left lung of an upright patient.",
}
_PLACES = ("left lung", "right lung", "right clavicle", "abdomen")


@check("substring_swap", "left and right are exchanged as words, and twice is as before")
def substring_swap(swap: Swap) -> Tally:
    """Whether the exchange of left and right touches words that contain them, such as "bright" and "upright".

    "Leftward" may stay or become "rightward". Capitals may be lost.

    Args:
        swap: a sentence with its side exchanged; None where it names none.
    """
    tally = Tally()
    for text in _WITHOUT_SIDE:
        untouched = (swap(text) or text).casefold() == text.casefold()
        tally.expect(untouched, 'words that only contain left or right are changed ("bright" to "bleft"); match whole words')
    for text, wanted in _SIDED.items():
        once = swap(text)
        tally.expect(once is not None and once.casefold() == wanted, "a side is not exchanged, or more than the side is")
        tally.expect(once is None or (swap(once) or once).casefold() == text.casefold(), "swapping twice is not as before")
    ward = (swap("The trachea is shifted leftward.") or "leftward").casefold()
    tally.expect(re.search(r"\b(left|right)ward\b", ward), '"leftward" becomes no word; match whole words')
    return tally


@check("idle_shuffle", "a shuffle moves every sentence, and the same seed moves it alike")
def idle_shuffle(shuffle: Shuffle, most: int = 8, seeds: Sequence[int] = range(10)) -> Tally:
    """Whether a shuffle may leave a sentence where it is, loses one, or has no seed of its own.

    Args:
        shuffle: different items and a seed; the items in another order, none in its place. None, or nothing, where that
            cannot be.
        most: longest report that is tried, from 1 sentence on.
    """
    tally = Tally()
    for count, seed in product(range(1, most + 1), seeds):
        items = [f"sentence {i}" for i in range(count)]
        first, again = (list(shuffle(list(items), seed) or ()) for _ in range(2))
        tally.expect(first == again, "the same seed shuffles differently; draw from a generator made of the seed")
        if count == 1:
            tally.expect(not first, "a report of one sentence is shuffled into itself; leave it out")
            continue
        tally.expect(sorted(map(str, first)) == items, "sentences are lost or repeated; exchange them one for one")
        moved = all(one != other for one, other in zip(first, items, strict=False))
        tally.expect(moved, "a sentence keeps its place; draw a derangement")
    return tally


@check("related_random_sentence", "a random sentence speaks of another place, and the same seed draws the same one")
def related_random_sentence(draw: Draw, seeds: Sequence[int] = range(10)) -> Tally:
    """Whether a random sentence may speak of the region of the one that it replaces, or has no seed.

    Args:
        draw: a sentence, those to draw from and a seed; the text drawn, or None where none fits.
    """
    tally = Tally()
    for place, seed in product(_PLACES, seeds):
        own, others = _about(place, "own"), [_about(name, str(i)) for i, name in enumerate(_PLACES)]
        first, again = (draw(own, others, seed) for _ in range(2))
        tally.expect(first == again, "the same seed draws differently; draw from a generator made of the seed")
        fitting = [other.text for other in others if place not in other.regions]
        tally.expect(
            first in fitting, "a random sentence speaks of the same region, or none is drawn; draw among other regions"
        )
        alone = draw(own, [_about(place, "other")], seed)
        tally.expect(alone is None, "a sentence about the same region is drawn where there is no other; draw none")
    return tally


def _about(place: str, patient: str) -> Phrase:
    """A sentence about one region, unlike those of other patients."""
    text = f"There is change number {sum(map(ord, patient))} in the {place}."
    return Phrase(text, Boxes(np.zeros((0, 4))), regions=(place,), conditions=(("change", True),))
