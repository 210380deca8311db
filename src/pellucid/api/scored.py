"""What explanations of rows and of signals have in common: scores of labels, shown as one table a label."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pellucid.api.explained import Explained
from pellucid.files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import Console, ConsoleOptions, RenderResult


@dataclass(frozen=True, eq=False)
class Scored(Explained, ABC):
    """Why a model gave a case its labels.

    On a terminal (through `rich.print`) and in a notebook it shows itself as tables.

    Attributes:
        notes: what a reader must know, such as that no label was predicted.
    """

    notes: tuple[str, ...] = field(default=(), kw_only=True)

    columns: ClassVar[tuple[str, ...]]
    """Headings of the tables."""

    @abstractmethod
    def lines(self, label: str) -> Sequence[tuple[str, ...]]:
        """The cells of the table of a label, row by row.

        Raises:
            DataError: the label was not explained.
        """

    @abstractmethod
    def _drawn(self, label: str) -> Figure:
        """The picture of a label."""

    def heading(self, label: str) -> str:
        """A label, its probability, and by what it is explained."""
        return f"{label}  probability {self.probabilities[label]:.2f}, {self.method}"

    def to_png(self, path: Path | str, label: str | None = None) -> Path:
        """Write the picture of one label (the most probable if None), and return its path.

        Orange speaks for the label, blue against it.

        Raises:
            DataError: the label was not explained.
            StorageError: the file cannot be written.
        """
        figure = self._drawn(self.labels[0] if label is None else label)
        with replacing(Path(path)) as temporary:
            figure.savefig(temporary, format="png", dpi=150)
        return Path(path)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.table import Table
        from rich.text import Text

        for note in self.notes:
            yield Text(f"Note: {note}", "yellow")
        for label in self.labels:
            yield Text(self.heading(label), "bold")
            table = Table(box=None)
            for number, column in enumerate(self.columns):
                table.add_column(column, justify="right" if number else "left")
            for line in self.lines(label):
                table.add_row(*map(Text, line))
            yield table

    def _repr_html_(self) -> str:
        notes = "".join(f"<p>{escape(note)}</p>" for note in self.notes)
        return notes + "".join(self._html_table(label) for label in self.labels)

    def _html_table(self, label: str) -> str:
        head = "".join(f"<th>{escape(column)}</th>" for column in self.columns)
        rows = ["".join(f"<td>{escape(cell)}</td>" for cell in line) for line in self.lines(label)]
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        return f"<table><caption>{escape(self.heading(label))}</caption><tr>{head}</tr>{body}</table>"

    def __repr__(self) -> str:
        return self._in_short(f"{type(self).__name__} by {self.method}")
