"""What gradient and CAM methods cost on images, against the obvious way, in the same run.

    OMP_NUM_THREADS=1 python benchmarks/image_gradients.py              # 14 findings, 224 pixels, a random residual network
    OMP_NUM_THREADS=1 python benchmarks/image_gradients.py --network efficientnet_lite0

Prints, as medians of CPU seconds over repeats that take turns, with the range of the ratio over repeats:

* Grad-CAM for all findings at once against one finding, against a call for each, and against Captum's loop;
* all CAM methods that share its pass, together;
* the spread of SmoothGrad over seeds, by pairs of noise and by as many single draws;
* every gradient method against one forward and one backward pass.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import platform
import statistics
import time
from collections.abc import Callable, Mapping

import numpy as np
import torch
from captum.attr import LayerGradCam

from pellucid.case import Case
from pellucid.picture import Picture
from pellucid.predictors.image_classifier import ImageClassifier
from pellucid.randomness import stream
from pellucid.registry import explainers
from pellucid.target import Target

FINDINGS = 14


def taking_turns(works: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """CPU seconds of each piece of work, after one run to warm up; every round runs all of them."""
    found: dict[str, list[float]] = {name: [] for name in works}
    for round_ in range(repeats + 1):
        for name, work in works.items():
            start = time.process_time()
            work()
            if round_:
                found[name].append(time.process_time() - start)
    return found


def ratio(one: list[float], other: list[float]) -> str:
    """Median of one over the other, with its range over rounds."""
    ratios = [a / b for a, b in zip(one, other, strict=True)]
    return f"{statistics.median(ratios):.2f}x ({min(ratios):.2f} to {max(ratios):.2f})"


def network(name: str, size: int) -> ImageClassifier:
    labels = [f"finding {k}" for k in range(FINDINGS)]
    generator = torch.Generator().manual_seed(0)
    model = ImageClassifier.build(name, labels, exclusive=False, size=(size, size), channels=3, generator=generator)
    model.module.eval()  # Captum takes it as it is
    return model


def image(size: int) -> Case:
    """Smooth noise, as no method's cost depends on what is seen."""
    coarse = torch.from_numpy(stream(0, "image").random((1, 3, 14, 14))).float()
    pixels = torch.nn.functional.interpolate(coarse, (size, size), mode="bilinear")[0].movedim(0, -1)
    return Case("image", "image", {"image": Picture(pixels.clamp(0, 1).numpy())}, frozenset())


def explained(model: ImageClassifier, case: Case, name: str, targets: list[Target]) -> np.ndarray:
    return np.asarray(explainers.create(name)(model, model.encode([case]), targets)[0].scores)


def captum_loop(model: ImageClassifier, case: Case) -> np.ndarray:
    """One call a finding, interpolated to pixels as ours is."""
    method = LayerGradCam(model.module, model.module.get_submodule(model.map_layers[-1]))
    pixels = model.encode([case]).data
    rows = [method.attribute(pixels, target=k, relu_attributions=True) for k in range(FINDINGS)]
    maps = torch.nn.functional.interpolate(torch.cat(rows), model.size, mode="bilinear")
    return maps.flatten(1).detach().numpy()


def compare_cams(model: ImageClassifier, case: Case, targets: list[Target], repeats: int) -> None:
    def together() -> None:
        batch = model.encode([case])
        for name in ("grad_cam", "grad_cam_plus_plus", "layer_cam"):
            explainers.create(name)(model, batch, targets)

    times = taking_turns(
        {
            "all": lambda: explained(model, case, "grad_cam", targets),
            "one": lambda: explained(model, case, "grad_cam", targets[:1]),
            "each": lambda: [explained(model, case, "grad_cam", [t]) for t in targets],
            "captum": lambda: captum_loop(model, case),
            "three": together,
            "forward": lambda: model.probabilities(model.encode([case])),
        },
        repeats,
    )
    ours, theirs = explained(model, case, "grad_cam", targets), captum_loop(model, case)
    print(f"Grad-CAM, {FINDINGS} findings: {statistics.median(times['all']):.3f} s")
    print(f"  against one finding: {ratio(times['all'], times['one'])}; target at most 1.5x")
    print(f"  against one forward pass: {ratio(times['all'], times['forward'])}")
    print(f"  a call a finding costs {ratio(times['each'], times['all'])} as much")
    print(f"  Captum's loop costs {ratio(times['captum'], times['all'])} as much")
    print(f"  largest difference to Captum, as a share of the largest score: {np.abs(ours - theirs).max() / theirs.max():.1e}")
    print(f"  Grad-CAM, Grad-CAM++ and Layer-CAM together: {ratio(times['three'], times['all'])} of Grad-CAM")


def compare_gradients(model: ImageClassifier, case: Case, target: Target, repeats: int) -> None:
    names = ("saliency", "guided_backpropagation", "deep_lift", "smoothgrad")
    times = taking_turns({name: lambda name=name: explained(model, case, name, [target]) for name in names}, repeats)
    print(f"One gradient: {statistics.median(times['saliency']):.3f} s")
    for name in names[1:]:
        print(f"  {name}: {ratio(times[name], times['saliency'])} of it")


def smoothgrad_spread(model: ImageClassifier, case: Case, target: Target, size: float, samples: int, seeds: int) -> None:
    """Variance over seeds of the mean gradient, by pairs and by single draws."""
    batch = model.encode([case])
    x = model.features(batch)

    def gradient(noise: torch.Tensor) -> torch.Tensor:
        return next(iter(model.feature_gradients(batch, [target], x + noise))).gradient[0]

    def mean(seed: int, *, pairs: bool) -> torch.Tensor:
        random, draws = stream(seed, "spread"), samples // 2 if pairs else samples
        noises = [torch.from_numpy(random.normal(0, size, tuple(x.shape))).to(x) for _ in range(draws)]
        signed = [sign * noise for noise in noises for sign in ((1, -1) if pairs else (1,))]
        return sum((gradient(noise) for noise in signed), torch.zeros_like(x[0])) / len(signed)

    spread = {p: float(torch.stack([mean(s, pairs=p) for s in range(seeds)]).var(0).sum()) for p in (True, False)}
    gain = spread[False] / spread[True]
    print(f"SmoothGrad, {samples} samples of noise {size}: the variance of single draws is {gain:.2f} times that of pairs")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="small")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--repeats", type=int, default=9)
    arguments = parser.parse_args()
    model, case = network(arguments.network, arguments.size), image(arguments.size)
    targets = [Target.label(label) for label in model.labels]
    print(f"{arguments.network} at {arguments.size} pixels, torch {torch.__version__}, {torch.get_num_threads()} thread(s),")
    print(f"{platform.processor() or platform.machine()}, {arguments.repeats} repeats\n")
    assert model.map_layers  # found once a model, not once a call
    compare_cams(model, case, targets, arguments.repeats)
    compare_gradients(model, case, targets[0], max(3, arguments.repeats // 3))
    for noise in (0.05, 0.5):
        smoothgrad_spread(model, case, targets[0], noise, samples=8, seeds=6)


if __name__ == "__main__":
    main()
