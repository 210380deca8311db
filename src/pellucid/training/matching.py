"""How well an image-text model tells whose a sentence is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from jaxtyping import Bool, Float

from pellucid.case import Case
from pellucid.errors import DataError
from pellucid.predictor import SentenceAlignment, missing_capabilities, modality_of
from pellucid.training.evaluate import Performance, auroc
from pellucid.training.objectives.pairs.knowing import holds, known
from pellucid.training.trainable import Trainable

_IMAGES, _SENTENCES = 16, 64  # held against each other at once


def matches(model: Trainable) -> bool:
    """Whether the model holds images against sentences, so that it is judged by telling whose they are.

    A model of text is not asked: what it lacks is found by running it, which in training would draw from the generator.
    """
    return modality_of(model) == "image" and not missing_capabilities(model, ("sentence_alignment",))


def matching(model: Trainable, cases: Sequence[Case]) -> Performance:
    """Figures of retrieval on cases with reports. The model is left in evaluation mode.

    Returns:
        `matching`: mean over sentences of the probability that the sentence's own image has a higher score than one of
        another patient of which the sentence is not known to be true, ties counting half (chance 0.5); `matching_local` and
        `matching_whole`: the same by each score alone; `sentences`: how many were judged. A sentence that is known to be true
        of every image of other patients cannot be judged.

    Raises:
        DataError: no sentence can be judged.
    """
    said = [(row, phrase) for row, case in enumerate(cases) for phrase in case.sentences]
    rows, phrases = [row for row, _ in said], [phrase for _, phrase in said]
    patients = np.array([case.patient for case in cases], dtype=object)
    own = np.arange(len(cases))[:, None] == np.array(rows, dtype=np.int64)
    others = (patients[:, None] != patients[rows]) & ~known(holds, phrases, cases)
    if not others.any():
        raise DataError(
            f"None of the {len(said)} sentences of {len(cases)} cases can be held against the image of another patient whom it "
            "is not true of; give more patients with reports."
        )
    local, whole = _scores(model, cases, [phrase.text for phrase in phrases])
    judged = {"matching": local + whole, "matching_local": local, "matching_whole": whole}
    found = {name: _mean_auroc(scores, own, others) for name, scores in judged.items()}
    return {**found, "sentences": int(others.any(0).sum())}


@torch.no_grad()
def _scores(
    model: Trainable, cases: Sequence[Case], texts: Sequence[str]
) -> tuple[Float[np.ndarray, "B S"], Float[np.ndarray, "B S"]]:
    """Local and global scores of every image with every sentence; equal sentences are read once."""
    model.module.eval()
    aligner = cast(SentenceAlignment, model)
    each = {text: number for number, text in enumerate(dict.fromkeys(texts))}
    said = list(each)
    blocks = [aligner.read(said[i : i + _SENTENCES]) for i in range(0, len(said), _SENTENCES)]
    rows: list[tuple[np.ndarray, np.ndarray]] = []
    for start in range(0, len(cases), _IMAGES):
        images = aligner.see(model.encode(cases[start : start + _IMAGES]))
        found = [aligner.align(images, block) for block in blocks]
        pair = torch.cat([f.local for f in found], 1), torch.cat([f.whole for f in found], 1)
        rows.append((pair[0].double().cpu().numpy(), pair[1].double().cpu().numpy()))
    columns = [each[text] for text in texts]
    local, whole = (np.concatenate([row[k] for row in rows])[:, columns] for k in (0, 1))
    return local, whole


def _mean_auroc(scores: Float[np.ndarray, "B S"], own: Bool[np.ndarray, "B S"], others: Bool[np.ndarray, "B S"]) -> float:
    """Over the sentences that can be judged; there is one."""
    values = [auroc(s[a | b], a[a | b]) for s, a, b in zip(scores.T, own.T, others.T, strict=True) if b.any()]
    return float(np.mean(values))  # type: ignore[arg-type]  # each has its own image and another
