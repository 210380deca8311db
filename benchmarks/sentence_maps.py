"""What attention maps cost for all sentences of a report in one pass, against one sentence after the other, in the same run.

    OMP_NUM_THREADS=1 python benchmarks/sentence_maps.py
    OMP_NUM_THREADS=1 python benchmarks/sentence_maps.py --network efficientnet_lite0 --sentences 20

Prints, as medians of CPU seconds over repeats that take turns, with the range of the ratio over repeats:

* one pass for all sentences;
* the loop of released code: image and sentence are encoded together, each time anew;
* the fair loop: the image is encoded once, sentences are read and held against it one by one;
* the explainer on a model that is asked anew, which takes a fingerprint of all its weights;

and the largest difference between the maps. The ratios are about equal on any machine; the seconds are not.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import platform

import numpy as np
import torch

from image_gradients import image, ratio, taking_turns
from pellucid.case import Case
from pellucid.explainers.sentences.regional import over_pixels
from pellucid.predictor import Batch
from pellucid.predictors.image_text import ATTENTIONS, ImageText
from pellucid.predictors.image_text.aggregating import aggregated, word_weights
from pellucid.registry import explainers
from pellucid.target import Target

FINDINGS = ("effusion", "opacity", "nodule", "atelectasis", "pneumothorax")
PLACES = ("left lower lobe", "right upper lobe", "left lung base", "right lung apex")
REPORT = tuple(f"There is a small {finding} in the {place}." for place in PLACES for finding in FINDINGS)


def one_pass(model: ImageText, case: Case, sentences: tuple[str, ...]) -> np.ndarray:
    """All sentences at once."""
    return maps_of(model, model.encode([case]), sentences)


def explained(model: ImageText, case: Case, sentences: tuple[str, ...]) -> np.ndarray:
    """All sentences at once, through the explainer with all that it checks and keeps."""
    asked = model.ask(sentences)
    targets = [Target.label(sentence) for sentence in sentences]
    return np.asarray(explainers.create("local_attention")(asked, asked.encode([case]), targets)[0].scores)


def anew(model: ImageText, case: Case, sentences: tuple[str, ...]) -> np.ndarray:
    """Image and sentence encoded anew each time."""
    return np.concatenate([maps_of(model, model.encode([case]), (sentence,)) for sentence in sentences])


def fair(model: ImageText, case: Case, sentences: tuple[str, ...]) -> np.ndarray:
    """The image encoded once, sentences one by one."""
    batch = model.encode([case])
    return np.concatenate([maps_of(model, batch, (sentence,)) for sentence in sentences])


@torch.no_grad()
def maps_of(model: ImageText, batch: Batch, sentences: tuple[str, ...]) -> np.ndarray:
    """Maps by nothing but the model; the batch remembers its image."""
    images, texts = model.see(batch), model.read(sentences)
    maps, _ = aggregated(model.align(images, texts), word_weights(texts))
    return np.asarray(over_pixels(maps[0], images, batch, 0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="small")
    parser.add_argument("--text", default="small")
    parser.add_argument("--attention", default="corrected", choices=tuple(ATTENTIONS))
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--sentences", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    shape = {"size": (given.size, given.size), "channels": 3, "rule": ATTENTIONS[given.attention]}
    model = ImageText.made(given.network, ("effusion",), texts=REPORT, text_encoder=given.text, **shape)
    case, sentences = image(given.size), REPORT[: given.sentences]
    ways = {"one pass": one_pass, "encoded anew": anew, "image reused": fair, "explainer": explained}
    maps = {name: way(model, case, sentences) for name, way in ways.items()}  # and all that is found once a model is found
    times = taking_turns({name: lambda way=way: way(model, case, sentences) for name, way in ways.items()}, given.repeats)
    print(f"{given.network} at {given.size} pixels with {given.text}, {given.attention} attention, {len(sentences)} sentences,")
    print(f"torch {torch.__version__}, {torch.get_num_threads()} thread(s), {platform.processor() or platform.machine()}\n")
    print(f"one pass for all sentences: {np.median(times['one pass']):.3f} s")
    print(f"  sentence by sentence, all encoded anew: {ratio(times['encoded anew'], times['one pass'])} of it; target 5x")
    print(f"  sentence by sentence, the image encoded once: {ratio(times['image reused'], times['one pass'])} of it")
    print(f"  the model asked anew and explained by name: {ratio(times['explainer'], times['one pass'])} of it")
    apart = max(np.abs(maps[name] - maps["one pass"]).max() for name in ways) / maps["one pass"].max()
    print(f"  largest difference between maps, as a share of the largest score: {apart:.1e}")


if __name__ == "__main__":
    main()
