"""What the robustness figures cost from one shared pool of noisy versions, against measuring each of them by itself.

    python benchmarks/robustness.py                          # a small random network, 112 pixels a side, 14 targets
    python benchmarks/robustness.py --draws 50 --side 224

Alone, each figure (greatest and mean sensitivity, Lipschitz estimate, relative input and output stability, stability of ranks,
overlap of the first pixels) makes noisy versions of its own for each target, asks for their outputs and explains them: that is
how libraries run a list of metrics. Here both ways use this library's own explainers and arithmetic, so that only the sharing
differs; the alone way is run on a few targets and multiplied. Prints the outputs of the model and the explanations asked for,
and CPU seconds.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import platform
import time

import numpy as np
import torch

from pellucid.case import Case
from pellucid.metrics.noise import Explain
from pellucid.metrics.robustness import Cost, Noise, robustness
from pellucid.picture import Picture
from pellucid.predictor import Batch
from pellucid.predictors.image_classifier import ImageClassifier
from pellucid.registry import explainers
from pellucid.target import Target

FIGURES = 7
METHODS = ("saliency", "input_x_gradient", "grad_cam", "random")


def model(side: int, labels: int) -> ImageClassifier:
    """A random network; how it was trained does not change what it costs."""
    names, seeded = [f"finding {i}" for i in range(labels)], torch.Generator().manual_seed(0)
    return ImageClassifier.build("small", names, exclusive=False, size=(side, side), channels=1, generator=seeded)


def image(side: int) -> Case:
    pixels = np.random.default_rng(0).random((side, side, 1), dtype=np.float32)
    return Case("image", "patient", {"image": Picture(pixels)}, frozenset())


def pooled(
    given: ImageClassifier, batch: Batch, methods: dict[str, Explain], targets: list[Target], noise: Noise
) -> tuple[Cost, float]:
    """The cost of all figures of all methods and targets, and CPU seconds; nothing is kept from earlier calls."""
    start = time.process_time()
    _, cost = robustness(given, methods, batch, targets, noise)
    return cost, time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=112)
    parser.add_argument("--targets", type=int, default=14)
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--sample", type=int, default=2, help="targets for which the alone way is run")
    given = parser.parse_args()
    torch.set_num_threads(1)
    predictor = model(given.side, given.targets)
    targets, case = [Target.label(label) for label in predictor.labels], image(given.side)
    noise = Noise(draws=given.draws, tau=1.0)
    methods: dict[str, Explain] = {name: explainers.create(name) for name in METHODS}
    pooled(predictor, predictor.encode([case]), methods, targets[:1], noise)  # warm

    print(
        f"{platform.machine()}, torch {torch.__version__}, 1 thread; {given.side} pixels a side, {given.draws} noisy versions"
    )
    print(f"{FIGURES} figures of {len(methods)} methods ({', '.join(METHODS)}) for {len(targets)} targets")
    shared, seconds = pooled(predictor, predictor.encode([case]), methods, targets, noise)
    print(f"  one pool: {shared.scored} outputs, {shared.explained} explanations of all targets, {seconds:.2f} s")
    runs = [
        pooled(predictor, predictor.encode([case]), {name: method}, [target], noise)
        for name, method in methods.items()
        for target in targets[: given.sample]
    ]
    scale = FIGURES * len(targets) / given.sample
    alone, outputs = scale * sum(s for _, s in runs), scale * sum(c.scored for c, _ in runs)
    explained = scale * sum(c.explained for c, _ in runs)
    print(f"  each alone: {outputs:.0f} outputs, {explained:.0f} explanations of one target, {alone:.1f} s")
    fewer = f"{outputs / shared.scored:.0f}x fewer outputs, {explained / shared.explained:.0f}x fewer explanations"
    print(f"  {fewer}, {alone / seconds:.1f}x less time")
    one = sum(s for (_, s), i in zip(runs, range(len(runs)), strict=True) if i % given.sample == 0)
    single = pooled(predictor, predictor.encode([case]), methods, targets[:1], noise)[1]
    print(
        f"  for a single target: {single:.2f} s from one pool, {FIGURES * one:.2f} s each alone, {FIGURES * one / single:.1f}x"
    )


if __name__ == "__main__":
    main()
