"""One training run: the steps, the epochs, and what is kept between them."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from pellucid import predictors
from pellucid.errors import PellucidError
from pellucid.predictor import Batch, modality_of, predicted
from pellucid.training import optimiser
from pellucid.training.augmenting import MOVING, augmented, changes_of
from pellucid.training.batches import epoch_batches
from pellucid.training.evaluate import performance
from pellucid.training.freezing import freeze
from pellucid.training.matching import matches, matching
from pellucid.training.news import DivergedError, Event
from pellucid.training.objectives import objective
from pellucid.training.predicting import OutputError, predict, true_labels
from pellucid.training.recipe import Recipe
from pellucid.training.reproducible import generator_states, set_generator_states
from pellucid.training.saving import Timer
from pellucid.training.state import Position, State
from pellucid.training.step import Step
from pellucid.training.trainable import Trainable

if TYPE_CHECKING:
    from pellucid.datasets.base import Dataset

_AT_ONCE_TWICE = 4  # cases whose gradients are differentiated once more: beyond that, fresh memory costs more than arithmetic


class Run:
    """A model in training.

    Attributes:
        position: where the run stands.
        truncated: training cases that are longer than the model reads.
        matches: whether epochs are judged by how well sentences find their images.
        found: what the objectives saw in model and training cases before the first step.
    """

    def __init__(self, model: Trainable, dataset: Dataset, recipe: Recipe) -> None:
        self.model = model
        self.recipe = recipe
        self.train, self.validation = dataset.split("train"), dataset.split("validation")
        self.position = Position()
        self.best: dict[str, Tensor] = {}
        lengths = np.array([model.length(case) for case in self.train])
        self.truncated = int((lengths > recipe.max_tokens).sum())
        self.lengths = np.minimum(lengths, recipe.max_tokens)
        self.matches = matches(model)
        self.objective = objective(recipe.objective)
        self.found = dict(self.objective.inspect(model, self.train))
        self.teacher = _teacher(model, recipe) if self.objective.teacher else None
        self.helpers = nn.ModuleDict(self.objective.helpers(model, self.train)).to(model.device)
        freeze(model.parts()["encoder"], recipe.frozen_layers)
        self.changes = _changes(model, recipe)
        if self.objective.placed and MOVING & set(self.changes):
            raise PellucidError(
                f"The objective {recipe.objective!r} reads where things lie, and augment={recipe.augment} moves them; leave it "
                "out."
            )
        self.optimiser = optimiser.build(model, recipe, self.helpers)
        if recipe.dropout is not None:
            _set_dropout(model.module, recipe.dropout)

    @property
    def steps_an_epoch(self) -> int:
        return math.ceil(len(self.lengths) / self.recipe.batch_size)

    @property
    def steps(self) -> int:
        return self.recipe.most_epochs * self.steps_an_epoch

    @property
    def steps_done(self) -> int:
        return self.position.epoch * self.steps_an_epoch + self.position.batch

    # Keeping

    def state(self, identity: str) -> State:
        """The run, to be saved between two steps."""
        return State(
            identity=identity,
            position=self.position,
            generators=generator_states(self.model.device),
            weights=self.model.module.state_dict(),
            best=self.best,
            optimiser=self.optimiser.state_dict(),
            helpers=self.helpers.state_dict(),
        )

    def restore(self, state: State) -> None:
        """Go on from a saved state."""
        self.model.module.load_state_dict(state.weights)
        self.helpers.load_state_dict(state.helpers)
        self.optimiser.load_state_dict(state.optimiser)
        self.position, self.best = state.position, state.best
        set_generator_states(state.generators, self.model.device)

    @property
    def kept_epoch(self) -> int:
        """The finished epoch (from 1) whose weights are kept; 0 before there is one."""
        return self.position.epoch if self.recipe.keep == "last" else self.position.best_epoch

    def best_model(self) -> Trainable:
        """The model with the weights of the epoch that is kept."""
        self.model.module.load_state_dict(self.best)
        self.model.module.eval()
        return self.model

    # Learning

    def fit(self, save: Callable[[], None], progress: Callable[[Event], None] | None, save_every: float) -> None:
        """Learn until the recipe's epochs or its patience are used up, saving the state on the way."""
        keep = Timer(save, save_every)
        tell = progress or (lambda event: None)
        while not self.position.finished(self.recipe.most_epochs, self.recipe.patience):
            self._epoch(keep, tell)
            keep.now()

    def _epoch(self, keep: Timer, tell: Callable[[Event], None]) -> None:
        batches = epoch_batches(self.lengths, self.recipe.batch_size, self.recipe.seed, self.position.epoch)
        self.model.module.train()
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
        size = self.recipe.micro_batch_size or self._at_once(len(indices))
        loss = sum(self._backward(indices[i : i + size], len(indices)) for i in range(0, len(indices), size))
        norm = nn.utils.clip_grad_norm_(self.model.module.parameters(), self.recipe.clip or math.inf)
        if not math.isfinite(loss) or not bool(norm.isfinite()):
            ids = ", ".join(self.train[int(i)].id for i in indices)
            raise self._diverged(self.steps_done + 1, f"the loss or its gradient is not a number, on cases {ids}")
        factor = optimiser.rate_factor(self.steps_done, self.steps, self.recipe.warmup, self.recipe.course)
        optimiser.set_rate(self.optimiser, factor)
        self.optimiser.step()
        return loss

    def _at_once(self, cases: int) -> int:
        """How many cases of a batch are in memory together; of all but text the whole, as networks may take norms over it."""
        return _AT_ONCE_TWICE if self.objective.twice and modality_of(self.model) == "text" else cases

    def _backward(self, indices: Int[np.ndarray, " M"], of: int) -> float:
        """Add the gradient of some of a batch's `of` cases; their part of the loss."""
        cases = [self.train[int(i)] for i in indices]
        batch = augmented(self.model.encode(cases), self.changes)
        truth = torch.from_numpy(true_labels(cases, self.model.labels)).to(self.model.device, torch.float32)
        with torch.autocast(self.model.device.type, torch.bfloat16, enabled=_half(self.recipe, self.model.device)):
            loss = self.objective(self._step_of(batch, truth)) * (len(cases) / of)
        loss.backward()
        return float(loss.detach())

    def _step_of(self, batch: Batch, truth: Float[Tensor, "B C"]) -> Step:
        progress = self.steps_done / self.steps
        helpers = dict(self.helpers.items())
        return Step(self.model, batch, truth, self.teacher, self.objective.twice, progress, helpers)

    def _diverged(self, step: int, why: str) -> DivergedError:
        return DivergedError(
            f"Training diverged at step {step} of {self.steps} ({why}); lower the learning rate, or compute in fp32, and start "
            "afresh (--fresh)."
        )

    def _close_epoch(self, tell: Callable[[Event], None]) -> None:
        """Judge the epoch on validation, and remember its weights if they are to be kept."""
        score = self._judged()
        here = self.position
        mean = here.loss_sum / here.batch
        event = self._event(mean, score)
        entry: dict[str, Any] = {"epoch": here.epoch + 1, "loss": mean, "validation_map": score}
        rising = {"rising": True} if here.epoch < self.objective.ramp * self.recipe.most_epochs else {}
        history = [*here.history, entry | rising]
        self.position = Position(here.epoch + 1, history=history)
        if self.kept_epoch == self.position.epoch:
            self.best = {name: value.detach().cpu().clone() for name, value in self.model.module.state_dict().items()}
        tell(event)

    def _judged(self) -> float:
        """The figure by which epochs are chosen, on validation cases.

        Raises:
            DivergedError: the model's output is no number: the last step of an epoch has no next one whose loss would tell.
        """
        if self.matches:
            found = cast(float, matching(self.model, self.validation)["matching"])
            if not math.isfinite(found):
                raise self._diverged(self.steps_done, "scores of validation sentences are not numbers")
            return found
        broken = self._diverged(self.steps_done, "probabilities of validation cases are not numbers")
        try:
            probabilities, truth = predict(self.model, self.validation)
        except OutputError as error:
            raise broken from error
        if not np.isfinite(probabilities).all():
            raise broken
        figure = "map" if modality_of(self.model) == "text" else "label_map"  # one finding has no ranking within a case
        return cast(float, performance(probabilities, truth, predicted(self.model, probabilities))[figure])

    def _event(self, loss: float, score: float | None = None) -> Event:
        figure = "matching" if self.matches else "mAP"
        steps = self.position.epoch + 1, self.recipe.most_epochs, self.steps_done, self.steps
        return Event(*steps, loss, score, figure=figure)


