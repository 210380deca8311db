"""What the model makes of one picture and some texts: scores of the pairs, and every method's map for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.alignment.asking import Asked
from pellucid.alignment.job import Job, Model
from pellucid.alignment.plan import PRIOR
from pellucid.audit.explaining import explain
from pellucid.predictor import Batch, TextSide
from pellucid.predictors.image_text.aggregating import aggregated, word_weights
from pellucid.target import Target
from pellucid.units import PixelUnits

NULL = "null_share"
"""Name of the findings about what is left to no place."""

_FACT = "null"
"""Name of the fact with which a method says so."""


@dataclass(frozen=True, eq=False)
class Scores:
    """Of one picture with each of S texts.

    Attributes:
        pair: what explanations of the pair are about.
        null: share of what clinical words look at that is no place in the picture; 0 for a model that cannot opt out.
    """

    pair: Float[np.ndarray, " S"]
    local: Float[np.ndarray, " S"]
    whole: Float[np.ndarray, " S"]
    null: Float[np.ndarray, " S"]

    def row(self, index: int) -> dict[str, float]:
        """Those of one text, by the name of the metric."""
        named = {"pair_score": self.pair, "local_score": self.local, "whole_score": self.whole, NULL: self.null}
        return {name: float(values[index]) for name, values in named.items()}


class Texts:
    """Texts as the model reads them, each once.

    Args:
        asked: any number of texts may be the same.
    """

    def __init__(self, model: Model, asked: Sequence[Asked]) -> None:
        self.unique = tuple(dict.fromkeys(one.text for one in asked))
        self._place = {text: i for i, text in enumerate(self.unique)}
        with torch.no_grad():
            self.side = model.read(self.unique)

    def rows(self, asked: Sequence[Asked]) -> list[int]:
        """Where the texts stand."""
        return [self._place[one.text] for one in asked]

    def of(self, asked: Sequence[Asked]) -> TextSide:
        """The texts as read, one row each."""
        rows, side = self.rows(asked), self.side
        picked = (values[rows] for values in (side.words, side.real, side.special, side.whole))
        words, real, special, whole = picked
        texts, spans, truncated = zip(*((side.texts[i], side.spans[i], side.truncated[i]) for i in rows), strict=True)
        return TextSide(texts, words, real, special, whole, spans, truncated)


@torch.no_grad()
def scored(model: Model, batch: Batch, texts: TextSide) -> Scores:
    """Scores of the one picture of a batch with every text."""
    images = model.see(batch)
    found = model.align(images, texts)
    _, null = aggregated(found, word_weights(texts, "entities"))
    return Scores(*(_row(values) for values in (model.match(images, texts), found.local, found.whole, null)))


@dataclass(frozen=True, eq=False)
class Maps:
    """By method a map for each of S texts, and what share the method left to no place, where it says so."""

    scores: Mapping[str, Float[np.ndarray, "S U"]]
    nulls: Mapping[str, Float[np.ndarray, " S"]]


def mapped(job: Job, batch: Batch, asked: Sequence[Asked]) -> Maps:
    """The maps of all methods for the one picture of a batch; every method is called once, with all texts as targets.

    Raises:
        PellucidError: a score is not a finite number.
    """
    units: PixelUnits = batch.units[0]
    distinct = tuple(dict.fromkeys(one.text for one in asked))
    place = {text: i for i, text in enumerate(distinct)}
    rows = [place[one.text] for one in asked]
    questions = job.model.ask(distinct)
    targets = [Target.label(text) for text in distinct]
    said, _ = explain(job.explainers, questions, batch, targets, units) if job.explainers else ({}, {})
    scores = {name: attribution.scores[rows] for name, attribution in said.items()}
    if job.prior is not None:
        scores |= {PRIOR: job.prior([one.regions for one in asked])}
    nulls = {name: a.facts[_FACT][rows] for name, a in said.items() if _FACT in a.facts}
    return Maps({name: scores[name] for name in job.methods}, nulls)


def _row(values: Float[Tensor, "1 S"]) -> Float[np.ndarray, " S"]:
    return np.asarray(values[0].double().cpu().numpy())
