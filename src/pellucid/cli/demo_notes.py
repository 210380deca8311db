"""The demo on generated notes: a phrase that means nothing tells a code."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType

    from pellucid.audit import Plan
    from pellucid.case import Case
    from pellucid.cli.progress import Stages
    from pellucid.datasets import StoredDataset
    from pellucid.predictor import Predictor
    from pellucid.training import Recipe


@dataclass(frozen=True)
class NotesDemo:
    """How much the demo does: enough to learn something, little enough for two cores and two minutes.

    Attributes:
        notes: generated, all splits together.
        tokens: least and greatest length of a note.
        codes: what the notes are about.
        distractors: least and greatest number of misleading mentions a note.
        epochs, batch_size: of training.
        cases: test notes that are explained and judged.
        targets: labels a note, at most.
        validation_cases: notes that tune the thresholds of evidence.
        candidates: of the search for NAOPC bounds.
        draws: of the bootstrap.
    """

    notes: int = 400
    tokens: tuple[int, int] = (150, 300)
    codes: tuple[str, ...] = ("I10", "E78.5", "N17.9", "K21.9", "E11.9", "I48.91", "I50.9", "I25.10")
    distractors: tuple[int, int] = (2, 5)
    epochs: int = 5
    batch_size: int = 8
    cases: int = 12
    targets: int = 2
    validation_cases: int = 8
    candidates: int = 4
    draws: int = 1000

    def facts(self) -> dict[str, Any]:
        return {"size": asdict(self), "shortcut": asdict(Trap())}

    def data(self, path: Path, seed: int, stages: Stages) -> StoredDataset:
        from pellucid import datasets
        from pellucid.datasets.phantom.shortcut import Shortcut

        if not (path / "dataset.json").is_file():
            stages.tell("writing notes", 0, self.notes)
            trap = Shortcut(**asdict(Trap()))
            notes = datasets.PhantomNotes(
                self.notes, seed, self.tokens, codes=self.codes, shortcut=trap, distractors=self.distractors
            )
            datasets.write(path, notes.prepare(), seed=seed)
        stages.tell("writing notes", self.notes, self.notes)
        return datasets.open_dataset(path)

    def recipe(self, seed: int) -> Recipe:
        from pellucid import training

        return training.Recipe(epochs=self.epochs, batch_size=self.batch_size, patience=self.epochs, seed=seed)

    def furnished(self, model: Path, dataset: StoredDataset, seed: int, stages: Stages) -> Path:
        return model

    def plan(self, seed: int) -> Plan:
        from pellucid import audit

        return audit.Plan(
            cases=self.cases,
            max_targets=self.targets,
            validation_cases=self.validation_cases,
            candidates=self.candidates,
            draws=self.draws,
            seed=seed,
        )

    def story(self, model: Predictor, dataset: StoredDataset, out: Path) -> list[RenderableType]:
        """What AttInGrad says about a test note in which the planted phrase stands for the evidence."""
        from rich.text import Text

        from pellucid.api import Model

        case = _trapped(dataset)
        if case is None:
            return []
        explanation = Model(model).explain(case, Trap.label, method="attingrad")
        said = (
            f'The notes hold a planted shortcut: the line "{Trap.phrase}" says nothing about the patient, but stands in '
            f"{Trap.rate:.0%} of the notes with the code {Trap.label}. In the test note {case.id} nothing else tells that "
            "code. What AttInGrad shows:"
        )
        return [Text(said), Text(), explanation]


@dataclass(frozen=True)
class Trap:
    """The shortcut that is planted: a phrase that says nothing about the patient and yet tells a code."""

    label: str = "E78.5"
    phrase: str = "Dictated by Dr. Harlan but not read"
    rate: float = 0.95
    leak: float = 0.0
    replaces_evidence: float = 0.6


def _trapped(dataset: StoredDataset) -> Case | None:
    return next((case for case in dataset.split("test") if case.meta["shortcut"]["replaced"]), None)