def _teacher(model: Trainable, recipe: Recipe) -> Trainable:
    """The model to learn from: the one that the recipe names, or the one that the run starts from.

    Raises:
        PellucidError: it cannot teach this model.
    """
    if recipe.teacher is None:
        return _frozen_copy(model)
    teacher = predictors.load(Path(recipe.teacher), str(model.device))
    if not isinstance(teacher, Trainable) or teacher.labels != model.labels or teacher.exclusive != model.exclusive:
        raise PellucidError(f"The model in {recipe.teacher} has other labels than the one that learns; choose another teacher.")
    return _frozen_copy(teacher)


def _frozen_copy(model: Trainable) -> Trainable:
    """The model as it is now, which no training reaches."""
    frozen: Any = copy.copy(model)
    frozen.module = copy.deepcopy(model.module).eval().requires_grad_(False)
    return cast(Trainable, frozen)


def _changes(model: Trainable, recipe: Recipe) -> tuple[str, ...]:
    """Changes at random to training images."""
    if recipe.augment is not None and modality_of(model) != "image":
        raise PellucidError(f"Only images can be changed by {recipe.augment!r} in training; leave augment out.")
    return changes_of(recipe.augment)


def _half(recipe: Recipe, device: torch.device) -> bool:
    if recipe.precision == "auto":
        return device.type == "cuda" and torch.cuda.is_bf16_supported()
    return recipe.precision == "bf16"


def _set_dropout(module: nn.Module, share: float) -> None:
    for part in module.modules():
        if isinstance(part, nn.Dropout):
            part.p = share
