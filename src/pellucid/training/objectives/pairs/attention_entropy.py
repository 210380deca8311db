"""Entropy: words are to look at few places."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.case import Case
from pellucid.registry import objectives
from pellucid.training.objectives.pairs.drawing import pairs_of
from pellucid.training.objectives.pairs.maps import maps_of, shares
from pellucid.training.objectives.pairs.paired import Paired, nothing
from pellucid.training.step import Step


@objectives.register("attention_entropy")
@dataclass(frozen=True)
class AttentionEntropy(Paired):
    """`-sum_r a_r log a_r / log R` of the map of a sentence on its own image, in [0, 1]; the mean over own pairs.

    The map is the mean over clinical words, without the share of the null. Sentences that say only what is absent take no part.
    The weight in the sum holds; the released code ignores it.
    """

    name: ClassVar[str] = "attention_entropy"
    weight = 0.1
    cites = "McInerney et al. 2022 (the entropy loss)"

    @property
    def wanted(self) -> str:
        return "a sentence that says something is there"

    def uses(self, case: Case, index: int) -> bool:
        return not case.sentences[index].absent

    def __call__(self, step: Step) -> Float[Tensor, ""]:
        pairs = pairs_of(step)
        columns = [] if pairs is None else [i for i, phrase in enumerate(pairs.phrases) if not phrase.absent]
        if pairs is None or not columns:
            return nothing(step)
        maps = shares(maps_of(pairs.found, pairs.texts)[0][pairs.rows[columns], columns])
        return entropy(maps).mean()


def entropy(shares: Float[Tensor, "*N R"]) -> Float[Tensor, "*N"]:
    """Of densities, as a share of that of an even one: 1 where even, 0 where all lies in one place or there is but one."""
    spread: Tensor = torch.special.xlogy(shares, shares).sum(-1)
    return -spread / math.log(max(shares.shape[-1], 2))
