"""Binary cross-entropy: every label is a question of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from pellucid.predictor import Batch
from pellucid.predictors.plm_ca import PlmCa
from pellucid.registry import objectives


@objectives.register("bce")
@dataclass(frozen=True)
class BinaryCrossEntropy:
    """Binary cross-entropy of every label, averaged over cases and labels."""

    name: ClassVar[str] = "bce"
    cites: ClassVar[str] = "Edin et al. 2024, section 3"

    def __call__(self, model: PlmCa, batch: Batch, truth: Float[Tensor, "B C"]) -> Float[Tensor, ""]:
        return binary_cross_entropy_with_logits(model.logits(batch).float(), truth)
