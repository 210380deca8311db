"""The work of a study of alignment, part after part; what is finished is never done again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pellucid import alignment, predictors
from pellucid.alignment import sensitivity
from pellucid.alignment.manifest import TABLES_TEXT, check_same
from pellucid.audit.manifest import identify
from pellucid.datasets.base import Dataset
from pellucid.errors import DataError
from pellucid.predictor import Predictor
from pellucid.studies.alignment.probing import probe
from pellucid.studies.alignment.study import AlignmentStudy, Folders, before
from pellucid.studies.steps import check_before
from pellucid.studies.study import Part
from pellucid.studies.work import Work


class AlignmentWork(Work[AlignmentStudy, Dataset, Folders, Part]):
    """What is done for each variant and seed."""

    @staticmethod
    def folders_of(study: AlignmentStudy, out: Path) -> Folders:
        """Where everything lies, given models too."""
        return Folders(out, study.models)

    @staticmethod
    def is_finished(study: AlignmentStudy, folders: Folders, part: Part) -> bool:
        """Whether audit and probe of a part are there."""
        return _audit_is_finished(study, folders, part) and folders.probe(part).is_file()

    def check(self) -> None:
        """Refuse data without sentences, and parts whose models cannot be had."""
        _check_sentences(self.study, self.dataset)
        if self.study.models is None:
            check_before(self.parts, before, self.folders)
        else:
            _check_models(self.study.models, self.parts, self.folders)

    def finish(self, part: Part) -> None:
        """Train unless models are given, audit, and rank images for sentences."""
        model = self._model(part)
        self._audited(model, part)
        told = self.told(part, "ranking images for sentences")
        probe(self.study.plan, model, self.dataset, self.folders.probe(part), told)

    def _model(self, part: Part) -> Predictor:
        out = self.folders.model(part)
        if self.study.models is not None:
            return self.load(out)
        return self.trained(part, self.dataset, self.study.recipe_of(part, self.folders.model(before(part) or part)), out)

    def _audited(self, model: Predictor, part: Part) -> None:
        """Audit unless it is finished; its tables as text are the last thing that an audit writes.

        One that was finished before it was asked what moves a map is asked that alone.
        """
        plan, out = self.study.plan, self.folders.audit(part)
        if _audit_is_finished(self.study, self.folders, part):
            check_same(out, identify(model, self.dataset, plan))  # type: ignore[arg-type]  # of a plan only its digest is asked
            return
        alignment.run(model, self.dataset, plan, out, progress=self.told(part, "asking about test images"))


run, unfinished = AlignmentWork.run, AlignmentWork.unfinished


def _audit_is_finished(study: AlignmentStudy, folders: Folders, part: Part) -> bool:
    out = folders.audit(part)
    return (out / TABLES_TEXT).is_file() and sensitivity.finished(study.plan, out)


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
