"""The work of a study of mask networks, seed after seed; what is finished is never done again."""

from __future__ import annotations

from pathlib import Path

from pellucid.audit.manifest import FINDINGS
from pellucid.datasets.base import Dataset
from pellucid.predictor import Predictor
from pellucid.studies.masks.probing import probe
from pellucid.studies.masks.study import Folders, MaskStudy
from pellucid.studies.steps import Event as Event
from pellucid.studies.steps import audited
from pellucid.studies.work import Work, timed
from pellucid.training.masks import train_masks

_STAGES = {"cases": "explaining test images", "validation": "tuning thresholds"}


class MaskWork(Work[MaskStudy, Dataset, Folders, int]):
    """What is done for each seed."""

    called = "seed"

    @staticmethod
    def folders_of(study: MaskStudy, out: Path) -> Folders:
        """Where everything lies."""
        return Folders(out)

    @staticmethod
    def is_finished(study: MaskStudy, folders: Folders, part: int) -> bool:
        """Whether audit and probe of a seed are there."""
        return (folders.audit(part) / FINDINGS).is_file() and folders.probe(part).is_file()

    def named(self, part: int) -> str:
        """Which models, in words."""
        return f"seed {part}"

    def finish(self, part: int) -> None:
        """Train classifier and mask networks, audit, and take the time."""
        model, out = self._model(part), self.folders.audit(part)
        audited(model, self.dataset, self.study.plan, out, part=self.named(part), titles=_STAGES, tell=self.tell)
        if not self.folders.probe(part).is_file():
            told = self.told(part, "timing")
            told(0, 1)
            probe(self.study, model, self.dataset, self.folders, part)
            told(1, 1)

    def _model(self, seed: int) -> Predictor:
        """The classifier with its mask networks, each trained unless it is there, for the model with those before it."""
        at = self.folders.model(seed)
        self.train(seed, self.dataset, self.study.classifier(seed), at, "training classifier")
        for name in self.study.networks:
            recipe, out = self.study.network(name, seed, at), self.folders.model(seed, name)
            with timed(out, self.folders.pace(seed, name)):
                self.train(seed, self.dataset, recipe, out, f"training {name}", train_masks)
            at = out
        return self.load(at)


run, unfinished = MaskWork.run, MaskWork.unfinished
