"""The work of a study of Jacobians, part after part; what is finished is never done again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pellucid.datasets.base import Dataset
from pellucid.studies import predictions
from pellucid.studies.pbx.probing import probe
from pellucid.studies.pbx.study import MARKED, PLAIN, Folders, PbxStudy
from pellucid.studies.steps import Event
from pellucid.studies.study import Part
from pellucid.studies.work import Work

_STAGE = "differentiating"


class PbxWork(Work[PbxStudy, Mapping[str, Dataset], Folders, Part]):
    """What is done for each strategy and seed, on pictures without and with marks."""

    @staticmethod
    def folders_of(study: PbxStudy, out: Path) -> Folders:
        """Where everything lies."""
        return Folders(out)

    @staticmethod
    def is_finished(study: PbxStudy, folders: Folders, part: Part) -> bool:
        """Whether the figures of a part are there."""
        return folders.probe(part).is_file()

    def finish(self, part: Part) -> None:
        """Train on the strategy's own pictures, predict and differentiate on both."""
        own = self.dataset[MARKED if part.strategy == MARKED else PLAIN]
        model = self.trained(part, own, self.study.recipe_of(part), self.folders.model(part))
        predictions.keep(model, self.dataset[PLAIN], self.folders.predictions(part))
        predictions.keep(model, self.dataset[MARKED], self.folders.on_marked(part))
        probe(self.study, model, self.dataset, self.folders.probe(part), self.told(part, _STAGE))
        self.tell(Event(part, _STAGE, 0, 0))


run, unfinished = PbxWork.run, PbxWork.unfinished
