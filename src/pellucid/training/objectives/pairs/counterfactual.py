"""A counterfactual place: with its place exchanged, a sentence no longer fits the image, and its map goes elsewhere."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from pellucid.case import Case, Phrase
from pellucid.training.objectives.pairs.drawing import aligner, chosen, seen
from pellucid.training.objectives.pairs.maps import alone, maps_of
from pellucid.training.objectives.pairs.paired import Paired, nothing
from pellucid.training.objectives.pairs.placing import Lungs, covered, lungs_of
from pellucid.training.objectives.pairs.twins import Axis, Twin, twin
from pellucid.training.step import Step
from pellucid.training.trainable import Trainable

Ends = Mapping[str, Bool[np.ndarray, "H W"]]
"""The pixels of each of the two ends of an axis, by name."""


@dataclass(frozen=True)
class Counterfactual(Paired):
    """Hinges on a sentence s that names one end of an axis, and on its twin s' of the other, where that is untrue of the image.

    With z the score of a pair, d(s) the mass of a sentence's map on the end that it names, less that on the other one, and n'
    the share that the twin's map leaves to the null::

        max(0, margin - z(s) + z(s')) + max(0, mass - d(s)) + max(0, mass (1 - n') - d(s'))

    The last two are for sentences that have a place, on images whose two lungs are known; the twin may look where it says, or
    at nothing. A region counts for each end by the share of it that the end covers. Means over the sentences that each term
    is for; one sentence of each case that has such is drawn.

    Attributes:
        margin: of scores, on the scale of logits.
        mass: of directed mass, in [0, 1].
    """

    axis: ClassVar[Axis]
    cites = "ours, after the perturbation of McInerney et al. 2022"

    margin: float = 2.0
    mass: float = 0.5

    def __post_init__(self) -> None:
        self._demand("margin", "above 0", self.margin > 0)
        self._demand("mass", "a share, at least 0 and at most 1", 0 <= self.mass <= 1)

    @abstractmethod
    def ends(self, phrase: Phrase, lungs: Lungs) -> Ends:
        """Where the two ends lie for a sentence, on an image with these lungs."""

    @property
    def wanted(self) -> str:
        return f"a sentence of one {self.axis.name} that would be untrue of the other"

    def uses(self, case: Case, index: int) -> bool:
        return twin(case, index, self.axis) is not None

    def inspect(self, model: Trainable, cases: Sequence[Case]) -> Mapping[str, Any]:
        """As of every objective of pairs; "with_lungs" are the cases whose two lungs are known.

        Raises:
            CapabilityError: the model reads no sentences.
            DataError: no sentence can be learnt from.
        """
        found = super().inspect(model, cases)
        return {**found, "with_lungs": sum(bool(case.sentences) and lungs_of(case) is not None for case in cases)}

    def __call__(self, step: Step) -> Float[Tensor, ""]:
        rows, said = chosen(step, f"of one {self.axis.name}", self.uses)
        if not said:
            return nothing(step)
        cases = [step.batch.cases[row] for row in rows.tolist()]
        twins = [self._twin(case, phrase) for case, phrase in zip(cases, said, strict=True)]
        texts = [text for phrase, other in zip(said, twins, strict=True) for text in (phrase.text, other.phrase.text)]
        scores, maps, null = _held(step, rows, texts)
        cost = torch.relu(self.margin - scores[:, 0] + scores[:, 1]).mean()
        lungs = {i: both for i, case in enumerate(cases) if said[i].groundable and (both := lungs_of(case)) is not None}
        if not lungs:
            return cost
        ends = {i: self.ends(said[i], both) for i, both in lungs.items()}
        towards = torch.stack([_directed(step, parts, twins[i].end, maps[i]) for i, parts in ends.items()])
        away = torch.relu(self.mass + towards[:, 0])
        turned = torch.relu(self.mass * (1 - null[list(lungs), 1]) - towards[:, 1])
        return cost + away.mean() + turned.mean()

    def _twin(self, case: Case, phrase: Phrase) -> Twin:
        """Of a sentence that was drawn for having one."""
        numbers = (number for number, said in enumerate(case.sentences) if said is phrase)
        return next(found for number in numbers if (found := twin(case, number, self.axis)) is not None)


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


def _directed(step: Step, ends: Ends, end: str, maps: Float[Tensor, "2 R"]) -> Float[Tensor, " 2"]:
    """The mass of maps on that end, less that on the other."""
    shares = {name: covered(area, seen(step), step.batch.units[0].shape).to(maps) for name, area in ends.items()}
    (other,) = set(shares) - {end}
    return maps @ (shares[end] - shares[other])
