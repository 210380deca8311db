"""What a model must offer to be trained."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pellucid.case import Case
from pellucid.predictor import Batch, Predictor
from pellucid.predictors.forward import Forward


@runtime_checkable
class Trainable(Predictor, Protocol):
    """A predictor whose weights can be learnt.

    Attributes:
        module: all weights.
        about: what is known of the training; JSON values, saved with the model.
        exclusive: exactly one label is true (softmax); else every label is a question of its own (sigmoid).
    """

    about: dict[str, Any]

    @property
    def module(self) -> nn.Module: ...
    @property
    def exclusive(self) -> bool: ...
    @property
    def device(self) -> torch.device: ...

    def parts(self) -> Mapping[str, nn.Module]:
        """The modules of the weights, "encoder" and "head", each of which may have its own learning rate."""

    def length(self, case: Case) -> int:
        """How much there is to read: tokens of a text, before it is cut; 1 for an image."""

    def forward(self, batch: Batch, shift: Float[Tensor, "M R d"] | None = None) -> Forward:
        """Logits of every label, differentiable with respect to the weights, the features and the shift.

        Args:
            shift: added to the output of the embedding block, in the blocks of :attr:`Forward.features`.
        """

    def save(self, path: Path) -> None:
        """Write the model as a folder."""

    def to(self, device: str | torch.device | None = None, dtype: torch.dtype | None = None) -> Self:
        """Move or convert the weights in place."""
