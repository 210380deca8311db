"""What a training step costs under each objective, as a ratio to a step under "bce" of the same run.

    python benchmarks/objectives.py                     # both encoders made here; some minutes
    python benchmarks/objectives.py --encoder tiny --repeats 3

A step is all that training does for one batch: reading the notes, forward and backward passes, and the optimiser. Notes are
phantoms of 500 to 1,000 words. Prints medians of CPU seconds over repeats, in which the objectives take turns: first as a
recipe trains unless told otherwise, then with all of them in equal parts of a batch (`micro_batch_size`).
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import platform
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from pellucid.datasets import write
from pellucid.datasets.base import Dataset
from pellucid.datasets.phantom.notes import PhantomNotes
from pellucid.predictors.encoders import encoder_and_tokenizer
from pellucid.predictors.plm_ca import PlmCa
from pellucid.training import Recipe
from pellucid.training.reproducible import reproducible
from pellucid.training.run import Run

OBJECTIVES = ("bce", "bce + igr", "bce + pgd", "tm", "bce + evidence")
BATCH = 16


def new_model(dataset: Dataset, encoder: str, seed: int) -> PlmCa:
    texts = [case.text for case in dataset.split("train")]
    made, tokenizer = encoder_and_tokenizer(encoder, texts=texts, seed=seed)
    return PlmCa.build(made, tokenizer, dataset.labels, generator=torch.Generator().manual_seed(seed))


def runs(dataset: Dataset, encoder: str, micro: int | None, seed: int) -> dict[str, Run]:
    """A run of every objective, each with a model of its own."""
    common = {"encoder": encoder, "batch_size": BATCH, "micro_batch_size": micro, "precision": "fp32", "seed": seed}
    return {text: Run(new_model(dataset, encoder, seed), dataset, Recipe(objective=text, **common)) for text in OBJECTIVES}


def seconds(run: Run, indices: np.ndarray) -> float:
    """CPU seconds of one step."""
    start = time.process_time()
    run._step(indices)
    return time.process_time() - start


def measure(dataset: Dataset, encoder: str, micro: int | None, repeats: int, seed: int) -> None:
    started = runs(dataset, encoder, micro, seed)
    batches = np.random.default_rng(seed).permutation(len(dataset.split("train")))[: BATCH * (repeats + 1)].reshape(-1, BATCH)
    times: dict[str, list[float]] = {text: [] for text in started}
    for turn, indices in enumerate(batches):
        for text, run in started.items():
            run.model.module.train()
            spent = seconds(run, indices)
            if turn:  # the first step of a run also sets up its optimiser
                times[text].append(spent)
    medians = {text: statistics.median(spent) for text, spent in times.items()}
    print(f"{encoder}, batches of {BATCH} notes" + (f" in parts of {micro}" if micro else ""))
    for text, spent in medians.items():
        print(f"  {text:21s} {spent:7.2f} s  {spent / medians['bce']:5.2f} x bce", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", nargs="+", default=["tiny", "small"])
    parser.add_argument("--micro", type=int, nargs="+", default=[0, 4], help="notes in memory together; 0: as is usual")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{platform.machine()}, torch {torch.__version__}, 1 thread, seed {given.seed}")
    with TemporaryDirectory() as folder:
        notes = PhantomNotes(n=2 * BATCH * (given.repeats + 1), seed=given.seed, tokens=(500, 1000))
        dataset = write(Path(folder) / "data", notes.prepare(), seed=given.seed)
        for encoder in given.encoder:
            for micro in given.micro:
                with reproducible(given.seed, torch.device("cpu")):
                    measure(dataset, encoder, micro or None, given.repeats, given.seed)


if __name__ == "__main__":
    main()
