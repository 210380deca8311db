"""What the perturbation methods for images save, each against the plain way, in the same run.

    python benchmarks/image_perturbation.py               # 224 pixels, 14 labels
    python benchmarks/image_perturbation.py --size 112    # a quick look

Prints medians of wall-clock seconds on one thread: random masks by small matrix products against enlarging and cutting each;
sums over windows by axis against sums over full masks; one label, all labels together, and all labels one by one, for RISE,
occlusion and KernelSHAP; and the largest number of bytes that numpy holds while windows of more and more places are tried.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import platform
import statistics
import time
import tracemalloc
from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional

from pellucid.case import Case
from pellucid.explainers.base import Explainer
from pellucid.explainers.images.occlusion import WindowOcclusion, averaged
from pellucid.explainers.images.random_masks import RandomMasks
from pellucid.picture import Picture
from pellucid.predictors.image_classifier import ImageClassifier
from pellucid.randomness import stream
from pellucid.registry import explainers
from pellucid.target import Target


def seconds(work: Callable[[], object], repeats: int) -> float:
    """Median of so many runs, after one that is not counted."""
    work()
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def enlarged_and_cut(size: tuple[int, int], count: int, grid: int = 7) -> list[torch.Tensor]:
    """Random masks as the definition has them, one by one."""
    cells, shifts = stream(0, "a", "cells"), stream(0, "a", "shifts")
    side = [-(-n // grid) for n in size]
    grids = torch.from_numpy(cells.random((count, grid, grid)) < 0.5).float()
    found = []
    for one, (y, x) in zip(grids, np.floor(shifts.random((count, 2)) * side).astype(int), strict=True):
        large = functional.interpolate(one[None, None], [(grid + 1) * s for s in side], mode="bilinear")[0, 0]
        found.append(large[y : y + size[0], x : x + size[1]].contiguous())
    return found


def masks(size: tuple[int, int], repeats: int) -> None:
    drawn, like = RandomMasks(512, 7, 0.5, 0), torch.zeros(1)
    ours = seconds(lambda: [None for _ in drawn.blocks("a", size, like)], repeats)
    theirs = seconds(lambda: enlarged_and_cut(size, 512), repeats)
    print(f"512 random masks: {ours:.3f} s by products, {theirs:.3f} s enlarged and cut one by one, {theirs / ours:.1f}x")


def sums(size: tuple[int, int], labels: int, repeats: int) -> None:
    windows = WindowOcclusion().windows(size)
    full = np.stack([np.outer(a, b).ravel() for a in windows[0] for b in windows[1]])
    effects = np.random.default_rng(0).normal(size=(labels, len(full)))

    def plain() -> np.ndarray:
        total, covered = np.zeros((labels, full.shape[1])), np.zeros(full.shape[1])
        for effect, mask in zip(effects.T, full, strict=True):
            total += effect[:, None] * mask
            covered += mask
        return total / covered / full[0].sum()

    assert np.allclose(averaged(effects, windows), plain())
    ours, theirs = seconds(lambda: averaged(effects, windows), repeats), seconds(plain, max(1, repeats // 2))
    print(f"sums over {len(full)} windows: {ours:.4f} s by axis, {theirs:.3f} s with full masks, {theirs / ours:.0f}x")


def labels_together(model: ImageClassifier, case: Case, method: Explainer, repeats: int) -> None:
    targets = [Target.label(label) for label in model.labels]
    one = seconds(lambda: method(model, model.encode([case]), targets[:1]), repeats)
    together = seconds(lambda: method(model, model.encode([case]), targets), repeats)
    print(f"{method.name}: {one:.2f} s for 1 label, {together:.2f} s for {len(targets)}, {together / one:.2f}x; ", end="")
    print(f"label by label {len(targets) * one:.1f} s, {len(targets) * one / together:.1f}x")


def memory(model: ImageClassifier, case: Case) -> None:
    targets = [Target.label(label) for label in model.labels]
    for stride in (0.1, 0.05, 0.035):
        method, batch = WindowOcclusion(stride=stride), model.encode([case])
        windows = int(np.prod([len(rows) for rows in method.windows(model.size)]))
        tracemalloc.start()
        method(model, batch, targets)
        peak = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
        print(f"occlusion of {windows} windows: numpy holds {peak:.1f} MiB at most; full masks would be ", end="")
        print(f"{windows * np.prod(model.size) / 2**20:.0f} MiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--labels", type=int, default=14)
    parser.add_argument("--masks", type=int, default=256, help="masks of RISE, and coalitions of KernelSHAP")
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(1)
    size, names = (given.size, given.size), [f"finding {i}" for i in range(given.labels)]
    generator = torch.Generator().manual_seed(0)
    model = ImageClassifier.build("tiny", names, exclusive=False, size=size, channels=1, generator=generator)
    pixels = np.random.default_rng(0).integers(0, 255, (*size, 1), dtype=np.uint8)
    case = Case("image", "image", {"image": Picture(pixels)}, frozenset())
    print(
        f"{platform.machine()}, torch {torch.__version__}, 1 thread; {given.size} x {given.size} pixels, {given.labels} labels"
    )
    masks(size, given.repeats)
    sums(size, given.labels, given.repeats)
    for name, settings in {
        "rise": {"masks": given.masks},
        "occlusion": {"stride": 0.1},
        "kernel_shap_superpixel": {"samples": given.masks},
    }.items():
        labels_together(model, case, explainers.create(name, **settings), given.repeats)
    memory(model, case)


if __name__ == "__main__":
    main()
