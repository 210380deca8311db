"""The work of a study of consensus and gaze, part after part; what is finished is never done again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from pellucid import predictors, training
from pellucid.audit.manifest import FINDINGS
from pellucid.datasets.base import Dataset
from pellucid.errors import DataError
from pellucid.files import write_json
from pellucid.predictor import Predictor
from pellucid.studies import predictions
from pellucid.studies.gaze.probing import probe
from pellucid.studies.gaze.study import Folders, GazeStudy, teacher_of
from pellucid.studies.steps import Event, Progress, audited, check_before, chosen, device_of, told_of_training
from pellucid.studies.study import Part
from pellucid.training.state import state_folder

_STAGES = {"cases": "explaining test images", "validation": "tuning blurs"}


def run(
    study: GazeStudy,
    dataset: Dataset,
    out: Path,
    *,
    only: Sequence[Part] | None = None,
    progress: Progress | None = None,
    device: str | None = None,
) -> None:
    """Do what is missing of a study; killed at any moment and started again with the same arguments, it goes on.

    Args:
        out: holds `models/`, `predictions/`, `audits/` and `probes/`, a folder or file for each part.
        only: do these parts alone, so that several processes can share the work; each needs its own parts.
        device: for training and auditing, in PyTorch's words; None for a GPU where there is one.

    Raises:
        PellucidError: a part of `only` is not of the study, or learns from a model that is neither trained nor in `only`; or a
            folder holds the work of other settings.
        DataError: no training case has evidence that may be read.
    """
    folders = Folders(Path(out))
    parts = chosen(study.parts, only)
    check_before(parts, teacher_of, folders)
    _check_evidence(study, dataset)
    for part in parts:
        _Work(study, dataset, folders, progress or (lambda event: None), device, part).finish()


def unfinished(study: GazeStudy, out: Path) -> list[Part]:
    """The parts of which an audit or a probe is missing."""
    folders = Folders(Path(out))
    return [p for p in study.parts if not ((folders.audit(p) / FINDINGS).is_file() and folders.probe(p).is_file())]


@dataclass(frozen=True)
class _Work:
    """The work of one part."""

    study: GazeStudy
    dataset: Dataset
    folders: Folders
    tell: Progress
    device: str | None
    part: Part

    def finish(self) -> None:
        model, part = self._trained(), self.part
        predictions.keep(model, self.dataset, self.folders.predictions(part))
        audited(model, self.dataset, self.study.plan, self.folders.audit(part), part=part, titles=_STAGES, tell=self.tell)

        def told(done: int, total: int) -> None:
            self.tell(Event(part, "comparing members", done, total))

        probe(self.study, model, self.dataset, self.folders.probe(part), told)

    def _trained(self) -> Predictor:
        """The model of the part, trained unless it is there."""
        teacher, out = teacher_of(self.part), self.folders.model(self.part)
        recipe = self.study.recipe_of(self.part, self.folders.model(teacher or self.part))
        begun, start = out.exists() or state_folder(out).exists(), perf_counter()
        training.train(self.dataset, recipe, out, progress=told_of_training(self.tell, self.part), device=self.device)
        if not begun:  # what an interrupted training took is not known
            write_json(self.folders.pace(self.part), {"seconds": perf_counter() - start})
        self.tell(Event(self.part, "training", 0, 0))
        return predictors.load(out, device_of(self.device))


def _check_evidence(study: GazeStudy, dataset: Dataset) -> None:
    """Refuse at once what would be refused when the first models are trained."""
    weights = study.weights
    if not any(weights.source.of(case) for case in dataset.split("train")):
        raise DataError(
            f"No training case of {dataset.name} has evidence that annotated={weights.annotated:g} and by={weights.by} allow "
            "to be read; choose another data set, or change them with --set weights.annotated and weights.by."
        )
