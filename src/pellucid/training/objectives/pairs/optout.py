"""Opting out: words of what is not there are to look at nothing, and words of what is there are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from pellucid.case import Case
from pellucid.registry import objectives
from pellucid.training.objectives.pairs.drawing import Pairs, pairs_of
from pellucid.training.objectives.pairs.knowing import denied, known
from pellucid.training.objectives.pairs.maps import log_of, maps_of
from pellucid.training.objectives.pairs.paired import Paired, demand_null, nothing
from pellucid.training.step import Step
from pellucid.training.trainable import Trainable


@objectives.register("optout")
@dataclass(frozen=True)
class OptOut(Paired):
    """Binary cross-entropy on n, the share of a sentence's map that is left to the null: the mean over its clinical words.

    Three means over the pairs of a batch, added up; one without pairs is 0::

        -log(1 - n)  of sentences that have a place, on their own image
        -log n       of sentences that say only what is absent, on their own image
        -log n       of sentences that say something is there, on every image that is known to have none of it

    Known means that the finding is a label of the data set and none of the case, or that the report of the case denies it.

    Attributes:
        published: in place of all that, the mean of log n over own pairs, n over all items of a sentence. It pushes everything
            off the null, what is absent too; nothing is ever rewarded for opting out.
    """

    name: ClassVar[str] = "optout"
    cites = "McInerney et al. 2022 (the opt-out penalty, published=true)"

    published: bool = False

    def inspect(self, model: Trainable, cases: Sequence[Case]) -> Mapping[str, Any]:
        """How many sentences there are of the two kinds that are judged on their own image.

        Raises:
            CapabilityError: the model reads no sentences, or its words cannot look at nothing.
            DataError: there is no sentence.
        """
        found = super().inspect(model, cases)
        demand_null(model, cases, self.name)
        said = [phrase for case in cases for phrase in case.sentences]
        return {**found, "with_a_place": sum(p.groundable for p in said), "absent": sum(p.absent for p in said)}

    def __call__(self, step: Step) -> Float[Tensor, ""]:
        pairs = pairs_of(step)
        if pairs is None:
            return nothing(step)
        null = maps_of(pairs.found, pairs.texts, "all" if self.published else "entities")[1]
        matched = null[pairs.rows, torch.arange(len(pairs.rows), device=null.device)]
        return log_of(matched).mean() if self.published else _both_ways(step, pairs, matched, null)


def _both_ways(step: Step, pairs: Pairs, matched: Float[Tensor, " S"], null: Float[Tensor, "B S"]) -> Float[Tensor, ""]:
    there = torch.tensor([phrase.groundable for phrase in pairs.phrases], device=null.device)
    absent = torch.tensor([phrase.absent for phrase in pairs.phrases], device=null.device)
    labels = frozenset(step.model.labels)
    away = known(lambda phrase, case: denied(phrase, case, labels), pairs.phrases, step.batch.cases)
    away[pairs.rows.cpu(), range(len(pairs.phrases))] = False  # what a report says of its own image is taken as true
    elsewhere = torch.from_numpy(away).to(null.device)
    return _mean(-log_of(1 - matched), there) + _mean(-log_of(matched), absent) + _mean(-log_of(null), elsewhere)


def _mean(costs: Float[Tensor, "*N"], of: Bool[Tensor, "*N"]) -> Float[Tensor, ""]:
    """Over those that are meant; 0 where there are none."""
    return (costs * of).sum() / of.sum().clamp(min=1)
