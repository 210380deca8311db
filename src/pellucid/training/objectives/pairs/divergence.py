"""Divergence: sentences about different places of one image are to have different maps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.case import Case, Phrase
from pellucid.registry import objectives
from pellucid.training.objectives.pairs.drawing import aligner, pairs_of
from pellucid.training.objectives.pairs.maps import maps_of, own, shares
from pellucid.training.objectives.pairs.paired import Paired, nothing
from pellucid.training.objectives.pairs.placing import area_of, overlap, placed
from pellucid.training.step import Step


@objectives.register("divergence")
@dataclass(frozen=True)
class Divergence(Paired):
    """`w (1 - JS(m, m'))` of the maps of two sentences of one report, on its image; the mean over images that have two.

    JS is the Jensen-Shannon divergence in bits, in [0, 1], of the maps without the share of the null. w is 1 less the overlap
    (intersection over union) of what the two sentences speak of, 1 where nobody said. Sentences that say only what is absent
    take no part: their maps have no place to be. Symmetric KL has no bound: two maps that are far apart already would gain
    without end by moving further.

    Attributes:
        published: the negative of the mean symmetric KL, in nats, between the map of an image's own sentence and that
            of every other sentence of the batch on it, whatever they say.
    """

    name: ClassVar[str] = "divergence"
    cites = "McInerney et al. 2022 (the divergence loss, published=true); Lin 1991 (Jensen-Shannon)"

    published: bool = False

    @property
    def wanted(self) -> str:
        return "a sentence" if self.published else "two sentences that say something is there"

    def uses(self, case: Case, index: int) -> bool:
        return self.published or (not case.sentences[index].absent and len(_present(case)) > 1)

    def __call__(self, step: Step) -> Float[Tensor, ""]:
        return self._published(step) if self.published else self._within(step)

    def _within(self, step: Step) -> Float[Tensor, ""]:
        drawn = [(row, case, *_two(_present(case))) for row, case in enumerate(step.batch.cases) if len(_present(case)) > 1]
        if not drawn:
            return nothing(step)
        texts = aligner(step).read([said.text for _, _, one, other in drawn for said in (one, other)])
        rows = torch.tensor([row for row, *_ in drawn for _ in range(2)])
        one, other = shares(own(step, texts, rows)[0]).unflatten(0, (-1, 2)).unbind(1)
        weights = one.new_tensor([apart(case, *pair) for _, case, *pair in drawn])
        alike: Tensor = weights * (1 - jensen_shannon(one, other))
        return alike.mean()

    def _published(self, step: Step) -> Float[Tensor, ""]:
        pairs = pairs_of(step)
        if pairs is None or len(pairs.phrases) < 2:
            return nothing(step)
        maps = shares(maps_of(pairs.found, pairs.texts, "all")[0])[pairs.rows]
        mine = maps.diagonal(dim1=0, dim2=1).T[:, None]
        far: Float[Tensor, "S S"] = ((mine - maps) * (mine.log() - maps.log())).sum(-1) / 2
        count = len(far)
        return -far.sum() / (count * (count - 1))  # of a map with itself it is 0


def jensen_shannon(one: Float[Tensor, "*N R"], other: Float[Tensor, "*N R"]) -> Float[Tensor, "*N"]:
    """Between densities without zeros, in bits: 0 where they are equal, 1 where they share no place."""
    middle = ((one + other) / 2).log()
    halves = [(part * (part.log() - middle)).sum(-1) / 2 for part in (one, other)]
    nats: Tensor = torch.stack(halves).sum(0)
    return nats / math.log(2)


def apart(case: Case, one: Phrase, other: Phrase) -> float:
    """1 less the overlap of what two sentences speak of; 1 where one of them has no place that anybody said."""
    if not (placed(one) and placed(other)):
        return 1.0
    return 1.0 - overlap(area_of(one, case), area_of(other, case))


def _present(case: Case) -> list[Phrase]:
    return [phrase for phrase in case.sentences if not phrase.absent]


def _two(phrases: list[Phrase]) -> tuple[Phrase, Phrase]:
    first, second = torch.randperm(len(phrases))[:2].tolist()
    return phrases[first], phrases[second]
