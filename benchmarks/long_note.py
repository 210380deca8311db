"""How much the structure of PLM-CA saves on one long note, against the obvious way, in the same run.

    python benchmarks/long_note.py                  # trains a small model on phantom notes first (a few minutes), and keeps it
    python benchmarks/long_note.py --model runs/x   # any saved PLM-CA model

Prints, as medians of CPU seconds over repeats, with the ratio and the largest difference:

* AttInGrad for all labels at once, against one forward and one backward pass a label;
* occlusion of every token, against encoding the whole note anew for each (timed on a sample of the tokens);
* what the shared sweep of faithfulness asked for, scored and encoded;
* peak memory while explaining few and many labels.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from pellucid.case import Case
from pellucid.datasets import write
from pellucid.datasets.phantom.notes import PhantomNotes
from pellucid.metrics.sweep import sweep_with_cost
from pellucid.predictor import Batch
from pellucid.predictors.plm_ca import PlmCa
from pellucid.registry import explainers
from pellucid.target import Target
from pellucid.training import Recipe, train
from pellucid.units import words

TOKENS = 6000


def cpu(function: Callable[[], object], repeats: int) -> float:
    """Median CPU seconds of a call."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return statistics.median(times)


def trained(work: Path) -> Path:
    """A small model trained on phantom notes; made once."""
    data = work / "phantoms"
    dataset = write(data, PhantomNotes(n=1500, seed=0, tokens=(200, 300)).prepare())
    # A fast decoder makes attention sharp, as in models trained on many notes; the slower default generalises better here.
    recipe = Recipe(encoder="tiny", epochs=8, batch_size=8, patience=99, learning_rate=1e-2, encoder_learning_rate=3e-3)
    train(dataset, recipe, work / "model")
    return work / "model"


def long_note(model: PlmCa) -> Case:
    """The notes of a long stay, one after the other: more than 6,000 tokens with evidence of many codes."""
    text = ""
    for note in PhantomNotes(n=200, seed=7, tokens=(200, 300)).prepare().cases:
        text += note.text + "\n\n"
        if model.tokens(text) > TOKENS:
            break
    return Case("long", "long", {"text": text}, frozenset())


def likely(model: PlmCa, batch: Batch, count: int) -> list[Target]:
    """The labels of greatest probability."""
    order = np.argsort(-model.probabilities(batch)[0])[:count]
    return [Target.label(model.labels[i]) for i in order]


def attingrad_by_label(model: PlmCa, case: Case, targets: list[Target]) -> np.ndarray:
    """One forward and one backward pass over the whole note for each label."""
    batch = model.encode([case])
    rows = []
    for target in targets:
        x = model.features(batch).requires_grad_()
        (gradient,) = torch.autograd.grad(model.scores(x, batch, [target])[0, 0], x)
        attention = model.label_attention(replace(batch, memo={}), [target])[0].attention[0]
        rows.append((attention * (x * gradient).norm(dim=-1)[0]).detach().numpy()[batch.rows[0]])
    return np.stack(rows)


