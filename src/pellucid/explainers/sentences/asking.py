"""Targets as sentences, and images held against all of them in one pass.

A label of an image-text model is a question. Of a model that was asked sentences (`model.ask`), each label is its sentence. Of
one with findings for labels, a question has a sentence and an opposite ("There is effusion." and "No effusion."), and the logit
is the difference of their scores. Methods that explain the score read both; maps of where words look read the sentence alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.attribution import Attribution
from pellucid.explainers.base import Explainer, attribute
from pellucid.predictor import (
    Alignment,
    Batch,
    ImageSide,
    Predictor,
    RegionPooling,
    SentenceAlignment,
    TextSide,
    missing_capabilities,
)
from pellucid.target import Target, resolve


@dataclass(frozen=True, eq=False)
class Asked:
    """Sentences, each once, and the targets as weighted sums of their scores.

    Attributes:
        texts: the sentences.
        weights: row k holds the weights of target k.
    """

    texts: tuple[str, ...]
    weights: Float[Tensor, "K S"]


def asked(predictor: Predictor, targets: Sequence[Target], *, opposites: bool) -> Asked:
    """The sentences behind targets.

    Args:
        opposites: count the opposite of a question with -1, as its logit does; else leave it out.

    Raises:
        PellucidError: a target names no sentence that the model was asked, or there are no targets.
    """
    resolved = resolve(targets, predictor.labels)
    questions = getattr(predictor, "questions", None) or [(label, None) for label in predictor.labels]
    columns: dict[str, Tensor] = {}
    for output, weight in zip(resolved.outputs, resolved.weights.T, strict=True):
        said, opposite = questions[output]
        columns[said] = columns.get(said, 0) + weight
        if opposite is not None and opposites:
            columns[opposite] = columns.get(opposite, 0) - weight
    return Asked(tuple(columns), torch.stack(list(columns.values()), 1))


def sides(predictor: Predictor, batch: Batch, texts: Sequence[str]) -> tuple[ImageSide, TextSide]:
    """Images and sentences, without a graph; each read once a batch, for all methods that ask for the same."""
    model = cast(SentenceAlignment, predictor)
    name = ("sentences", tuple(texts), predictor.fingerprint)
    with torch.no_grad():
        if name not in batch.memo:
            batch.memo[name] = model.read(texts)
        return model.see(batch), cast(TextSide, batch.memo[name])


def aligned(predictor: Predictor, batch: Batch, texts: Sequence[str]) -> tuple[ImageSide, TextSide, Alignment]:
    """The same, held against each other; all cases with all sentences at once."""
    images, read = sides(predictor, batch, texts)
    name = ("alignment", tuple(texts), predictor.fingerprint)
    if name not in batch.memo:
        with torch.no_grad():
            batch.memo[name] = cast(SentenceAlignment, predictor).align(images, read)
    return images, read, cast(Alignment, batch.memo[name])


def row(images: ImageSide, case: int) -> ImageSide:
    """One of the images."""
    return replace(images, regions=images.regions[case : case + 1], whole=images.whole[case : case + 1])


def remade(predictor: Predictor, images: ImageSide, regions: Float[Tensor, "N R d"]) -> ImageSide:
    """Images of other regions in the same places, inside the graph, and the whole that follows from them.

    Where the model does not make the whole of its regions, it is held: what the score then reads of them is its local part.
    """
    if missing_capabilities(predictor, ("region_pooling",)):
        return replace(images, regions=regions, whole=images.whole.expand(len(regions), -1))
    return replace(images, regions=regions, whole=cast(RegionPooling, predictor).pooled(regions))


def attributed(
    explainer: Explainer,
    predictor: Predictor,
    batch: Batch,
    case: int,
    targets: Sequence[Target],
    scores: Float[Tensor, "K L"],
    null: Float[Tensor, " K"] | None = None,
) -> Attribution:
    """An attribution, signed where a target is a contrast: what is in both maps is in neither then.

    Args:
        null: share of the attention that looked at nothing; a fact where the model can opt out.
    """
    facts = {} if null is None else {"null": null.double().cpu().numpy()}
    found = attribute(explainer, predictor, batch, case, targets, scores, facts)
    against = any(weight < 0 for target in targets for _, weight in target.terms)
    return replace(found, signed=True) if against else found
