"""The checks that apply to a data set, and those that apply to a model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

import numpy as np
import torch

from pellucid.alignment.checks.base import Inapplicable, Verdict
from pellucid.alignment.checks.boxes import copied_edges
from pellucid.alignment.checks.masking import mask_read_as_word
from pellucid.alignment.checks.scores import unlike_scores
from pellucid.case import Case
from pellucid.predictor import Predictor, SentenceAlignment, require


def checked_cases(cases: Iterable[Case]) -> list[Verdict]:
    """What can be said of the sentences of a data set; empty where none has a box.

    Reads every image once, for its size.
    """
    boxes, sizes = [np.zeros((0, 4))], [np.zeros((0, 2))]
    for case in cases:
        rows = [phrase.boxes.boxes for phrase in case.sentences if len(phrase.boxes.boxes)]
        if rows:
            boxes += rows
            sizes.append(np.tile(case.picture.size[-2:], (sum(map(len, rows)), 1)))
    try:
        return [copied_edges(np.concatenate(boxes), np.concatenate(sizes))]
    except Inapplicable:
        return []


def checked_model(model: Predictor, cases: Sequence[Case]) -> list[Verdict]:
    """What can be said of an image-text model: its mask token, and whether it ranks as it was trained.

    Args:
        cases: with sentences; a handful will do. With fewer than two pairs the second is left out.

    Raises:
        CapabilityError: it is no image-text model.
    """
    require(model, ("sentence_alignment",), "The checks of image-text models")
    reader = cast(SentenceAlignment, model)
    found, texts = [mask_read_as_word(reader)], list(dict.fromkeys(p.text for case in cases for p in case.sentences))
    if len(cases) * len(texts) < 2:
        return found
    with torch.no_grad():
        images, sentences = reader.see(model.encode(cases)), reader.read(texts)
        told = reader.align(images, sentences)
        trained, ranked = (told.local + told.whole).ravel().tolist(), reader.match(images, sentences).ravel().tolist()
    return [*found, unlike_scores(trained.__getitem__, ranked.__getitem__, range(len(trained)))]