def compare_attingrad(model: PlmCa, case: Case, targets: list[Target], repeats: int) -> None:
    method = explainers.create("attingrad")
    fast = method(model, model.encode([case]), targets)[0].scores
    slow = attingrad_by_label(model, case, targets)
    before = model.cost.chunk_gradients
    quick = cpu(lambda: method(model, model.encode([case]), targets), repeats)
    sent = (model.cost.chunk_gradients - before) / repeats
    naive = cpu(lambda: attingrad_by_label(model, case, targets), max(1, repeats // 2))
    chunks = len(model.encode([case]).data.notes[0].lengths)
    print(f"AttInGrad, {len(targets)} labels: {naive:.2f} s by label, {quick:.2f} s together: {naive / quick:.1f}x")
    print(f"  (label, chunk) pairs sent back: {sent:.0f} of {chunks * len(targets)}")
    print(f"  largest difference, as a share of the largest score: {np.abs(fast - slow).max() / slow.max():.1e} in float32")


def left_out(path: Path, case: Case, targets: list[Target]) -> None:
    """What leaving chunks out costs, apart from rounding: the same comparison in float64."""
    model = PlmCa.load(path).to(dtype=torch.float64)
    model.max_tokens = TOKENS
    fast = explainers.create("attingrad")(model, model.encode([case]), targets)[0].scores
    slow = attingrad_by_label(model, case, targets)
    print(f"  and {np.abs(fast - slow).max() / slow.max():.1e} in float64, which is what leaving pairs out costs")


def compare_occlusion(model: PlmCa, case: Case, targets: list[Target], sample: int) -> None:
    method = explainers.create("occlusion_token")
    batch = model.encode([case])
    start = time.process_time()
    fast = method(model, batch, targets)[0].scores
    quick = time.process_time() - start
    tokens = np.linspace(0, len(batch.units[0]) - 1, sample).astype(int)
    whole = model.scores(model.features(batch), batch, targets).detach().numpy()[0]
    slow, start = [], time.process_time()
    for token in tokens:
        keep = np.arange(len(batch.units[0])) != token
        version = model.perturb(batch, [keep], "mask")
        with torch.no_grad():
            slow.append(whole - model.scores(model.features(version), version, targets).numpy()[0])
    naive = (time.process_time() - start) / sample * len(batch.units[0])
    difference = np.abs(fast[:, tokens].T - np.stack(slow)).max()
    print(
        f"Occlusion of {len(batch.units[0])} tokens: {naive:.0f} s anew each (from {sample}), {quick:.1f} s chunk-local: ",
        end="",
    )
    print(f"{naive / quick:.1f}x; largest difference of a logit {difference:.1e}")


def count_sweep(model: PlmCa, case: Case, targets: list[Target]) -> None:
    batch, units = model.encode([case]), words(case.text)
    names = ("attention", "attgrad", "input_x_gradient", "attingrad", "random")
    maps = {name: explainers.create(name)(model, batch, targets)[0].project(units).scores for name in names}
    _, cost = sweep_with_cost(model, batch, targets, units, maps, filler="mask")
    naive = cost.planned * len(batch.data.notes[0].lengths)
    print(
        f"Sweep of {len(names)} methods x {len(targets)} labels: {cost.planned} versions asked for, {cost.scored} scored, ",
        end="",
    )
    print(f"{cost.chunks} chunks encoded instead of {naive}: {naive / max(1, cost.chunks or 0):.1f}x fewer")


def peak_memory(model: Path, labels: int) -> float:
    """Peak memory in MiB of a process that explains so many labels by AttInGrad and integrated gradients."""
    command = [sys.executable, __file__, "--model", str(model), "--only-explain", str(labels)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a saved PLM-CA model; default: train one")
    parser.add_argument("--work", type=Path, default=Path("runs/benchmark"), help="where the default model is kept")
    parser.add_argument("--labels", type=int, default=15)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--sample", type=int, default=24, help="tokens on which the obvious occlusion is timed")
    parser.add_argument("--only-explain", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    path = given.model or trained(given.work)
    model = PlmCa.load(path)
    case = long_note(model)
    model.max_tokens = TOKENS
    batch = model.encode([case])
    if given.only_explain:
        targets = likely(model, batch, given.only_explain)
        for name in ("attingrad", "integrated_gradients"):
            explainers.create(name)(model, model.encode([case]), targets)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        return
    targets = likely(model, batch, given.labels)
    count = int(batch.data.notes[0].lengths.sum())
    chunks = len(batch.data.notes[0].lengths)
    print(f"{platform.machine()}, torch {torch.__version__}, 1 thread; a note of {count} tokens in {chunks} chunks")
    compare_attingrad(model, case, targets, given.repeats)
    left_out(path, case, targets)
    compare_occlusion(model, case, targets, given.sample)
    count_sweep(model, case, targets)
    many = len(model.labels)
    few, most = peak_memory(path, 2), peak_memory(path, many)
    print(f"Peak memory, AttInGrad and integrated gradients: {few:.0f} MiB for 2 labels, {most:.0f} MiB for {many}")


if __name__ == "__main__":
    main()
