"""The work of a study: part after part, each trained and asked once, whatever interrupts it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from pellucid import predictors, training
from pellucid.datasets.base import Dataset
from pellucid.files import write_json
from pellucid.predictor import Predictor
from pellucid.studies.steps import Event, Progress, chosen, device_of, told_of_training
from pellucid.training import Recipe
from pellucid.training.state import state_folder


class Divided(Protocol):
    """What is done in parts."""

    @property
    def parts(self) -> Sequence[Any]: ...


S = TypeVar("S", bound=Divided)
D = TypeVar("D")
F = TypeVar("F")
P = TypeVar("P")


@dataclass(frozen=True)
class Work(ABC, Generic[S, D, F, P]):
    """What a study S does with data D for each of its parts P, and the folders F where it keeps that.

    Attributes:
        parts: what is to be done now.
        whole: whether no parts were chosen, and these are all.
    """

    called: ClassVar[str] = "part"
    """What the study calls a part, in messages."""

    study: S
    dataset: D
    folders: F
    parts: Sequence[P]
    whole: bool
    tell: Progress
    device: str | None

    @staticmethod
    @abstractmethod
    def folders_of(study: S, out: Path) -> F:
        """Where the study keeps what it has finished."""

    @staticmethod
    @abstractmethod
    def is_finished(study: S, folders: F, part: P) -> bool:
        """Whether nothing of a part is missing."""

    @abstractmethod
    def finish(self, part: P) -> None:
        """Do what is missing of a part."""

    def check(self) -> None:
        """Refuse at once what would be refused later. Here nothing."""

    def named(self, part: P) -> Any:
        """The part as progress shows it."""
        return part

    @classmethod
    def run(
        cls,
        study: S,
        dataset: D,
        out: Path,
        *,
        only: Sequence[P] | None = None,
        progress: Progress | None = None,
        device: str | None = None,
    ) -> None:
        """Do what is missing of a study; killed at any moment and started again with the same arguments, it goes on.

        Args:
            dataset: what the study is about; of Jacobians "plain" and "marked", the same scenes in the same splits.
            out: holds what the study's `Folders` name, a folder or file for each part.
            only: do these parts alone, so that several processes can share the work; each needs its own parts.
            device: for training and auditing, in PyTorch's words; None for a GPU where there is one.

        Raises:
            PellucidError: a part of `only` is not of the study, or learns from a model that is neither trained nor in `only`;
                or a folder holds the work of other settings.
            DataError: the data, or models that were to be given, lack what the study needs.
        """
        parts = chosen(study.parts, only, cls.called)
        folders = cls.folders_of(study, Path(out))
        work = cls(study, dataset, folders, parts, only is None, progress or (lambda event: None), device)
        work.check()
        for part in parts:
            work.finish(part)

    @classmethod
    def unfinished(cls, study: S, out: Path) -> list[P]:
        """The parts of which something is missing."""
        folders = cls.folders_of(study, Path(out))
        return [part for part in study.parts if not cls.is_finished(study, folders, part)]

    def trained(self, part: P, dataset: Dataset, recipe: Recipe, out: Path) -> Predictor:
        """The model of a part, trained unless it is there."""
        self.train(part, dataset, recipe, out)
        return self.load(out)

    def train(
        self,
        part: P,
        dataset: Dataset,
        recipe: Any,
        out: Path,
        stage: str = "training",
        by: Callable[..., Any] = training.train,
    ) -> None:
        """Train what a recipe says, unless it is there.

        Args:
            by: takes data set, recipe and folder as :func:`pellucid.training.train` does.
        """
        by(dataset, recipe, out, progress=told_of_training(self.tell, self.named(part), stage), device=self.device)
        self.tell(Event(self.named(part), stage, 0, 0))

    def load(self, out: Path) -> Predictor:
        """A trained model."""
        return predictors.load(out, device_of(self.device))

    def told(self, part: P, stage: str) -> Callable[[int, int], None]:
        """What tells how much of a stage is done."""
        return lambda done, total: self.tell(Event(self.named(part), stage, done, total))


@contextmanager
def timed(out: Path, pace: Path) -> Iterator[None]:
    """Write how many seconds the training of the model in `out` takes; what an interrupted one took is not known."""
    begun, start = out.exists() or state_folder(out).exists(), perf_counter()
    yield
    if not begun:
        write_json(pace, {"seconds": perf_counter() - start})
