"""Boxes that are not what was drawn: copied edges, another image's frame, one box in the place of another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from pellucid.alignment.checks.base import Tally, check

Size = tuple[int, int]
Box = Float[np.ndarray, "4"]
_RARE = 1e-6
_EDGES = {"the bottom edge repeats the right one": (3, 2), "the top edge repeats the left one": (1, 0)}


@dataclass(frozen=True, eq=False)
class Placed:
    """The boxes of one sentence of one image.

    Attributes:
        image, sentence: ids.
        boxes: rows of (x0, y0, x1, y1), half-open.
    """

    image: str
    sentence: str
    boxes: Float[np.ndarray, "N 4"]


@check("copied_edges", "no edge of a box is filled from another, and all boxes are possible")
def copied_edges(boxes: Float[np.ndarray, "N 4"], sizes: Float[np.ndarray, "N 2"] | None = None, most: float = 0.05) -> Tally:
    """Whether y1 was filled from x1 (or y0 from x0), as in released silver boxes; and whether boxes are possible.

    An edge counts as copied where it is equal in more than the share `most` of distinct boxes, and in more than chance
    explains: chance pairs the x of one box with the y of another. Whole-image boxes of a square image are equal rightly; with
    `sizes` they are told apart.

    Args:
        boxes: rows of (x0, y0, x1, y1).
        sizes: (height, width) of the image of each row, in the same pixels; None where unknown.
    """
    rows = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    frames = np.full((len(rows), 2), np.inf) if sizes is None else np.asarray(sizes, dtype=np.float64).reshape(-1, 2)
    tally = Tally({"boxes": len(rows)})
    _possible(tally, rows, frames)
    if len(rows):
        distinct = np.unique(np.concatenate([rows, frames], axis=1), axis=0)
        for problem, (copy, source) in _EDGES.items():
            _copied(tally, distinct, copy, source, most, problem)
    return tally


@check("foreign_frame", "a box keeps its place when it is carried to an image of another size")
def foreign_frame(borrow: Callable[[Box, Size, Size], Box], tolerance: float = 1.0) -> Tally:
    """Whether a box of another image is kept in the pixels of that image.

    Args:
        borrow: a box, the (height, width) of its own image, and those of the image that it is carried to; gives the new box.
        tolerance: pixels by which an edge may be off.
    """
    tally, share = Tally(), np.array([0.25, 0.1, 0.75, 0.5])
    for own, other in (((100, 200), (100, 200)), ((100, 200), (50, 80)), ((64, 64), (256, 320)), ((300, 150), (150, 300))):
        box, wanted = (share * _frame(size) for size in (own, other))
        found = np.asarray(borrow(box, own, other), dtype=np.float64)
        there = found.shape == (4,) and np.abs(found - wanted).max() <= tolerance
        tally.expect(there, "a box of another image keeps the pixels of that image; scale it to the image that it is put on")
    return tally


@check("overwritten_boxes", "each sentence of each image has the boxes that were stored for it")
def overwritten_boxes(given: Iterable[Placed], kept: Callable[[str, str], Float[np.ndarray, "N 4"]]) -> Tally:
    """Whether boxes of one sentence take the place of those of another, as where they are stored by the name of a region.

    Args:
        given: what was stored, in order; one entry a sentence.
        kept: gives back what is stored for an image and a sentence.
    """
    tally, rows = Tally(), list(given)
    keys = Counter((row.image, row.sentence) for row in rows)
    for row in rows:
        tally.expect(keys[row.image, row.sentence] == 1, "a sentence of an image is there more than once; give each an id")
        found = np.asarray(kept(row.image, row.sentence), dtype=np.float64).reshape(-1, 4)
        same = np.array_equal(found, np.asarray(row.boxes, dtype=np.float64).reshape(-1, 4))
        tally.expect(same, "a sentence came back with other boxes; store boxes by image and sentence")
    return tally


def _frame(size: Size) -> Float[np.ndarray, "4"]:
    return np.array([size[1], size[0], size[1], size[0]], dtype=np.float64)


def _possible(tally: Tally, rows: Float[np.ndarray, "N 4"], frames: Float[np.ndarray, "N 2"]) -> None:
    finite = np.isfinite(rows).all(axis=1)
    empty = finite & ((rows[:, 2] <= rows[:, 0]) | (rows[:, 3] <= rows[:, 1]))
    outside = finite & ((rows[:, :2] < 0).any(axis=1) | (rows[:, 2] > frames[:, 1]) | (rows[:, 3] > frames[:, 0]))
    for name, found in (("not finite", ~finite), ("empty or upside down", empty), ("beyond the image", outside)):
        tally.count(name, int(found.sum()))
        if found.any():
            tally.problems[f"{found.sum()} of {len(rows)} boxes are {name}; look at how their edges are read"] = int(
                found.sum()
            )


def _copied(tally: Tally, rows: Float[np.ndarray, "N 6"], copy: int, source: int, most: float, problem: str) -> None:
    from scipy.stats import binom

    frames = np.stack([rows[:, 5], rows[:, 4]], axis=1)  # width, height: where an edge meets the border
    border = (0.0, 0.0) if copy == 1 else (frames[:, 1], frames[:, 0])
    inner = ~((rows[:, copy] == border[0]) & (rows[:, source] == border[1]))
    copies, sources = rows[inner, copy], rows[inner, source]
    same = int((copies == sources).sum())
    tally.count(problem, same)
    by_chance = _chance(copies, sources) if len(copies) else 1.0
    if same > most * len(copies) and binom.sf(same - 1, len(copies), by_chance) < _RARE:
        tally.problems[f"{problem} in {same} of {len(copies)} boxes; fill each edge from its own column"] = same


def _chance(a: Float[np.ndarray, " N"], b: Float[np.ndarray, " N"]) -> float:
    """Probability that a number of one column equals one of the other, both drawn at random."""
    _, code = np.unique(np.concatenate([a, b]), return_inverse=True)
    often = [np.bincount(half, minlength=int(code.max()) + 1) / len(a) for half in np.split(code.reshape(-1), 2)]
    return float(often[0] @ often[1])
