"""What a model's answers cost: every label a question of its own, or one label out of several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from pellucid.registry import objectives
from pellucid.training.objectives.base import Facts
from pellucid.training.step import Step


@objectives.register("bce")
@dataclass(frozen=True)
class BinaryCrossEntropy(Facts):
    """Binary cross-entropy of every label, averaged over cases and labels; cross-entropy where labels exclude each other."""

    name: ClassVar[str] = "bce"
    alone = True
    cites = "Edin et al. 2024, section 3"

    def __call__(self, step: Step) -> Float[Tensor, ""]:
        return step.loss(step.clean.logits)
