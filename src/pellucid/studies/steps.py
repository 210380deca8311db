"""What the parts of every study go through: training and auditing that are told of, and never done twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pellucid import audit, predictors, training
from pellucid.audit.manifest import FINDINGS, check_same, identify
from pellucid.audit.plan import Plan
from pellucid.datasets.base import Dataset
from pellucid.errors import PellucidError
from pellucid.predictor import Predictor
from pellucid.studies.study import Folders, Part

P = TypeVar("P")


@dataclass(frozen=True)
class Event:
    """Something of a study is done.

    Attributes:
        part: of which models; a value that says so as text.
        stage: in words; "training", "explaining test cases".
        done, total: of that stage; a total of 0 says that the stage is over.
        news: a few words about the latest.
    """

    part: Any
    stage: str
    done: int
    total: int
    news: str = ""


Progress = Callable[[Event], None]


def told_of_training(tell: Progress, part: Any, stage: str = "training") -> Callable[[training.Event], None]:
    """What tells of the steps of a training."""
    latest = ""

    def told(event: training.Event) -> None:
        nonlocal latest
        if event.validation_map is not None:
            latest = f", validation {event.figure} {event.validation_map:.3f}"
        news = f"epoch {min(event.epoch, event.epochs)}, loss {event.loss:.3f}{latest}"
        tell(Event(part, stage, event.step, event.steps, news))

    return told


def audited(
    model: Predictor,
    dataset: Dataset,
    plan: Plan,
    out: Path,
    *,
    part: Any,
    titles: dict[str, str],
    tell: Progress,
) -> None:
    """Audit unless it is finished; the findings are the last thing that an audit writes.

    Args:
        titles: the stages of an audit, in the words of the study.

    Raises:
        DataError: `out` holds another audit.
    """
    if (out / FINDINGS).is_file():
        check_same(out, identify(model, dataset, plan))
        return
    audit.check_free(out)

    def told(event: audit.Event) -> None:
        tell(Event(part, titles.get(event.stage, event.stage), event.done, event.total))

    audit.run(model, dataset, plan, out, progress=told)


def chosen(parts: Sequence[P], only: Sequence[P] | None, called: str = "part") -> list[P]:
    """The parts to be done, in the order of the study; None for all.

    Args:
        called: what the study calls a part.

    Raises:
        PellucidError: a part of `only` is not of the study.
    """
    unknown = [part for part in only or () if part not in parts]
    if unknown:
        raise PellucidError(f"The study has no {called} {unknown[0]}; it has {', '.join(map(str, parts))}.")
    return [part for part in parts if only is None or part in only]


def check_before(parts: Sequence[Part], before: Callable[[Part], Part | None], folders: Folders) -> None:
    """Refuse a part before the one that its model starts from, which another process may be training right now.

    Args:
        parts: what will be done.
        before: the part whose model another one needs; None where it needs none.

    Raises:
        PellucidError: such a model is neither trained nor among the parts.
    """
    for part in parts:
        needed = before(part)
        if needed and needed not in parts and not (folders.model(needed) / predictors.MANIFEST).is_file():
            raise PellucidError(
                f"The part {part} learns from the model of {needed}, which is not trained; train that first, or add it to "
                "--only."
            )


def device_of(device: str | None) -> str:
    """The device that was asked for; None for a GPU where there is one."""
    if device is not None:
        return device
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
