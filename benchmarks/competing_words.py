"""What the softmax over words does to maps: one trained model, read by the published attention and by the corrected one.

Regions and words are those of a trained image-text model; only the rule changes by which words attend to regions. The published
rule takes a softmax over words in each region first, so that the shares of the words sum to 1 there and the mean map says, to
first order, nothing. For several gains (factors of the cosines before that softmax) it prints the pixel AUROC of the maps of
sentences with a place, with 95 % intervals over patients.

    python benchmarks/competing_words.py runs/pairs data/reports --split validation
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import normalize

from pellucid import predictors
from pellucid.datasets import open_dataset
from pellucid.explainers.images.maps import to_pixels
from pellucid.predictor import ImageSide, TextSide
from pellucid.predictors.image_text.aggregating import word_weights
from pellucid.statistics import bootstrap_mean
from pellucid.training.evaluate import auroc
from pellucid.units import PixelUnits

GAINS = (1, 2, 4, 8, 16, 32)
TAU1 = 4.0  # as published


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--split", default="validation")
    options = parser.parse_args()
    model: Any = predictors.load(options.model)
    found: dict[tuple[str, int], list[tuple[str, float]]] = defaultdict(list)
    for case in open_dataset(options.data).split(options.split):
        for name, patient, value in figures(model, case):
            found[name].append((patient, value))
    print("| maps | " + " | ".join(f"gain {gain}" for gain in GAINS) + " |")
    for name in dict.fromkeys(name for name, _ in found):
        cells = [bootstrap_mean([v for _, v in found[name, g]], [p for p, _ in found[name, g]]) for g in GAINS]
        print(f"| {name} | " + " | ".join(f"{c.value:.2f} [{c.low:.2f}, {c.high:.2f}]" for c in cells) + " |")
    print(f"{cells[0].n} sentences of {cells[0].patients} patients.")


@torch.no_grad()
def figures(model: Any, case: Any) -> Iterator[tuple[tuple[str, int], str, float]]:
    """AUROC of each map of each sentence of a case that has a place."""
    phrases = [phrase for phrase in case.sentences if phrase.groundable]
    if not phrases:
        return
    images, texts = model.see(model.encode([case])), model.read([phrase.text for phrase in phrases])
    units = PixelUnits.of(model.size)
    for gain in GAINS:
        for name, maps in read(images, texts, gain):
            pixels = to_pixels(maps.unflatten(1, images.grid), model.size).flatten(1)
            for phrase, row in zip(phrases, pixels, strict=True):
                value = auroc(row.double().numpy(), phrase.covers(units))
                if value is not None:
                    yield (name, gain), case.patient, value


def read(images: ImageSide, texts: TextSide, gain: float) -> Iterator[tuple[str, torch.Tensor]]:
    """Maps of sentences by both rules, as means over all items and over the words that name something."""
    cosines = gain * torch.einsum("rd,sld->slr", normalize(images.regions[0], dim=-1), normalize(texts.words, dim=-1))
    shares = cosines.masked_fill(~texts.real[:, :, None], -1e9).softmax(1)
    rules = {"words compete (published)": (TAU1 * shares).softmax(-1), "words do not compete": cosines.softmax(-1)}
    for rule, attention in rules.items():
        for over, weighing in (("mean over all items", "all"), ("words that name something", "entities")):
            yield f"{rule}, {over}", torch.einsum("slr,sl->sr", attention, word_weights(texts, weighing))


if __name__ == "__main__":
    main()
