"""TM, token masking: a model taught to answer as before when the tokens that do not matter are gone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.errors import PellucidError
from pellucid.registry import objectives
from pellucid.training.objectives.base import Facts
from pellucid.training.objectives.distances import DISTANCES, Distance, distance
from pellucid.training.objectives.masks import Keep, Search, random_keep
from pellucid.training.step import Step

Masks = Literal["both", "learned", "random"]
_MASKS: tuple[Masks, ...] = ("both", "learned", "random")


@objectives.register("tm")
@dataclass(frozen=True)
class TokenMasking(Facts):
    """Token masking: answer as the teacher does on the whole note, and as oneself when unimportant tokens are masked.

    `D(student(x), teacher(x)) + masked * D(student(x) as given, student(x masked))`, D a distance of probabilities summed over
    labels, mean over cases. The teacher is the model that the run started from. Tokens give way to the mask token of the
    model's own tokenizer; special tokens and padding stay. (The released code of Edin et al. 2024 masks with a fixed id and
    searches for up to 20 steps, judged by the whole batch.)

    Attributes:
        masks: what is kept of a note: "learned" searches few tokens that suffice (:class:`Search`), "random" keeps a share
            drawn uniformly, "both" draws one of the two for each case.
        masked: weight of the second distance.
        distance: "l1" (published) or "kl"; see :func:`~pellucid.training.objectives.distances.distance`.
        steps, rate, preserve: of the search.
        run: random masks keep or drop so many tokens together.
    """

    name: ClassVar[str] = "tm"
    alone = True
    teacher = True
    cites = "Edin et al. 2024, section 3 (token masking)"

    masks: Masks = "both"
    masked: float = 1.0
    distance: Distance = "l1"
    steps: int = 5
    rate: float = 1.0
    preserve: float = 1.0
    run: int = 1

    def __post_init__(self) -> None:
        for name, value, allowed in (("masks", self.masks, _MASKS), ("distance", self.distance, DISTANCES)):
            if value not in allowed:
                raise PellucidError(
                    f"The objective 'tm' has {name}={value}; it must be {', '.join(allowed[:-1])} or {allowed[-1]}."
                )
        for name, kind in (("steps", int), ("run", int), ("masked", float), ("rate", float), ("preserve", float)):
            value = getattr(self, name)
            if not 0 < value < float("inf") or value != kind(value):
                wanted = "whole number" if kind is int else "number"
                raise PellucidError(f"The objective 'tm' has {name}={value}; it must be a {wanted} above 0.")

    def __call__(self, step: Step) -> Float[Tensor, ""]:
        assert step.teacher is not None  # the loop gives one to whom asks for it
        with torch.no_grad():
            taught = step.teacher.forward(step.batch).logits
        apart = partial(distance, self.distance, exclusive=step.model.exclusive)
        masked = step.model.perturb(step.batch, self.keep(step), "mask")
        unsure = apart(step.model.forward(masked).logits, step.clean.logits)
        return (apart(step.clean.logits, taught) + self.masked * unsure).mean()

    def keep(self, step: Step) -> list[Keep]:
        """The tokens of each case that are not masked."""
        sizes = [len(units) for units in step.batch.units]
        found = {index: random_keep(sizes[index], self.run) for index in self._random(len(sizes))}
        rest = [index for index in range(len(sizes)) if index not in found]
        if rest:
            few = step.on(step.model.encode([step.batch.cases[index] for index in rest]))
            found |= zip(rest, self._search(step)(few), strict=True)
        return [found[index] for index in range(len(sizes))]

    def _random(self, cases: int) -> list[int]:
        """The cases whose masks are drawn."""
        if self.masks == "both":
            return torch.nonzero(torch.rand(cases) < 0.5).flatten().tolist()
        return list(range(cases)) if self.masks == "random" else []

    def _search(self, step: Step) -> Search:
        apart = partial(distance, self.distance, exclusive=step.model.exclusive)
        return Search(self.steps, self.rate, self.preserve, apart)
