"""What objectives of image-text models share: which models and cases they refuse, and what batches without sentences add."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.case import Case
from pellucid.errors import CapabilityError, DataError, PellucidError
from pellucid.predictor import SentenceAlignment, require
from pellucid.training.objectives.base import Facts
from pellucid.training.step import Step
from pellucid.training.trainable import Trainable


@dataclass(frozen=True)
class Paired(Facts):
    """An objective that learns from sentences of reports; a batch without one that it can use costs 0.

    A mirrored image would make its sentence wrong, so that images must not be moved in training.
    """

    name: ClassVar[str]
    pairs = True
    placed = True

    @property
    def wanted(self) -> str:
        """What it learns from, for people."""
        return "a sentence"

    def uses(self, case: Case, index: int) -> bool:
        """Whether it learns from the sentence of that number."""
        return True

    def inspect(self, model: Trainable, cases: Sequence[Case]) -> Mapping[str, Any]:
        """How many training sentences can be learnt from.

        Returns:
            "sentences" and "cases_with_sentences": those that can; "cases": all.

        Raises:
            CapabilityError: the model reads no sentences.
            DataError: no sentence can be learnt from.
        """
        require(model, ("sentence_alignment",), f"The objective {self.name}")
        counts = [sum(self.uses(case, index) for index in range(len(case.sentences))) for case in cases]
        if not any(counts):
            raise DataError(
                f"No training case of {len(cases)} has {self.wanted}, which {self.name!r} learns from; prepare data whose "
                "reports have them, or choose another objective."
            )
        return {"sentences": sum(counts), "cases_with_sentences": sum(map(bool, counts)), "cases": len(cases)}

    def _demand(self, field: str, allowed: str, holds: bool) -> None:
        if not holds:
            raise PellucidError(f"The objective {self.name!r} has {field}={getattr(self, field)}; it must be {allowed}.")


def nothing(step: Step) -> Float[Tensor, ""]:
    """0, inside the graph, so that it can be sent back where it is all there is; nothing is encoded for it."""
    learnt = next(weight for weight in step.model.module.parameters() if weight.requires_grad)
    return learnt.flatten()[0].float() * 0.0


def looks_away(model: Trainable, cases: Sequence[Case]) -> bool:
    """Whether words can look at nothing: any share of the first sentence is left to no region."""
    case = next(case for case in cases if case.sentences)
    seer = cast(SentenceAlignment, model)
    with torch.no_grad():
        found = seer.align(seer.see(model.encode([case])), seer.read([case.sentences[0].text]))
    return bool((found.null > 0).any())


def demand_null(model: Trainable, cases: Sequence[Case], name: str) -> None:
    """Refuse a model whose words always look somewhere.

    Raises:
        CapabilityError: the model has no null.
    """
    if not looks_away(model, cases):
        raise CapabilityError(
            f"The objective {name} teaches words to look at nothing, and this model cannot; train one with "
            "attention=corrected or attention=published_null."
        )
