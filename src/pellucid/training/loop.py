"""Training: from a data set and a recipe to a saved model.

The loop is deterministic (same recipe, data and machine: same bits) and can be killed at any moment: started again with the
same arguments it goes on, and ends with the very weights that an undisturbed run has.
"""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from pellucid import predictors
from pellucid._version import __version__
from pellucid.errors import DataError, PellucidError
from pellucid.files import digest_folder, digest_json, write_text
from pellucid.predictor import predicted
from pellucid.training import state as states
from pellucid.training.evaluate import best_threshold, performance
from pellucid.training.matching import matches, matching
from pellucid.training.news import DivergedError, Event, MisalignedError
from pellucid.training.objectives import objective
from pellucid.training.predicting import predict
from pellucid.training.recipe import Recipe
from pellucid.training.reproducible import reproducible
from pellucid.training.run import Run
from pellucid.training.start import starting
from pellucid.training.trainable import Trainable

if TYPE_CHECKING:
    from pellucid.datasets.base import Dataset, SplitName

Progress = Callable[[Event], None]


def train(
    dataset: Dataset,
    recipe: Recipe,
    out: Path,
    *,
    teacher: Recipe | None = None,
    progress: Progress | None = None,
    fresh: bool = False,
    device: str | None = None,
    save_every: float = 60.0,
) -> Trainable:
    """Train a model, save it as `out` and return it.

    An interrupted run goes on; a finished one is opened and returned at once. While a run lasts, its state lies in
    `out` + ".state". PyTorch's generators and switches are afterwards as they were before.

    An objective that learns from a teacher learns from the model that `recipe.teacher` names. Where it names none, "tm" starts
    from the model that `recipe.start` names, which is then its teacher; and where there is none either, the teacher is trained
    first, in `out` + ".teacher", and stays there.

    Args:
        dataset: its split "train" is learnt from; "validation" chooses the epoch (unless the recipe keeps the last) and the
            decision threshold.
        recipe: see :class:`Recipe`.
        teacher: how a teacher is trained first; None for `recipe` with the objective "bce".
        progress: called after every step and every epoch.
        fresh: forget an interrupted run, and replace a finished model.
        device: in PyTorch's words; None for a GPU where there is one.
        save_every: seconds between two savings of the state, apart from those after every epoch.

    Returns:
        The model of the epoch with the best validation mAP (matching, of a model that reads sentences), its threshold tuned
        (unless its labels exclude each other); `about` tells how it came to be.

    Raises:
        PellucidError: a split has no cases, or no labels or sentences where those are learnt from; the run diverges (the best
            epoch so far is then kept as a model in `out` + ".last-good"); too little of the evidence can be learnt (all that
            cannot is then listed in `out` + ".unaligned.txt"); or `out` holds something else.
        CapabilityError: there is no such device.
    """
    out = Path(out).resolve()
    where = predictors.device_of(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    before = _teacher_recipe(recipe, teacher)
    identity = _identity(recipe, before, dataset)
    states.check_free(out)
    if fresh:
        states.discard(out)
    elif out.is_dir() and any(out.iterdir()):
        return _finished(out, identity, where)
    counts = _check_splits(dataset, recipe)
    start = recipe.start
    if before is not None:
        start = str(out.with_name(f"{out.name}.teacher"))
        options: dict[str, Any] = {"fresh": fresh, "device": device, "save_every": save_every}
        train(dataset, before, Path(start), progress=_of_teacher(progress), **options)
    with reproducible(recipe.seed, where):
        model, settled = starting(dataset, replace(recipe, start=start))
        origin = {"start": None if start is None else model.fingerprint}
        run = _run(model.to(where), dataset, settled, out)
        _fit(run, out, identity, progress, save_every)
        about = _about(run, dataset, replace(settled, start=recipe.start), identity) | counts | origin
        model = run.best_model()
        _judge(model, dataset, about)
    model.save(out)
    states.discard(out)
    return model


def _run(model: Trainable, dataset: Dataset, recipe: Recipe, out: Path) -> Run:
    """A run at its beginning; where its evidence cannot be learnt, the error says where the whole list is."""
    try:
        return Run(model, dataset, recipe)
    except MisalignedError as error:
        listed = out.with_name(f"{out.name}.unaligned.txt")
        write_text(listed, "\n".join(error.lost) + "\n")
        raise DataError(f"{error} All of them are listed in {listed}.") from error


def _fit(run: Run, out: Path, identity: str, progress: Progress | None, save_every: float) -> None:
    """Go on from the state of `out`, if there is one, to the end."""
    folder = states.state_folder(out)
    kept = states.State.load(folder, identity, run.model.device)
    if kept is not None:
        run.restore(kept)
    try:
        run.fit(lambda: run.state(identity).save(folder), progress, save_every)
    except DivergedError as error:
        raise _with_last_good(error, run, out) from error


def _teacher_recipe(recipe: Recipe, teacher: Recipe | None) -> Recipe | None:
    """How the teacher is trained first; None where no teacher is needed, or the recipe starts from it."""
    minimised = objective(recipe.objective)
    if recipe.teacher is None and minimised.apart:
        raise PellucidError(
            f"The objective {recipe.objective!r} learns from another model; name its folder as the teacher (--set teacher=DIR)."
        )
    if recipe.teacher is not None and not minimised.teacher:
        raise PellucidError(f"The objective {recipe.objective!r} learns from no teacher; leave the teacher out.")
    if recipe.start is not None or recipe.teacher is not None or not minimised.teacher:
        return None
    return teacher or replace(recipe, objective="bce")


def _of_teacher(progress: Progress | None) -> Progress | None:
    return None if progress is None else lambda event: progress(replace(event, teacher=True))


def _identity(recipe: Recipe, teacher: Recipe | None, dataset: Dataset) -> str:
    """What a run is: equal identities give equal weights on one machine."""
    start = None if recipe.start is None else predictors.load(recipe.start).fingerprint
    values: dict[str, Any] = {"recipe": recipe.chosen() | {"start": start}, "dataset": dataset.fingerprint}
    if recipe.teacher is not None:
        values["recipe"]["teacher"] = predictors.load(recipe.teacher).fingerprint
    for name in ("encoder", "text_encoder"):
        if Path(getattr(recipe, name)).is_dir():
            values[name] = digest_folder(Path(getattr(recipe, name)))  # a path is no content
    return digest_json(values if teacher is None else values | {"teacher": teacher.chosen()})


def _with_last_good(error: DivergedError, run: Run, out: Path) -> DivergedError:
    """The error, which says where the best epoch so far was kept."""
    if not run.best:
        return DivergedError(f"{error} No epoch was finished before.")
    folder = out.with_name(f"{out.name}.last-good")
    run.best_model().save(folder)
    return DivergedError(f"{error} The model of epoch {run.kept_epoch} is kept in {folder}.")


def _finished(out: Path, identity: str, device: torch.device) -> Trainable:
    model = predictors.load(out, str(device))
    if not isinstance(model, Trainable) or model.about.get("identity") != identity:
        raise PellucidError(
            f"{out} holds a model trained with another recipe or data set; choose another folder, or start afresh (--fresh) "
            "to replace it."
        )
    states.discard(out)  # left where a run was killed between its last two actions
    return model


def _check_splits(dataset: Dataset, recipe: Recipe) -> dict[str, Any]:
    """Counts of cases and labels.

    Raises:
        PellucidError: training or validation has no cases, or no labels; or no sentences, where those are learnt from.
    """
    pairs = recipe.model == "image_text" or objective(recipe.objective).pairs  # what `start` is, is not known yet
    splits: tuple[SplitName, ...] = ("train", "validation")
    cases, labelled = {}, {}
    for name in splits:
        split = dataset.split(name)
        cases[name], labelled[name] = len(split), Counter(label for case in split for label in case.labels)
        if not cases[name]:
            raise PellucidError(f"The data set has no {name} cases; prepare it with a larger share of them.")
        if pairs and not any(case.sentences for case in split):
            raise PellucidError(f"No {name} case of the data set has a sentence; prepare it with reports.")
        if not pairs and not labelled[name]:
            raise PellucidError(f"No {name} case of the data set has a label, so nothing can be learnt or judged from it.")
    unseen = sum(label not in labelled["train"] for label in dataset.labels)
    return {"cases": cases, "labels_without_training_cases": unseen}


def _about(run: Run, dataset: Dataset, recipe: Recipe, identity: str) -> dict[str, Any]:
    import transformers

    versions = {"pellucid": __version__, "torch": torch.__version__, "transformers": transformers.__version__}
    return {
        "identity": identity,
        "recipe": recipe.to_json(),
        "dataset": {"name": dataset.name, "fingerprint": dataset.fingerprint},
        "objective": {"minimised": run.objective.name, "found": run.found},
        "truncated_training_cases": run.truncated,
        "steps": run.steps_done,
        "best_epoch": run.kept_epoch,
        "history": run.position.history,
        "device": str(run.model.device),
        "threads": torch.get_num_threads(),
        "versions": versions | {"python": platform.python_version()},
    }


def _judge(model: Trainable, dataset: Dataset, about: dict[str, Any]) -> None:
    """Tune the threshold on validation, where labels are questions of their own, and write down how good the model is there."""
    probabilities, truth = predict(model, dataset.split("validation"))
    if not model.exclusive and truth.any():
        model.threshold = best_threshold(probabilities, truth)
    found = performance(probabilities, truth, predicted(model, probabilities))
    pairs = matching(model, dataset.split("validation")) if matches(model) else {}
    model.about = about | {"validation": found | pairs}
