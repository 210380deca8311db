"""What a run tells while it goes on, and when it cannot."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pellucid.errors import DataError, PellucidError


@dataclass(frozen=True)
class Event:
    """News of a run.

    Attributes:
        epoch: epoch under way, from 1.
        epochs: epochs at most.
        step: steps done since the start of the run.
        steps: steps if no epoch is spared.
        loss: of the last step; after an epoch its mean.
        validation_map: after an epoch the figure by which epochs are chosen; None after a step.
        figure: what that is called.
        teacher: whether the model that the asked-for one will learn from is in training.
        validation_loss: after an epoch of a mask network, which is judged by its loss; else None.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    validation_map: float | None = None
    teacher: bool = False
    validation_loss: float | None = None
    figure: str = "mAP"


class DivergedError(PellucidError):
    """The loss, its gradient or what the model then says is not a number; the message names the cases of the batch."""


class MisalignedError(DataError):
    """Too little of the evidence can be learnt.

    Attributes:
        lost: every pair of a case and a label whose evidence cannot, with the reason; the message names the first.
    """

    def __init__(self, message: str, lost: Iterable[str]) -> None:
        super().__init__(message)
        self.lost = tuple(lost)
