"""What training is shown: boxes that move with their image, and every instance that was there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

import numpy as np
from jaxtyping import Float

from pellucid.alignment.checks.base import Tally, check

Pixels = Float[np.ndarray, "H W"]
Corners = Float[np.ndarray, "N 4"]
Transport = Callable[[Pixels, Corners, int], tuple[Pixels, Corners]]
"""An image, its boxes and a seed; gives both as the model sees them. A box that is lost has no row, or is empty or negative."""
_APART = "a box lies beside what it marks; draw one crop and give it to both image and boxes"
_GONE = "a box stays although what it marks was cropped away; leave it out"
_LOST = "a box is gone although what it marks is there; carry it along"


@check("unregistered_boxes", "an image and its boxes are moved together")
def unregistered_boxes(
    transport: Transport, size: tuple[int, int] = (96, 128), seeds: Iterable[int] = range(16), tolerance: float = 1.0
) -> Tally:
    """Whether image and boxes are cropped, resized or turned apart from each other.

    A square of 1 is painted on an image of 0. What differs from the image without it, carried with the same seed, is where the
    square went: its edges and those of its box may be `tolerance` pixels apart.

    Args:
        transport: what is done to images and boxes before training.
        size: (height, width) of the probe.
    """
    tally = Tally()
    for number, seed in enumerate(seeds):
        box = _square(size, number)
        image = np.zeros(size)
        empty = np.asarray(transport(image.copy(), box[None].copy(), seed)[0], dtype=np.float64)
        image[int(box[1]) : int(box[3]), int(box[0]) : int(box[2])] = 1.0
        shown, boxes = transport(image, box[None].copy(), seed)
        _compare(tally, _extent(np.abs(np.asarray(shown, dtype=np.float64) - empty)), _kept(boxes), tolerance)
    return tally


@check("lost_instances", "every instance that goes in comes out once")
def lost_instances(given: Iterable[str], delivered: Iterable[str]) -> Tally:
    """Whether a loader drops instances (a last batch that is not full), gives one twice, or makes one up.

    Args:
        given: ids that went in.
        delivered: ids that came out, over one whole pass.
    """
    before, after = Counter(given), Counter(delivered)
    lost, extra = before - after, after - before
    unknown = sum(count for name, count in extra.items() if name not in before)
    found = {"lost": lost.total(), "too many": extra.total() - unknown, "unknown": unknown}
    tally = Tally({"given": before.total(), "delivered": after.total(), **found})
    for name, count in found.items():
        if count:
            tally.problems[f"{count} of {before.total()} instances are {name}; keep the last batch, and each id once"] = count
    return tally


def _square(size: tuple[int, int], number: int) -> Float[np.ndarray, "4"]:
    """A square of a quarter of the shorter side, at one of nine places."""
    side = min(size) // 4
    y, x = ((size[0] - side) * (number // 3 % 3) // 2, (size[1] - side) * (number % 3) // 2)
    return np.array([x, y, x + side, y + side], dtype=np.float64)


def _extent(shown: Pixels) -> Float[np.ndarray, "4"] | None:
    """The tight box around what is at least half as bright as the brightest; None where nothing is."""
    flat = shown.max(axis=-1) if shown.ndim == 3 else shown
    if flat.max(initial=0.0) <= 1e-6:
        return None
    bright = flat >= flat.max() / 2
    down, across = np.flatnonzero(bright.any(axis=1)), np.flatnonzero(bright.any(axis=0))
    return np.array([across[0], down[0], across[-1] + 1, down[-1] + 1], dtype=np.float64)


def _kept(boxes: Corners) -> Float[np.ndarray, "4"] | None:
    rows = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    rows = rows[(rows[:, 2] > rows[:, 0]) & (rows[:, 3] > rows[:, 1])]
    return rows[0] if len(rows) else None


def _compare(tally: Tally, square: np.ndarray | None, box: np.ndarray | None, tolerance: float) -> None:
    for name, there in (("squares gone", square), ("boxes gone", box)):
        tally.count(name, int(there is None))
    if square is not None and box is not None:
        tally.expect(np.abs(square - box).max() <= tolerance, _APART)
    elif square is None:
        tally.expect(box is None or _thin(box, tolerance), _GONE)
    else:
        tally.expect(_thin(square, tolerance), _LOST)


def _thin(box: Float[np.ndarray, "4"], tolerance: float) -> bool:
    """Whether rounding alone could make it disappear."""
    return bool(min(box[2] - box[0], box[3] - box[1]) <= tolerance)
