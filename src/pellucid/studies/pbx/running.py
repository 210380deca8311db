"""The work of a study of Jacobians, part after part; what is finished is never done again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pellucid import predictors, training
from pellucid.datasets.base import Dataset
from pellucid.studies import predictions
from pellucid.studies.pbx.probing import probe
from pellucid.studies.pbx.study import MARKED, PLAIN, Folders, PbxStudy
from pellucid.studies.steps import Event, Progress, chosen, device_of, told_of_training
from pellucid.studies.study import Part


def run(
    study: PbxStudy,
    data: Mapping[str, Dataset],
    out: Path,
    *,
    only: Sequence[Part] | None = None,
    progress: Progress | None = None,
    device: str | None = None,
) -> None:
    """Do what is missing of a study; killed at any moment and started again with the same arguments, it goes on.

    Args:
        data: "plain" and "marked", the same scenes in the same splits.
        out: holds `models/`, `predictions/` and `probes/`, a folder or file for each part.
        only: do these parts alone, so that several processes can share the work; each needs its own parts.
        device: in PyTorch's words; None for a GPU where there is one.

    Raises:
        PellucidError: a part of `only` is not of the study; or a folder holds the work of other settings.
    """
    folders = Folders(Path(out))
    tell = progress or (lambda event: None)
    for part in chosen(study.parts, only):
        _finish(study, data, folders, tell, device, part)


def unfinished(study: PbxStudy, out: Path) -> list[Part]:
    """The parts of which the figures are missing."""
    return [part for part in study.parts if not Folders(Path(out)).probe(part).is_file()]


def _finish(
    study: PbxStudy, data: Mapping[str, Dataset], folders: Folders, tell: Progress, device: str | None, part: Part
) -> None:
    own = data[MARKED if part.strategy == MARKED else PLAIN]
    training.train(own, study.recipe_of(part), folders.model(part), progress=told_of_training(tell, part), device=device)
    tell(Event(part, "training", 0, 0))
    model = predictors.load(folders.model(part), device_of(device))
    predictions.keep(model, data[PLAIN], folders.predictions(part))
    predictions.keep(model, data[MARKED], folders.on_marked(part))

    def told(done: int, total: int) -> None:
        tell(Event(part, "differentiating", done, total))

    probe(study, model, data, folders.probe(part), told)
    tell(Event(part, "differentiating", 0, 0))
