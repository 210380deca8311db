"""What LIME and KernelSHAP cost for many labels against one, and against a run for each label, in the same run.

    python benchmarks/shared_masks.py                 # trains a small model on phantom notes first (minutes), and keeps it
    python benchmarks/shared_masks.py --model runs/x  # any saved PLM-CA model
    python benchmarks/shared_masks.py --tokens 500    # a shorter note, for a quick look

Prints for words and sections: the perturbed notes that were scored; the chunks encoded for one label, for all labels together
and for all labels one by one (timed on a few of them, each with coalitions of its own); CPU seconds of the three; and what the
chunks would be if no two notes shared one. Last, how well the maps of two seeds agree.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import platform
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from long_note import likely, trained
from pellucid.attribution import Attribution
from pellucid.case import Case
from pellucid.datasets.phantom.notes import PhantomNotes
from pellucid.explainers.base import Explainer
from pellucid.predictors.plm_ca import PlmCa
from pellucid.registry import explainers
from pellucid.target import Target
from pellucid.units import words

METHODS = ("lime_section", "kernel_shap_section", "lime_word", "kernel_shap_word")


def note_of(model: PlmCa, tokens: int) -> Case:
    """Phantom notes, one after the other, up to so many tokens."""
    text = ""
    for note in PhantomNotes(n=200, seed=7, tokens=(200, 300)).prepare().cases:
        text += note.text + "\n\n"
        if model.tokens(text) >= tokens:
            break
    return Case("note", "note", {"text": text}, frozenset())


def spent(model: PlmCa, case: Case, method: Explainer, targets: list[Target]) -> tuple[Attribution, int, float]:
    """The explanation, the chunks encoded for it and its CPU seconds; nothing is kept from earlier calls."""
    before, start = model.cost.chunks, time.process_time()
    (attribution,) = method(model, model.encode([case]), targets)
    return attribution, model.cost.chunks - before, time.process_time() - start


def compare(model: PlmCa, case: Case, name: str, targets: list[Target], sample: int) -> None:
    method, chunks = explainers.create(name), len(model.encode([case]).data.notes[0].lengths)
    together, encoded, seconds = spent(model, case, method, targets)
    _, encoded_one, seconds_one = spent(model, case, method, targets[:1])
    alone = [spent(model, case, replace(method, seed=k + 1), [target]) for k, target in enumerate(targets[:sample])]
    scale = len(targets) / len(alone)
    encoded_each, seconds_each = scale * sum(a[1] for a in alone), scale * sum(a[2] for a in alone)
    versions = int(together.facts["samples"][0])
    agreement = [np.corrcoef(by_word(together, k), by_word(a[0], 0))[0, 1] for k, a in enumerate(alone)]
    count, unshared = len(targets), versions * chunks
    print(f"{name}: {versions} notes of {chunks} chunks")
    print(f"  chunks: {encoded_one} for 1 label, {encoded} for {count}; {encoded_each:.0f} label by label, ", end="")
    print(f"{encoded_each / encoded:.1f}x; {unshared} if no two notes shared a chunk, {unshared / encoded:.1f}x")
    print(f"  CPU seconds: {seconds_one:.1f} for 1 label, {seconds:.1f} for {count}, {seconds / seconds_one:.2f}x; ", end="")
    print(f"{seconds_each:.1f} label by label, {seconds_each / seconds:.1f}x")
    print(f"  correlation of maps from different seeds, over words: {np.mean(agreement):.2f}")


def by_word(attribution: Attribution, row: int) -> np.ndarray:
    """One label's scores, summed into words."""
    return attribution.project(words(attribution.units.text)).scores[row]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a saved PLM-CA model; default: train one")
    parser.add_argument("--work", type=Path, default=Path("runs/benchmark"), help="where the default model is kept")
    parser.add_argument("--tokens", type=int, default=1500, help="length of the note, at least")
    parser.add_argument("--labels", type=int, default=15)
    parser.add_argument("--sample", type=int, default=2, help="labels on which the label-by-label way is timed")
    given = parser.parse_args()
    torch.set_num_threads(1)
    model = PlmCa.load(given.model or trained(given.work))
    case = note_of(model, given.tokens)
    batch = model.encode([case])
    targets = likely(model, batch, given.labels)
    count = int(batch.data.notes[0].lengths.sum())
    print(f"{platform.machine()}, torch {torch.__version__}, 1 thread; a note of {count} tokens, {len(words(case.text))} words")
    for name in METHODS:
        compare(model, case, name, targets, given.sample)


if __name__ == "__main__":
    main()
