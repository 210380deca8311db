"""Progress on standard error: bars on a terminal, a line a stage elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeRemainingColumn


class Stages:
    """Shows how far each stage of a command is.

    Use as a context manager; call :meth:`tell` as work gets done, in order.
    """

    def __init__(self) -> None:
        self.console = Console(stderr=True)
        self._bars = Progress(
            SpinnerColumn(finished_text="[green]✓[/]"),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
            TextColumn("[dim]{task.fields[news]}"),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}
        self._done: set[str] = set()

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bars.stop()

    def tell(self, stage: str, done: int, total: int, news: str = "") -> None:
        """The stage has done so many of so many; `news` is a few words about the latest."""
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(stage, total=total, news=news)
            self._line(f"{stage} ...")
        self._bars.update(self._tasks[stage], completed=done, total=total, news=news)
        if done >= total:
            self.finish(stage, news)

    def finish(self, stage: str, news: str = "") -> None:
        """The stage is done, perhaps earlier than thought."""
        if stage in self._done:
            return
        self._done.add(stage)
        if stage in self._tasks:
            completed = self._bars.tasks[self._tasks[stage]].completed
            self._bars.update(self._tasks[stage], total=completed)
        self._line(f"{stage}: done{f' ({news})' if news else ''}")

    def _line(self, text: str) -> None:
        if not self.console.is_terminal:
            self.console.print(text, markup=False, highlight=False, soft_wrap=True)
