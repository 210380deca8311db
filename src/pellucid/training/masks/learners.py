"""What a run of this room can teach: a mask network, or a surrogate of the model."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import nn

from pellucid.case import Case
from pellucid.predictors.image_classifier import ImageClassifier
from pellucid.predictors.image_classifier.masking import Masker
from pellucid.training.masks import losses, prompting, shapley, surrogate
from pellucid.training.masks.recipe import MaskRecipe
from pellucid.training.masks.step import MaskStep, Outcome
from pellucid.training.predicting import true_labels

_LOSSES: dict[tuple[str, str], Callable[[MaskStep], Outcome]] = {
    ("nemt", "signed"): losses.signed,
    ("nemt", "published"): losses.published,
    ("nem_u", "signed"): losses.embedding,
    ("nem_u_text", "signed"): prompting.prompted,
    ("fastshap", "signed"): shapley.shapley,
}


class Learner(Protocol):
    """Something with weights, and what they cost on some cases."""

    @property
    def module(self) -> nn.Module: ...
    def __call__(self, cases: Sequence[Case], ramp: float, generator: torch.Generator | None = None) -> Outcome:
        """The loss on cases; `ramp` in [0, 1] says how far the run has come, and `generator` draws (the global one if None)."""


@dataclass(eq=False)
class MaskLearner:
    """Teaches a mask network by what the judge says of images with parts removed.

    Attributes:
        absent_weight: what a question about an absent target counts, see
            :func:`~pellucid.training.masks.asking.weight_of_absent`.
    """

    model: ImageClassifier
    judge: ImageClassifier
    masker: Masker
    recipe: MaskRecipe
    absent_weight: float = 1.0

    @property
    def module(self) -> nn.Module:
        return self.masker.decoder

    def __call__(self, cases: Sequence[Case], ramp: float, generator: torch.Generator | None = None) -> Outcome:
        form = self.recipe.form if self.recipe.objective == "nemt" else "signed"
        truth = torch.zeros(len(cases), len(self.model.labels), dtype=torch.bool)
        if self.recipe.objective == "nemt":  # the others read no labels
            truth = torch.from_numpy(true_labels(cases, self.model.labels))
        pixels = self.model.pixels(self.model.encode(cases))
        step = MaskStep(
            self.model, self.judge, self.masker, self.recipe, pixels, truth.to(pixels.device), ramp, generator, cases,
            self.absent_weight,
        )  # fmt: skip
        return _LOSSES[self.recipe.objective, form](step)


@dataclass(eq=False)
class SurrogateLearner:
    """Teaches a copy of the model what to say of images with parts removed."""

    model: ImageClassifier
    twin: ImageClassifier
    recipe: MaskRecipe

    @property
    def module(self) -> nn.Module:
        return self.twin.module

    def __call__(self, cases: Sequence[Case], ramp: float, generator: torch.Generator | None = None) -> Outcome:
        pixels = self.model.pixels(self.model.encode(cases))
        return Outcome(surrogate.imitation(self.model, self.twin, pixels, self.recipe.occluders, generator), None)


@contextlib.contextmanager
def frozen(module: nn.Module) -> Iterator[None]:
    """While open, no weight of the module is learnt; afterwards those can be that could before."""
    before = [(p, p.requires_grad) for p in module.parameters()]
    module.requires_grad_(False)
    try:
        yield
    finally:
        for parameter, needed in before:
            parameter.requires_grad_(needed)
