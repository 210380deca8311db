"""Laterality: with left and right exchanged, a sentence no longer fits the image, and its map changes sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pellucid.case import Case, Phrase
from pellucid.registry import objectives
from pellucid.rewording.sides import Side
from pellucid.training.objectives.pairs.drawing import aligner, chosen, seen
from pellucid.training.objectives.pairs.maps import alone, maps_of
from pellucid.training.objectives.pairs.paired import Paired, nothing
from pellucid.training.objectives.pairs.placing import Lungs, covered, lungs_of
from pellucid.training.objectives.pairs.siding import Twin, twin
from pellucid.training.step import Step
from pellucid.training.trainable import Trainable


@objectives.register("laterality")
@dataclass(frozen=True)
class Laterality(Paired):
    """Hinges on a sentence s that names one side, and on its twin s' of the other side, where that is untrue of the image.

    With z the score of a pair, d(s) the mass of a sentence's map on the lung that it names, less that on the other one, and n'
    the share that the twin's map leaves to the null::

        max(0, margin - z(s) + z(s')) + max(0, mass - d(s)) + max(0, mass (1 - n') - d(s'))

    The last two are for sentences that have a place, on images whose two lungs are known; the twin may look where it says, or
    at nothing. A region counts for each lung by the share of it that the lung covers. Means over the sentences that each term
    is for; one sentence of each case that has such is drawn.

    Attributes:
        margin: of scores, on the scale of logits.
        mass: of directed mass, in [0, 1].
    """

    name: ClassVar[str] = "laterality"
    cites = "ours, after the perturbation of McInerney et al. 2022"

    margin: float = 2.0
    mass: float = 0.5

    def __post_init__(self) -> None:
        self._demand("margin", "above 0", self.margin > 0)
        self._demand("mass", "a share, at least 0 and at most 1", 0 <= self.mass <= 1)

    @property
    def wanted(self) -> str:
        return "a sentence of one side that would be untrue of the other"

    def uses(self, case: Case, index: int) -> bool:
        return twin(case, index) is not None

    def inspect(self, model: Trainable, cases: Sequence[Case]) -> Mapping[str, Any]:
        """As of every objective of pairs; "with_lungs" are the cases whose two lungs are known.

        Raises:
            CapabilityError: the model reads no sentences.
            DataError: no sentence can be learnt from.
        """
        found = super().inspect(model, cases)
        return {**found, "with_lungs": sum(bool(case.sentences) and lungs_of(case) is not None for case in cases)}

    def __call__(self, step: Step) -> Float[Tensor, ""]:
        rows, said = chosen(step, "of one side", self.uses)
        if not said:
            return nothing(step)
        cases = [step.batch.cases[row] for row in rows.tolist()]
        twins = [_twin(case, phrase) for case, phrase in zip(cases, said, strict=True)]
        texts = [text for phrase, other in zip(said, twins, strict=True) for text in (phrase.text, other.phrase.text)]
        scores, maps, null = _held(step, rows, texts)
        cost = torch.relu(self.margin - scores[:, 0] + scores[:, 1]).mean()
        lungs = {i: both for i, case in enumerate(cases) if said[i].groundable and (both := lungs_of(case)) is not None}
        if not lungs:
            return cost
        towards = torch.stack([_directed(step, both, twins[i].side, maps[i]) for i, both in lungs.items()])
        away = torch.relu(self.mass + towards[:, 0])
        turned = torch.relu(self.mass * (1 - null[list(lungs), 1]) - towards[:, 1])
        return cost + away.mean() + turned.mean()


def _twin(case: Case, phrase: Phrase) -> Twin:
    """Of a sentence that was drawn for having one."""
    numbers = (number for number, said in enumerate(case.sentences) if said is phrase)
    return next(found for number in numbers if (found := twin(case, number)) is not None)


def _held(
    step: Step, rows: Int[Tensor, " N"], texts: Sequence[str]
) -> tuple[Float[Tensor, "N 2"], Float[Tensor, "N 2 R"], Float[Tensor, "N 2"]]:
    """Scores, maps and shares of the null of sentences and their twins, in pairs."""
    model = aligner(step)
    found = [
        (model.match(image, pair), *maps_of(model.align(image, pair), pair))
        for image, pair in alone(step, model.read(texts), rows.repeat_interleave(2))
    ]
    scores, maps, null = (torch.cat(parts) for parts in zip(*found, strict=True))
    return scores.to(maps), maps, null


def _directed(step: Step, lungs: Lungs, side: Side, maps: Float[Tensor, "2 R"]) -> Float[Tensor, " 2"]:
    """The mass of maps on the lung of that side, less that on the other."""
    right, left = (covered(lung, seen(step), step.batch.units[0].shape).to(maps) for lung in lungs)
    return maps @ (right - left if side == "right" else left - right)
