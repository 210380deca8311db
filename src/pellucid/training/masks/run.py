"""The steps and epochs of one training in this room, and what is kept between them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor, nn

from pellucid.case import Case
from pellucid.training.batches import epoch_batches
from pellucid.training.masks.guard import Guard
from pellucid.training.masks.learners import Learner
from pellucid.training.masks.recipe import MaskRecipe
from pellucid.training.news import DivergedError, Event
from pellucid.training.optimiser import rate_factor, set_rate
from pellucid.training.reproducible import generator_states, set_generator_states
from pellucid.training.saving import Timer
from pellucid.training.state import Position, State

Cases = tuple[Sequence[Case], Sequence[Case]]
"""Those to learn from, and those to choose the epoch by."""


@dataclass(frozen=True)
class Pace:
    """How long and how fast a learner learns."""

    epochs: int
    rate: float
    patience: int


class MaskRun:
    """A learner in training.

    Args:
        first: it teaches the surrogate that a mask network will learn from; events say so.

    Attributes:
        position: where the run stands; of two epochs the one with the smaller validation loss is better.
        best: weights of the best epoch.
    """

    def __init__(self, learner: Learner, cases: Cases, recipe: MaskRecipe, pace: Pace, *, first: bool = False) -> None:
        self.learner, self.recipe, self.pace, self.first = learner, recipe, pace, first
        self.train, self.validation = cases
        self.position = Position()
        self.best: dict[str, Tensor] = {}
        self.guard = Guard(recipe.guard)
        self.optimiser = _adam(learner.module, pace.rate, recipe.weight_decay)

    @property
    def device(self) -> torch.device:
        return next(self.learner.module.parameters()).device

    @property
    def steps_an_epoch(self) -> int:
        return math.ceil(len(self.train) / self.recipe.batch_size)

    @property
    def steps(self) -> int:
        return self.pace.epochs * self.steps_an_epoch

    @property
    def steps_done(self) -> int:
        return self.position.epoch * self.steps_an_epoch + self.position.batch

    # Keeping

    def state(self, identity: str) -> State:
        """The run, to be saved between two steps."""
        weights, states = self.learner.module.state_dict(), generator_states(self.device)
        guard = {"guard": torch.tensor(self.guard.streak)}
        return State(identity, self.position, states, weights, self.best, self.optimiser.state_dict(), guard)

    def restore(self, state: State) -> None:
        """Go on from a saved state."""
        self.learner.module.load_state_dict(state.weights)
        self.optimiser.load_state_dict(state.optimiser)
        self.position, self.best = state.position, state.best
        self.guard.streak = int(state.helpers.get("guard", 0))  # a run that was begun by an earlier version kept none
        set_generator_states(state.generators, self.device)

    def settle(self) -> None:
        """Give the module the weights of its best epoch."""
        self.learner.module.load_state_dict(self.best)
        self.learner.module.eval()

    # Learning

    def fit(self, save: Callable[[], None], progress: Callable[[Event], None] | None, save_every: float) -> None:
        """Learn until epochs or patience are used up, saving the state on the way; then settle on the best epoch.

        Raises:
            DivergedError: the loss is not a number, or masks have collapsed.
        """
        keep, tell = Timer(save, save_every), progress or (lambda event: None)
        while not self.position.finished(self.pace.epochs, self.pace.patience):
            self._epoch(keep, tell)
            keep.now()
        self.settle()

    def _epoch(self, keep: Timer, tell: Callable[[Event], None]) -> None:
        batches = epoch_batches(np.ones(len(self.train)), self.recipe.batch_size, self.recipe.seed, self.position.epoch)
        self.learner.module.train()
        for indices in batches[self.position.batch :]:
            loss = self._step(indices)
            self.position.loss_sum += loss
            self.position.batch += 1
            tell(self._event(loss))
            if self.position.batch < len(batches):
                keep.if_due()
        self._close_epoch(tell)

    def _step(self, indices: Int[np.ndarray, " B"]) -> float:
        """One step of the optimiser; the loss before it."""
        self.optimiser.zero_grad(set_to_none=True)
        cases = [self.train[int(i)] for i in indices]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._half):
            outcome = self.learner(cases, self.steps_done / self.steps)
        outcome.loss.backward()
        norm = nn.utils.clip_grad_norm_(self.learner.module.parameters(), self.recipe.clip or math.inf)
        loss = float(outcome.loss.detach())
        if not math.isfinite(loss) or not bool(norm.isfinite()):
            ids = ", ".join(case.id for case in cases)
            raise self._diverged(self.steps_done + 1, f"the loss or its gradient is not a number, on cases {ids}")
        self.guard.see(outcome.marked)
        set_rate(self.optimiser, rate_factor(self.steps_done, self.steps, self.recipe.warmup, self.recipe.schedule))
        self.optimiser.step()
        return loss

    @property
    def _half(self) -> bool:
        if self.recipe.precision == "auto":
            return self.device.type == "cuda" and torch.cuda.is_bf16_supported()
        return self.recipe.precision == "bf16"

    def _diverged(self, step: int, why: str) -> DivergedError:
        return DivergedError(
            f"Training diverged at step {step} of {self.steps} ({why}); lower the learning rate, or compute in fp32, and start "
            "afresh (--fresh)."
        )

    def _close_epoch(self, tell: Callable[[Event], None]) -> None:
        """Judge the epoch on validation, and remember its weights if they are the best so far.

        Raises:
            DivergedError: the loss there is no number: the last step of an epoch has no next one whose loss would tell.
        """
        here, found = self.position, self.validated()
        if not math.isfinite(found):
            raise self._diverged(self.steps_done, "the loss on validation cases is not a number")
        mean = here.loss_sum / here.batch
        event = self._event(mean, found)
        history = [*here.history, {"epoch": here.epoch + 1, "loss": mean, "validation_loss": found}]
        self.position = Position(here.epoch + 1, history=history)
        if self.position.best_epoch == self.position.epoch:
            self.best = {name: value.detach().cpu().clone() for name, value in self.learner.module.state_dict().items()}
        tell(event)

    @torch.no_grad()
    def validated(self) -> float:
        """The same loss on validation cases, with the same draws in every epoch."""
        self.learner.module.eval()
        size, total = self.recipe.batch_size, 0.0
        for start in range(0, len(self.validation), size):
            cases = [self.validation[i] for i in range(start, min(start + size, len(self.validation)))]
            draws = torch.Generator().manual_seed(self.recipe.seed * 1_000_003 + start)
            total += float(self.learner(cases, 1.0, draws).loss) * len(cases)
        return total / len(self.validation)

    def _event(self, loss: float, validation_loss: float | None = None) -> Event:
        return Event(
            self.position.epoch + 1, self.pace.epochs, self.steps_done, self.steps, loss, None, self.first, validation_loss
        )


def _adam(module: nn.Module, rate: float, decay: float) -> torch.optim.AdamW:
    """AdamW with weight decay on matrices only."""
    learnt = [p for p in module.parameters() if p.requires_grad]
    matrices, vectors = [p for p in learnt if p.ndim > 1], [p for p in learnt if p.ndim <= 1]
    groups = [{"params": p, "peak": rate, "weight_decay": d} for p, d in ((matrices, decay), (vectors, 0.0)) if p]
    return torch.optim.AdamW(groups, lr=rate)
