"""The work of a study: train, predict and audit part after part; what is finished is never done again."""

from __future__ import annotations

from pathlib import Path

from pellucid.audit.manifest import FINDINGS
from pellucid.audit.plan import Plan
from pellucid.datasets.base import Dataset
from pellucid.predictor import Predictor
from pellucid.studies import predictions
from pellucid.studies.steps import Event as Event
from pellucid.studies.steps import audited, check_before
from pellucid.studies.study import BASE, Folders, Part, Study, needs_teacher
from pellucid.studies.work import Work

TEST = {"cases": "explaining test cases", "validation": "tuning thresholds"}
VALIDATION = {"cases": "explaining validation cases", "validation": "tuning thresholds"}


class StudyWork(Work[Study, Dataset, Folders, Part]):
    """What is done for each strategy and seed."""

    @staticmethod
    def folders_of(study: Study, out: Path) -> Folders:
        """Where everything lies."""
        return Folders(out)

    @staticmethod
    def is_finished(study: Study, folders: Folders, part: Part) -> bool:
        """Whether both audits of a part are finished."""
        return all((folder / FINDINGS).is_file() for folder in (folders.audit(part), folders.choice(part)))

    def check(self) -> None:
        """Refuse a part without the one that it learns from; where all are done, that is trained when it is needed."""
        if not self.whole:
            check_before(self.parts, _teacher, self.folders)

    def finish(self, part: Part) -> None:
        """Train, predict, and audit on test and on validation cases."""
        model = self._model(part)
        predictions.keep(model, self.dataset, self.folders.predictions(part))
        self._audited(model, self.study.plan, self.folders.audit(part), part, TEST)
        self._audited(model, self.study.validation_plan, self.folders.choice(part), part, VALIDATION)

    def _model(self, part: Part) -> Predictor:
        """The model of a part, trained unless it is there; as in the paper, it learns from the plain one of its seed."""
        start, base = None, _teacher(part)
        if base is not None:
            self._model(base)
            start = self.folders.model(base)
        return self.trained(part, self.dataset, self.study.recipe_of(part, start), self.folders.model(part))

    def _audited(self, model: Predictor, plan: Plan, out: Path, part: Part, titles: dict[str, str]) -> None:
        audited(model, self.dataset, plan, out, part=part, titles=titles, tell=self.tell)


run, unfinished = StudyWork.run, StudyWork.unfinished


def _teacher(part: Part) -> Part | None:
    """The part whose model this one learns from."""
    return Part(BASE, part.seed) if needs_teacher(part.strategy) else None
