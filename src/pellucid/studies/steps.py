"""What the parts of every study go through: training and auditing that are told of, and never done twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pellucid import audit, training
from pellucid.audit.manifest import FINDINGS, check_same, identify
from pellucid.audit.plan import Plan
from pellucid.datasets.base import Dataset
from pellucid.predictor import Predictor


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
        tell(Event(part, titles[event.stage], event.done, event.total))

    audit.run(model, dataset, plan, out, progress=told)


def device_of(device: str | None) -> str:
    """The device that was asked for; None for a GPU where there is one."""
    if device is not None:
        return device
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
