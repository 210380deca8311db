"""From a frozen image model, a data set and a recipe to the same model with a mask network.

Like all training here: the same recipe, data and machine give the same bits, and a killed run goes on where it was.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from pellucid import predictors
from pellucid._version import __version__
from pellucid.case import Case
from pellucid.errors import PellucidError
from pellucid.files import digest_json
from pellucid.predictors.image_classifier import ImageClassifier
from pellucid.predictors.image_classifier.masking import Masker
from pellucid.training import state as states
from pellucid.training.masks import making, prompting, surrogate
from pellucid.training.masks.asking import weight_of_absent
from pellucid.training.masks.learners import Learner, MaskLearner, SurrogateLearner, frozen
from pellucid.training.masks.recipe import MaskRecipe
from pellucid.training.masks.run import Cases, MaskRun, Pace
from pellucid.training.news import DivergedError, Event
from pellucid.training.reproducible import reproducible

if TYPE_CHECKING:
    from pellucid.datasets.base import Dataset

Progress = Callable[[Event], None]

LEARNING = 2
"""Raised whenever the same recipe begins to learn something else: runs begun before are then not gone on with."""


@dataclass(frozen=True)
class _Keeping:
    """Where the states of a training lie, how often they are saved, and who is told of its steps."""

    out: Path | None
    identity: str
    every: float
    progress: Progress | None


def train_masks(
    dataset: Dataset,
    recipe: MaskRecipe,
    out: Path,
    *,
    progress: Progress | None = None,
    fresh: bool = False,
    device: str | None = None,
    save_every: float = 60.0,
) -> ImageClassifier:
    """Train a mask network for the model of `recipe.start`, and save model and network as `out`.

    The model stays as it is: same predictions, same fingerprint. Other mask networks that it has are kept. An
    interrupted run goes on; a finished one is opened and returned at once.

    Args:
        dataset: its split "train" is learnt from, and "validation" chooses the epoch, by the same loss; never by evidence.
        progress: called after every step and every epoch; of events with `teacher` the surrogate is in training.
        fresh: forget an interrupted run, and replace a finished one.
        device: in PyTorch's words; None for a GPU where there is one.
        save_every: seconds between two savings of the state, apart from those after every epoch.

    Raises:
        CapabilityError: the model reads no images, or has no maps at two resolutions; or there is no such device.
        PellucidError: `out` holds something else, a split has no cases, or labels do not fit the model.
        DivergedError: the loss is no number, or masks collapse; the best epoch so far is then kept in `out` + ".last-good".
    """
    out = Path(out).resolve()
    states.check_free(out)
    where = predictors.device_of(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    model = making.check(predictors.load(recipe.start, str(where)), recipe.start)
    making.check_saved(model, recipe.start)
    identity = _identity(model, dataset, recipe)
    if fresh:
        _discard(out)
    elif out.is_dir() and any(out.iterdir()):
        return _finished(out, identity, recipe, where)
    keeping, before = _Keeping(out, identity, save_every, progress), model.maskers.get(recipe.network)
    try:
        _fit(model, dataset, recipe, keeping)
    except DivergedError as error:
        learnt = model.maskers.get(recipe.network) is not before
        raise _with_last_good(error, model if learnt else None, out) from error
    model.save(out)
    _discard(out)
    return model


def attach(model: ImageClassifier, dataset: Dataset, recipe: MaskRecipe, *, progress: Progress | None = None) -> Masker:
    """Train a mask network for a model in memory, such as one of your own code, and attach it; nothing is written.

    Args:
        recipe: its `start` is not read.

    Raises:
        CapabilityError: the model has no maps at two resolutions.
        DivergedError: the loss is no number, or masks collapse; the model then has the best epoch's network, if there is one.
    """
    making.check(model, "memory")
    _fit(model, dataset, recipe, _Keeping(None, "", 0.0, progress))
    return model.maskers[recipe.network]


def _fit(model: ImageClassifier, dataset: Dataset, recipe: MaskRecipe, keeping: _Keeping) -> None:
    """Teach the surrogate, if there is to be one, then the mask network, and attach it."""
    cases = _cases(model, dataset, recipe)
    with reproducible(recipe.seed, model.device), frozen(model.module):
        masker, judge, taught = making.new_masker(model, recipe), model, None
        if recipe.surrogate:
            judge = surrogate.copied(model)
            pace = Pace(recipe.surrogate_epochs, recipe.surrogate_learning_rate, recipe.patience)
            taught = _taught(MaskRun(SurrogateLearner(model, judge, recipe), cases, recipe, pace, first=True), keeping)
            judge.module.requires_grad_(False)
        learner = MaskLearner(model, judge, masker, recipe, _absent_weight(cases[0], recipe))
        pace = Pace(recipe.epochs, recipe.learning_rate, recipe.patience)
        run = MaskRun(learner, cases, recipe, pace)
        try:
            _taught(run, keeping)
        except BaseException as error:
            # What is interrupted goes on from its state. In memory there is none, and the best epoch is all that is left.
            if run.best and (keeping.out is None or isinstance(error, DivergedError)):
                _attach(run, learner, dataset, keeping.identity, taught)
            raise
        _attach(run, learner, dataset, keeping.identity, taught)


def _attach(run: MaskRun, learner: MaskLearner, dataset: Dataset, identity: str, taught: MaskRun | None) -> None:
    """Give the model the mask network of the run's best epoch.

    Args:
        taught: the run of the surrogate, where there is one.
    """
    run.settle()
    masker, recipe = learner.masker, learner.recipe
    masker.surrogate = None if taught is None else learner.judge.module
    masker.about = _about(run, dataset, recipe, identity)
    masker.about |= {} if taught is None else {"surrogate": taught.position.history}
    masker.about |= _judged_by_both(learner, (run.train, run.validation), recipe)
    learner.model.maskers[recipe.network] = masker.eval()


def _taught(run: MaskRun, keeping: _Keeping) -> MaskRun:
    """A run at its end, from where it was left."""
    folder = None if keeping.out is None else states.state_folder(_beside(keeping.out) if run.first else keeping.out)
    kept = None if folder is None else states.State.load(folder, keeping.identity, run.device)
    if kept is not None:
        run.restore(kept)

    def save() -> None:
        if folder is not None:
            run.state(keeping.identity).save(folder)

    run.fit(save, keeping.progress, keeping.every)
    return run


def _beside(out: Path) -> Path:
    return out.with_name(f"{out.name}.surrogate")


def _discard(out: Path) -> None:
    for each in (out, _beside(out)):
        states.discard(each)


def _cases(model: ImageClassifier, dataset: Dataset, recipe: MaskRecipe) -> Cases:
    train, validation = dataset.split("train"), dataset.split("validation")
    for name, cases in (("train", train), ("validation", validation)):
        if not cases:
            raise PellucidError(f"The data set has no {name} cases; prepare it with a larger share of them.")
    if recipe.objective == "nem_u_text":
        return prompting.speaking(train, "train"), prompting.speaking(validation, "validation")
    if recipe.objective == "nemt" and tuple(dataset.labels) != model.labels:
        raise PellucidError(
            f"The {len(model.labels)} labels of the model are not the {len(dataset.labels)} of the data set; use the data set "
            "that the model was trained on, or an objective without labels (nem_u, nem_u_text, fastshap)."
        )
    return train, validation


def _absent_weight(cases: Sequence[Case], recipe: MaskRecipe) -> float:
    if recipe.network != "nemt":
        return 1.0
    return weight_of_absent(sum(not case.labels for case in cases) / len(cases), recipe.absent)


def _identity(model: ImageClassifier, dataset: Dataset, recipe: MaskRecipe) -> str:
    """What a run is: equal identities give equal weights on one machine."""
    kept = {name: masker.digest for name, masker in model.maskers.items() if name != recipe.network}
    chosen = recipe.chosen() | {"start": model.fingerprint}
    return digest_json({"learning": LEARNING, "recipe": chosen, "dataset": dataset.fingerprint, "kept": kept})


def _finished(out: Path, identity: str, recipe: MaskRecipe, device: torch.device) -> ImageClassifier:
    model = making.check(predictors.load(out, str(device)), str(out))
    masker = model.maskers.get(recipe.network)
    if masker is None or masker.about.get("identity") != identity:
        raise PellucidError(
            f"{out} holds a model with another mask network, or without one; choose another folder, or start afresh (--fresh) "
            "to replace it."
        )
    _discard(out)  # left where a run was killed between its last two actions
    return model


def _with_last_good(error: DivergedError, model: ImageClassifier | None, out: Path) -> DivergedError:
    """The error, which says where the best epoch so far was kept.

    Args:
        model: with the mask network of that epoch; None where no epoch was finished.
    """
    if model is None:
        return type(error)(f"{error} No epoch was finished before.")
    folder = out.with_name(f"{out.name}.last-good")
    model.save(folder)
    return type(error)(f"{error} The best epoch so far is kept in {folder}.")


def _about(run: MaskRun, dataset: Dataset, recipe: MaskRecipe, identity: str) -> dict[str, Any]:
    return {
        "identity": identity,
        "recipe": recipe.to_json() | {"start": None},
        "dataset": {"name": dataset.name, "fingerprint": dataset.fingerprint},
        "best_epoch": run.position.best_epoch,
        "history": run.position.history,
        "steps": run.steps_done,
        "device": str(run.device),
        "threads": torch.get_num_threads(),
        "versions": {"pellucid": __version__, "torch": torch.__version__, "python": platform.python_version()},
    }


def _judged_by_both(learner: MaskLearner, cases: Cases, recipe: MaskRecipe) -> dict[str, Any]:
    """The validation loss by the model's own scores, beside that by the surrogate's."""
    own: Learner = replace(learner, judge=learner.model)
    pace = Pace(recipe.epochs, recipe.learning_rate, recipe.patience)
    judged = {"model": own} | ({"surrogate": learner} if recipe.surrogate else {})
    return {"validation": {name: MaskRun(by, cases, recipe, pace).validated() for name, by in judged.items()}}
