"""The work of a study of consensus and gaze, part after part; what is finished is never done again."""

from __future__ import annotations

from pathlib import Path

from pellucid.audit.manifest import FINDINGS
from pellucid.datasets.base import Dataset
from pellucid.errors import DataError
from pellucid.studies import predictions
from pellucid.studies.gaze.probing import probe
from pellucid.studies.gaze.study import Folders, GazeStudy, teacher_of
from pellucid.studies.steps import audited, check_before
from pellucid.studies.study import Part
from pellucid.studies.work import Work, timed

_STAGES = {"cases": "explaining test images", "validation": "tuning blurs"}


class GazeWork(Work[GazeStudy, Dataset, Folders, Part]):
    """What is done for each strategy and seed."""

    @staticmethod
    def folders_of(study: GazeStudy, out: Path) -> Folders:
        """Where everything lies."""
        return Folders(out)

    @staticmethod
    def is_finished(study: GazeStudy, folders: Folders, part: Part) -> bool:
        """Whether audit and probe of a part are there."""
        return (folders.audit(part) / FINDINGS).is_file() and folders.probe(part).is_file()

    def check(self) -> None:
        """Refuse a student without its teacher, and data that cannot guide."""
        check_before(self.parts, teacher_of, self.folders)
        _check_evidence(self.study, self.dataset)

    def finish(self, part: Part) -> None:
        """Train, predict, audit, and compare members."""
        out = self.folders.model(part)
        recipe = self.study.recipe_of(part, self.folders.model(teacher_of(part) or part))
        with timed(out, self.folders.pace(part)):
            self.train(part, self.dataset, recipe, out)
        model = self.load(out)
        predictions.keep(model, self.dataset, self.folders.predictions(part))
        audited(model, self.dataset, self.study.plan, self.folders.audit(part), part=part, titles=_STAGES, tell=self.tell)
        probe(self.study, model, self.dataset, self.folders.probe(part), self.told(part, "comparing members"))


run, unfinished = GazeWork.run, GazeWork.unfinished


def _check_evidence(study: GazeStudy, dataset: Dataset) -> None:
    """Refuse at once what would be refused when the first models are trained."""
    weights = study.weights
    if not any(weights.source.of(case) for case in dataset.split("train")):
        raise DataError(
            f"No training case of {dataset.name} has evidence that annotated={weights.annotated:g} and by={weights.by} allow "
            "to be read; choose another data set, or change them with --set weights.annotated and weights.by."
        )
