"""Superpixels: regions of an image that follow its edges.

Simple linear iterative clustering (SLIC, Achanta et al. 2012): pixels are grouped by colour and place together, from centres on
a grid, each of which looks no further than twice the distance between centres. Nothing is drawn at random.
"""

from __future__ import annotations

import math
from itertools import product

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pellucid.units import RegionUnits

_ROUNDS = 10
_FLAT = 1e-9
"""Images that vary by less than this share of their values have no edges to follow."""


def superpixels(pixels: Float[np.ndarray, "C *S"], count: int = 64, compactness: float = 0.5) -> RegionUnits:
    """Cut an image or volume into connected regions of similar colour.

    Every pixel lies in one region. The number of regions is near `count`, not exactly so: centres begin on a grid of nearly
    square cells, and some may lose all their pixels. An image of one colour is cut into that grid.

    Args:
        pixels: channels first, in any unit; a channel repeated changes nothing, nor does adding or multiplying.
        count: about so many regions; fewer where there are fewer pixels.
        compactness: the difference in colour, in standard deviations of the image, that weighs as much as the distance between
            two centres. The smaller, the closer regions follow edges.
    """
    step = (math.prod(pixels.shape[1:]) / max(1, count)) ** (1 / (pixels.ndim - 1))
    colours = _scaled(np.asarray(pixels, dtype=np.float64)) / compactness
    if not colours.any():  # nothing to follow: centres would wander where pixels are as near to two of them
        return RegionUnits(_boxes(colours.shape[1:], step), "superpixel")
    centres = _grid(colours.shape[1:], step)
    means = np.stack([colours[:, *c] for c in centres.round().astype(int)])
    places = np.indices(colours.shape[1:], dtype=np.float64) / step
    points = np.concatenate([places, colours])
    centres = np.concatenate([centres / step, means], axis=1)
    index = np.zeros(colours.shape[1:], dtype=np.int64)
    for _ in range(_ROUNDS):
        index = _assigned(points, centres, step)
        moved = _means(points, index, centres)
        if np.array_equal(moved, centres):
            break
        centres = moved
    joined = _connected(index)
    return RegionUnits(np.unique(joined, return_inverse=True)[1].reshape(joined.shape), "superpixel")


def _scaled(pixels: Float[np.ndarray, "C *S"]) -> Float[np.ndarray, "C *S"]:
    """Colours in standard deviations of the image, divided so that channels together weigh as one."""
    centred = pixels - pixels.mean(axis=tuple(range(1, pixels.ndim)), keepdims=True)
    spread = float(np.sqrt((centred**2).mean()))
    if spread <= _FLAT * float(np.abs(pixels).max()):
        return np.zeros_like(centred)
    return np.asarray(centred / (spread * math.sqrt(len(pixels))))


def _grid(shape: tuple[int, ...], step: float) -> Float[np.ndarray, "N d"]:
    """The middle of each cell of a grid whose cells are nearly `step` wide; pixel coordinates."""
    along = [(np.arange(k) + 0.5) * n / k - 0.5 for k, n in zip(_counts(shape, step), shape, strict=True)]
    return np.array(list(product(*along)))


def _boxes(shape: tuple[int, ...], step: float) -> Int[np.ndarray, "*S"]:
    """The cells of that grid."""
    counts = _counts(shape, step)
    along = np.meshgrid(*(np.arange(n) * k // n for k, n in zip(counts, shape, strict=True)), indexing="ij")
    return np.asarray(np.ravel_multi_index(along, counts))


def _counts(shape: tuple[int, ...], step: float) -> list[int]:
    """Cells along each axis."""
    return [min(n, max(1, round(n / step))) for n in shape]


def _assigned(points: Float[np.ndarray, "E *S"], centres: Float[np.ndarray, "N E"], step: float) -> Int[np.ndarray, "*S"]:
    """The nearest centre of each pixel, among those whose square window holds it; else the nearest by place."""
    shape = points.shape[1:]
    axes = len(shape)
    nearest, index = np.full(shape, np.inf), np.full(shape, -1)
    for number, centre in enumerate(centres):
        middle = centre[:axes] * step
        window = tuple(slice(max(0, int(m - 2 * step)), int(m + 2 * step) + 2) for m in middle)
        distance = sum((points[e][window] - centre[e]) ** 2 for e in range(len(points)))
        closer = distance < nearest[window]
        nearest[window][closer] = distance[closer]
        index[window][closer] = number
    lost = index < 0
    if lost.any():
        places = points[:axes][:, lost].T
        index[lost] = [int(((centres[:, :axes] - place) ** 2).sum(1).argmin()) for place in places]
    return index


def _means(
    points: Float[np.ndarray, "E *S"], index: Int[np.ndarray, "*S"], centres: Float[np.ndarray, "N E"]
) -> Float[np.ndarray, "N E"]:
    """The mean place and colour of each region; a region without pixels keeps what it had."""
    sizes = np.bincount(index.ravel(), minlength=len(centres))
    sums = np.stack([np.bincount(index.ravel(), row.ravel(), len(centres)) for row in points], axis=1)
    return np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], centres)


def _connected(index: Int[np.ndarray, "*S"]) -> Int[np.ndarray, "*S"]:
    """The same regions, each with its largest piece alone; the other pieces go, layer by layer, to regions that they touch."""
    piece = _pieces(index)
    sizes = np.bincount(piece.ravel())
    owner = np.zeros(len(sizes), dtype=np.int64)
    owner[piece.ravel()] = index.ravel()
    order = np.lexsort((np.arange(len(sizes)), -sizes, owner))  # by region, the largest piece first
    kept = order[np.r_[True, owner[order][1:] != owner[order][:-1]]]
    result = np.where(np.isin(piece, kept), index, -1)
    while (result < 0).any():
        result = _grown(result)
    return result


def _pieces(index: Int[np.ndarray, "*S"]) -> Int[np.ndarray, "*S"]:
    """The number of the connected piece that each pixel lies in; pixels touch along edges."""
    number = np.arange(index.size).reshape(index.shape)
    ends = []
    for axis in range(index.ndim):
        first, second = (np.take(number, range(a, index.shape[axis] - 1 + a), axis) for a in (0, 1))
        same = index.ravel()[first] == index.ravel()[second]
        ends.append(np.stack([first[same], second[same]]))
    rows, columns = np.concatenate(ends, axis=1)
    graph = coo_array((np.ones(len(rows), dtype=np.int8), (rows, columns)), shape=(index.size, index.size))
    return np.asarray(connected_components(graph, directed=False)[1]).reshape(index.shape)


def _grown(index: Int[np.ndarray, "*S"]) -> Int[np.ndarray, "*S"]:
    """One layer of the pixels in no region (-1) added to the regions that they touch."""
    result = index.copy()
    for axis in range(index.ndim):
        for way in (1, -1):
            beside = np.roll(index, way, axis)
            edge = [slice(None)] * index.ndim
            edge[axis] = slice(0, 1) if way == 1 else slice(-1, None)
            beside[tuple(edge)] = -1  # what was rolled over the edge is no neighbour
            result = np.where(result < 0, beside, result)
    return result
