"""The work of a study: train, predict and audit part after part; what is finished is never done again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pellucid import predictors, training
from pellucid.audit.manifest import FINDINGS
from pellucid.audit.plan import Plan
from pellucid.datasets.base import Dataset
from pellucid.predictor import Predictor
from pellucid.studies import predictions
from pellucid.studies.steps import Event as Event
from pellucid.studies.steps import Progress, audited, check_before, chosen, device_of, told_of_training
from pellucid.studies.study import BASE, Folders, Part, Study, needs_teacher

TEST = {"cases": "explaining test cases", "validation": "tuning thresholds"}
VALIDATION = {"cases": "explaining validation cases", "validation": "tuning thresholds"}


def run(
    study: Study,
    dataset: Dataset,
    out: Path,
    *,
    only: Sequence[Part] | None = None,
    progress: Progress | None = None,
    device: str | None = None,
) -> None:
    """Do what is missing of a study; killed at any moment and started again with the same arguments, it goes on.

    Args:
        out: holds `models/`, `predictions/`, `audits/` (test cases) and `validation/`, a folder for each part.
        only: do these parts alone, so that several processes can share the work; each needs its own parts.
        device: for training and auditing, in PyTorch's words; None for a GPU where there is one.

    Raises:
        PellucidError: a part of `only` is not of the study, or learns from a model that is neither trained nor in `only`; or a
            folder holds the work of other settings.
    """
    parts = chosen(study.parts, only)
    if only is not None:  # else the plain model of a seed is trained where it is needed
        check_before(parts, _teacher, Folders(Path(out)))
    work = _Work(study, dataset, Folders(Path(out)), progress or (lambda event: None), device)
    for part in parts:
        model = work.trained(part)
        predictions.keep(model, dataset, work.folders.predictions(part))
        work.audited(model, study.plan, work.folders.audit(part), part, TEST)
        work.audited(model, study.validation_plan, work.folders.choice(part), part, VALIDATION)


def unfinished(study: Study, out: Path) -> list[Part]:
    """The parts whose audits are not both finished."""
    folders = Folders(Path(out))
    return [
        part
        for part in study.parts
        if not all((folder / FINDINGS).is_file() for folder in (folders.audit(part), folders.choice(part)))
    ]


@dataclass(frozen=True)
class _Work:
    """What is the same for all parts."""

    study: Study
    dataset: Dataset
    folders: Folders
    tell: Progress
    device: str | None

    def trained(self, part: Part) -> Predictor:
        """The model of a part, trained unless it is there; as in the paper, it learns from the plain one of its seed."""
        start = None
        base = _teacher(part)
        if base is not None:
            self.trained(base)
            start = self.folders.model(base)
        recipe = self.study.recipe_of(part, start)
        training.train(
            self.dataset, recipe, self.folders.model(part), progress=told_of_training(self.tell, part), device=self.device
        )
        self.tell(Event(part, "training", 0, 0))
        return predictors.load(self.folders.model(part), device_of(self.device))

    def audited(self, model: Predictor, plan: Plan, out: Path, part: Part, titles: dict[str, str]) -> None:
        """Audit unless it is finished."""
        audited(model, self.dataset, plan, out, part=part, titles=titles, tell=self.tell)


def _teacher(part: Part) -> Part | None:
    """The part whose model this one learns from."""
    return Part(BASE, part.seed) if needs_teacher(part.strategy) else None
