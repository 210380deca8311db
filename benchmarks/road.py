"""What it costs to inpaint removed pixels (ROAD), against a sparse LU factorisation of the same equations, in the same run.

    python benchmarks/road.py                        # 224 pixels a side, 1 and 3 channels
    python benchmarks/road.py --side 112 --repeats 5

Removes 10, 30, 50, 70 and 90 % of an image: pixels at random, boxes of a grid, and one smooth field as heat maps are. The
reference assembles the equations with array operations and factorises them once for all channels (SuperLU of scipy), which is
faster than the published code. Prints CPU seconds of the five versions together (the least of some repeats), their ratio, and
the greatest difference of a pixel in standard deviations of the normalisation; ROAD adds noise of 0.01.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import platform
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from scipy import sparse
from scipy.ndimage import gaussian_filter
from scipy.sparse.linalg import splu

from pellucid.predictors.image_classifier.inpainting import solved

SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)


def factorised(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """The image with its hole filled by a sparse direct solver."""
    height, width = hole.shape
    number = np.full(hole.shape, -1)
    number[hole] = np.arange(hole.sum())
    y, x = np.nonzero(hole)
    total, right = np.zeros(len(y)), np.zeros((len(y), len(image)))
    rows, columns, weights = [], [], []
    for dy, dx in ((a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if (a, b) != (0, 0)):
        weight, v, u = 1 / 6 if dy * dx == 0 else 1 / 12, y + dy, x + dx
        inside = (v >= 0) & (v < height) & (u >= 0) & (u < width)
        total += weight * inside
        i, v, u = np.flatnonzero(inside), v[inside], u[inside]
        open_ = hole[v, u]
        rows.append(i[open_])
        columns.append(number[v[open_], u[open_]])
        weights.append(np.full(open_.sum(), -weight))
        right[i[~open_]] += weight * image[:, v[~open_], u[~open_]].T
    every = np.arange(len(y))
    place = (np.concatenate([every, *rows]), np.concatenate([every, *columns]))
    system = sparse.csc_matrix((np.concatenate([total, *weights]), place))
    result = image.astype(np.float64)
    result[:, hole] = splu(system).solve(right).T
    return result


def fields(side: int, random: np.random.Generator) -> Iterator[tuple[str, np.ndarray]]:
    """What is removed, from its lowest value up."""
    yield "pixels", random.random((side, side))
    yield "boxes", np.kron(random.random((14, 14)), np.ones((-(-side // 14),) * 2))[:side, :side]
    yield "field", gaussian_filter(random.random((side, side)), side / 14)


def least(repeats: int, work: Callable[[], np.ndarray]) -> tuple[np.ndarray, float]:
    """What the work gives, and the least CPU seconds that it took."""
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        result = work()
        seconds.append(time.process_time() - start)
    return result, min(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--tolerance", type=float, default=1e-4)
    given = parser.parse_args()
    torch.set_num_threads(1)
    random = np.random.default_rng(0)
    print(f"{platform.machine()}, torch {torch.__version__}, 1 thread; {given.side} pixels a side, {len(SHARES)} versions")
    for channels in (1, 3):
        image = 4 * gaussian_filter(random.normal(size=(channels, given.side, given.side)), (0, 2, 2))
        pixels = torch.from_numpy(image.astype(np.float32))
        for name, field in fields(given.side, random):
            rank = field.ravel().argsort().argsort().reshape(field.shape) / field.size
            holes = np.stack([rank < share for share in SHARES])
            mask = torch.from_numpy(holes)

            def ours(mask: torch.Tensor = mask, pixels: torch.Tensor = pixels) -> np.ndarray:
                found = solved(pixels * ~mask[:, None], mask, given.tolerance)
                return torch.where(mask[:, None], found, pixels).numpy()

            def theirs(holes: np.ndarray = holes, image: np.ndarray = image) -> np.ndarray:
                return np.stack([factorised(image, hole) for hole in holes])

            (one, fast), (other, slow) = least(given.repeats, ours), least(given.repeats, theirs)
            print(f"{channels} channels, {name}: {slow:.2f} s by LU, {fast:.3f} s here, ", end="")
            print(f"{slow / fast:.1f}x, off by at most {np.abs(one - other).max():.0e}")


if __name__ == "__main__":
    main()
