"""Ten metrics of gaze for 1,000 maps in one batched call, against two references that take one map after the other in numpy.

    python benchmarks/gaze_metrics.py             # minutes
    python benchmarks/gaze_metrics.py --maps 100  # a quick look

Maps are float32, of 224 x 224 pixels: half of them smooth, half sparse with heavy tails. Each image has 20 to 60 fixations and
a density of its own; 400 fixations on other images serve the shuffled metrics. References, both vectorised over pixels:

    tight      each metric from its definition, written as briefly as numpy allows (tests/metrics/gaze/gaze_formulas.py)
    published  as in the MIT saliency code and its ports: a pass for each threshold, 100 draws for the shuffled AUC
               (gaze_published.py)

Prints for each metric alone, and for all in one call, milliseconds a map, ratios and how far values are apart; then what
scikit-learn takes for the AUC. One thread, processor time. References run on 40 of the maps and take turns with the batched
call; each figure is the median of the rounds, a ratio that of the ratios within a round.
"""

from __future__ import annotations

import os

os.environ |= {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

import argparse
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import torch

from pellucid.metrics import gaze

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "metrics" / "gaze"))
import gaze_formulas as tight

import gaze_published as published

SIZE, ALL = (224, 224), "all in one call"
WIDTHS = (9, 9, 7, 9, 11, 7, 9)


def made(count: int, seed: int = 0) -> dict[str, object]:
    """Maps, densities, a prior for each, and looks."""
    random, pixels = np.random.default_rng(seed), SIZE[0] * SIZE[1]
    noise = torch.from_numpy(random.normal(size=(count, pixels)).astype(np.float32))
    smooth = [gaze.blurred(part, SIZE, 6.0).float().abs() for part in noise[: count // 2].split(50)]
    maps = torch.cat([*smooth, noise[count // 2 :] ** 6])
    looks = []
    for _ in range(count):
        places = random.integers(0, pixels, random.integers(20, 61))
        looks.append((places, random.integers(1, 6, len(places)) / 10))
    density = torch.zeros(count, pixels, dtype=torch.float64)
    for row, (places, seconds) in zip(density, looks, strict=True):
        row.index_add_(0, torch.from_numpy(places), torch.from_numpy(seconds))
    density = torch.cat([gaze.as_density(gaze.blurred(part, SIZE, 9.0)) for part in density.split(50)])
    elsewhere = (random.integers(0, pixels, 400), random.integers(1, 6, 400) / 10)
    prior = gaze.leave_one_out(density, range(count))
    return {"maps": maps, "density": density, "prior": prior, "looks": looks, "elsewhere": elsewhere}


Work = Callable[[], object]


def seconds_of(work: Work) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def batched_calls(data: dict[str, object]) -> dict[str, Work]:
    maps, density, prior = data["maps"], data["density"], data["prior"]
    looks, other = gaze.Looks.of(data["looks"]), gaze.Looks.of([data["elsewhere"]])
    return {
        "kld": lambda: gaze.kld(maps, density),
        "nss": lambda: gaze.nss(maps, looks),
        "cc": lambda: gaze.cc(maps, density),
        "sim": lambda: gaze.sim(maps, density),
        "auc": lambda: gaze.auc(maps, looks),
        "auc_judd": lambda: gaze.auc_judd(maps, looks),
        "sauc": lambda: gaze.sauc(maps, looks, other),
        "information_gain": lambda: gaze.information_gain(maps, looks, prior),
        "shuffled_nss": lambda: gaze.shuffled_nss(maps, looks, other),
        "shuffled_cc": lambda: gaze.shuffled_cc(maps, density, prior),
        ALL: lambda: gaze.all_scores(maps, density, looks, prior, other),
    }


def single_calls(data: dict[str, object], formulas: ModuleType) -> dict[str, Callable[[int], float]]:
    """The same of one map, by its number."""
    s, q, a = (data[name].numpy() for name in ("maps", "density", "prior"))
    f, e = data["looks"], data["elsewhere"]
    return {
        "kld": lambda i: formulas.kld(s[i], q[i]),
        "nss": lambda i: formulas.nss(s[i], *f[i]),
        "cc": lambda i: formulas.cc(s[i], q[i]),
        "sim": lambda i: formulas.sim(s[i], q[i]),
        "auc": lambda i: formulas.auc(s[i], *f[i]),
        "auc_judd": lambda i: formulas.auc_judd(s[i], f[i][0]),
        "sauc": lambda i: formulas.sauc(s[i], *f[i], *e),
        "information_gain": lambda i: formulas.information_gain(s[i], *f[i], a[i]),
        "shuffled_nss": lambda i: formulas.shuffled_nss(s[i], *f[i], *e),
        "shuffled_cc": lambda i: formulas.shuffled_cc(s[i], q[i], a[i]),
    }


def together(calls: dict[str, Callable[[int], float]], rows: list[int]) -> dict[str, Work]:
    """Each metric of some maps, and all metrics of them."""
    alone = {name: lambda call=call: [call(i) for i in rows] for name, call in calls.items()}
    return alone | {ALL: lambda: [work() for work in alone.values()]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--maps", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    data = made(given.maps)
    rows = [int(i) for i in np.linspace(0, given.maps - 1, min(40, given.maps))]
    batched, single = batched_calls(data), [single_calls(data, formulas) for formulas in (tight, published)]
    scores = batched[ALL]()
    print(f"{platform.machine()}, torch {torch.__version__}, numpy {np.__version__}, 1 thread; {given.maps} maps of 224 x 224")
    heads = ["batched", "tight", "ratio", "apart", "published", "ratio", "apart"]
    print("".join([f"{'milliseconds a map':18s}", *(f"{head:>{width}s}" for head, width in zip(heads, WIDTHS, strict=True))]))
    for name in batched:
        works = [batched[name], *(together(calls, rows)[name] for calls in single)]
        taken = np.array([[seconds_of(work) for work in works] for _ in range(given.rounds)])
        taken *= 1000 / np.array([given.maps, len(rows), len(rows)])
        cells = [f"{np.median(taken[:, 0]):.3f}"]
        for column, calls in enumerate(single, start=1):
            cells += [f"{np.median(taken[:, column]):.3f}", f"{np.median(taken[:, column] / taken[:, 0]):.1f}"]
            cells += ["" if name == ALL else f"{max(abs(calls[name](i) - float(scores[name][i])) for i in rows):.1e}"]
        print("".join([f"{name:18s}", *(f"{cell:>{width}s}" for cell, width in zip(cells, WIDTHS, strict=True))]))
    s, f = data["maps"].numpy(), data["looks"]
    print(f"AUC by scikit-learn: {1000 * seconds_of(lambda: [by_library(s[i], *f[i]) for i in rows]) / len(rows):.1f} ms a map")


def by_library(scores: np.ndarray, places: np.ndarray, seconds: np.ndarray) -> float:
    """The AUC of one map as scikit-learn computes it."""
    from sklearn.metrics import roc_auc_score

    bare = np.delete(scores, np.unique(places))
    labels, weights = np.r_[np.ones(len(places)), np.zeros(len(bare))], np.r_[seconds, np.ones(len(bare))]
    return float(roc_auc_score(labels, np.r_[scores[places], bare], sample_weight=weights))


if __name__ == "__main__":
    main()
