"""What it costs to explain one note by every method of attention and gradients, and to score the maps, in forward passes.

    python benchmarks/whole_note.py                  # trains the small model of long_note.py first, and keeps it
    python benchmarks/whole_note.py --model runs/x   # any saved PLM-CA model of phantom notes

A unit is one plain forward pass over the note (CPU seconds, one thread, all in one run). Scored are agreement with the
evidence and complexity, over words. Faithfulness, which means new forward passes by definition, is counted on its own.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import platform
import resource
import time
from pathlib import Path

import numpy as np
import torch

from long_note import cpu, likely, trained
from pellucid.attribution import Attribution
from pellucid.case import Case, marked
from pellucid.datasets.phantom.notes import PhantomNotes
from pellucid.explainers.base import refusals
from pellucid.metrics.base import Reading, Undefined, modalities_of
from pellucid.metrics.sweep import sweep_with_cost
from pellucid.predictor import Batch
from pellucid.predictors.plm_ca import PlmCa
from pellucid.registry import explainers, metrics
from pellucid.target import Target
from pellucid.units import TextUnits, words

PERTURBING = ("occlusion", "lime", "kernel_shap")
IGNORANT = ("random", "uniform", "prior")


def methods(model: PlmCa) -> list[str]:
    """Every method of attention or gradients for such a model, as it is meant (not as released under the same name)."""
    named = [n for n in explainers if not n.startswith((*PERTURBING, "released")) and n not in IGNORANT]
    return [n for n in named if not refusals(model, explainers.create(n))]


def explained(model: PlmCa, batch: Batch, targets: list[Target], names: list[str]) -> dict[str, float]:
    """CPU seconds of each method, which share what they can in this order."""
    spent = {}
    for name in names:
        start = time.process_time()
        explainers.create(name)(model, batch, targets)
        spent[name] = time.process_time() - start
    return spent


def scored(case: Case, units: TextUnits, said: list[Attribution], targets: list[Target]) -> int:
    """How many figures of agreement and complexity came of the maps."""
    of_text = [m for m in map(metrics.create, metrics) if "text" in modalities_of(m)]
    plain = [m for m in of_text if set(m.needs) <= {"evidence"}]
    done = 0
    for attribution in said:
        over_words = attribution.project(units)
        for row, target in zip(over_words.scores, targets, strict=True):
            truth = marked([e for e in case.evidence if e.label == target.name], units)
            reading = Reading(row, attribution.signed, units, truth if truth.any() else None)
            for metric in plain:
                if "evidence" in metric.needs and reading.truth is None:
                    continue
                try:
                    metric(reading)
                    done += 1
                except Undefined:
                    continue
    return done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a saved PLM-CA model; default: train one")
    parser.add_argument("--work", type=Path, default=Path("runs/benchmark"), help="where the default model is kept")
    parser.add_argument("--words", type=int, default=2000, help="of the note; 2,000 are about 3,100 tokens")
    parser.add_argument("--labels", type=int, default=10)
    parser.add_argument("--sweep", action="store_true", help="count the faithfulness sweep too (slow)")
    given = parser.parse_args()
    torch.set_num_threads(1)
    model = PlmCa.load(given.model or trained(given.work))
    case = PhantomNotes(n=1, seed=3, tokens=(given.words, given.words + 50)).prepare().cases[0]
    batch = model.encode([case])
    targets, names, units = likely(model, batch, given.labels), methods(model), words(case.text)
    forward = cpu(lambda: model.probabilities(model.encode([case])), 7)
    spent = explained(model, model.encode([case]), targets, names)
    said = [explainers.create(n)(model, batch, targets)[0] for n in names]
    start = time.process_time()
    count = scored(case, units, said, targets)
    scoring = time.process_time() - start
    tokens, chunks = len(batch.units[0]), len(batch.data.notes[0].lengths)
    print(f"{platform.machine()}, torch {torch.__version__}, 1 thread; {tokens} tokens, {chunks} chunks, {len(targets)} labels")
    print(f"A plain forward pass: {forward:.3f} s")
    for name, seconds in spent.items():
        print(f"  {name:28s} {seconds:7.3f} s {seconds / forward:6.1f} forward passes")
    total, path = sum(spent.values()), spent["integrated_gradients"]
    print(f"  {'scoring':28s} {scoring:7.3f} s {scoring / forward:6.1f} forward passes for {count} figures")
    without = (total - path + scoring) / forward
    print(f"All {len(names)} methods with scoring: {(total + scoring) / forward:.1f}; without the path integral {without:.1f}")
    print(f"Peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
    if given.sweep:
        maps = {a.method: a.project(units).scores for a in said}
        start = time.process_time()
        _, cost = sweep_with_cost(model, batch, targets, units, maps, filler="mask")
        seconds = time.process_time() - start
        print(f"Faithfulness sweep: {seconds:.1f} s, {seconds / forward:.0f} forward passes; asked for {cost.planned}")
    steps = said[names.index("integrated_gradients")].facts["steps"]
    print(f"Integrated gradients took {np.median(steps):.0f} points (median over labels), at most {steps.max():.0f}")


if __name__ == "__main__":
    main()
