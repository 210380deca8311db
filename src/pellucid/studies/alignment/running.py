"""The work of a study of alignment, part after part; what is finished is never done again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pellucid import alignment, predictors, training
from pellucid.alignment import sensitivity
from pellucid.alignment.manifest import TABLES_TEXT, check_same
from pellucid.audit.manifest import identify
from pellucid.datasets.base import Dataset
from pellucid.errors import DataError
from pellucid.predictor import Predictor
from pellucid.studies.alignment.probing import probe
from pellucid.studies.alignment.study import AlignmentStudy, Folders, before
from pellucid.studies.steps import Event, Progress, check_before, chosen, device_of, told_of_training
from pellucid.studies.study import Part


def run(
    study: AlignmentStudy,
    dataset: Dataset,
    out: Path,
    *,
    only: Sequence[Part] | None = None,
    progress: Progress | None = None,
    device: str | None = None,
) -> None:
    """Do what is missing of a study; killed at any moment and started again with the same arguments, it goes on.

    Args:
        out: holds `models/` (unless they are given), `audits/` and `probes/`, a folder or file for each part.
        only: do these parts alone, so that several processes can share the work; each needs its own parts.
        device: for training and auditing, in PyTorch's words; None for a GPU where there is one.

    Raises:
        PellucidError: a part of `only` is not of the study, or goes on from a model that is neither trained nor in `only`; or a
            folder holds the work of other settings.
        DataError: a model that was to be given is not there; or no case of the plan's split has a sentence.
    """
    folders = Folders(Path(out), study.models)
    parts = chosen(study.parts, only)
    _check_sentences(study, dataset)
    if study.models is None:
        check_before(parts, before, folders)
    else:
        _check_models(study.models, parts, folders)
    for part in parts:
        _Work(study, dataset, folders, progress or (lambda event: None), device, part).finish()


def unfinished(study: AlignmentStudy, out: Path) -> list[Part]:
    """The parts of which an audit or a probe is missing."""
    folders = Folders(Path(out), study.models)
    return [part for part in study.parts if not (_audit_is_finished(study, folders, part) and folders.probe(part).is_file())]


def _audit_is_finished(study: AlignmentStudy, folders: Folders, part: Part) -> bool:
    out = folders.audit(part)
    return (out / TABLES_TEXT).is_file() and sensitivity.finished(study.plan, out)


@dataclass(frozen=True)
class _Work:
    """The work of one part."""

    study: AlignmentStudy
    dataset: Dataset
    folders: Folders
    tell: Progress
    device: str | None
    part: Part

    def finish(self) -> None:
        model = self._model()
        self._audited(model)
        probe(self.study.plan, model, self.dataset, self.folders.probe(self.part), self._told("ranking images for sentences"))

    def _model(self) -> Predictor:
        """The model of the part, trained unless it is there."""
        if self.study.models is None:
            start = self.folders.model(before(self.part) or self.part)
            recipe = self.study.recipe_of(self.part, start)
            tell = told_of_training(self.tell, self.part)
            training.train(self.dataset, recipe, self.folders.model(self.part), progress=tell, device=self.device)
            self.tell(Event(self.part, "training", 0, 0))
        return predictors.load(self.folders.model(self.part), device_of(self.device))

    def _audited(self, model: Predictor) -> None:
        """Audit unless it is finished; its tables as text are the last thing that an audit writes.

        One that was finished before it was asked what moves a map is asked that alone.
        """
        plan, out = self.study.plan, self.folders.audit(self.part)
        if _audit_is_finished(self.study, self.folders, self.part):
            check_same(out, identify(model, self.dataset, plan))  # type: ignore[arg-type]  # of a plan only its digest is asked
            return
        alignment.run(model, self.dataset, plan, out, progress=self._told("asking about test images"))

    def _told(self, stage: str) -> Callable[[int, int], None]:
        return lambda done, total: self.tell(Event(self.part, stage, done, total))


def _check_sentences(study: AlignmentStudy, dataset: Dataset) -> None:
    """Refuse at once what would be refused when the first model is trained."""
    if not any(case.sentences for case in dataset.split(study.plan.split)):
        raise DataError(
            f"No {study.plan.split} case of {dataset.name} has a sentence; prepare data with reports, such as phantom_chest "
            "with reports=true."
        )


def _check_models(given: Path, parts: Sequence[Part], folders: Folders) -> None:
    """Refuse a folder of models that lacks one."""
    for part in parts:
        if not (folders.model(part) / predictors.MANIFEST).is_file():
            raise DataError(f"{given} holds no model {part}; give the folder models of a study that trained it.")
