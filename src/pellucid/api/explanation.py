"""What a model's explanation of one text says, and how it shows itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pellucid.api.explained import Explained
from pellucid.api.highlights import Highlight, highlights
from pellucid.errors import CapabilityError
from pellucid.files import write_text
from pellucid.units import TextUnits

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult


@dataclass(frozen=True, eq=False)
class Explanation(Explained):
    """Why a model gave a text its labels.

    In a notebook it shows itself as highlighted text, and so it does on a terminal through `rich.print`.

    Attributes:
        notes: what a reader must know: that no label was predicted, that a part of the text was not read.
    """

    notes: tuple[str, ...] = ()

    @property
    def units(self) -> TextUnits:
        """What the scores are about."""
        return cast(TextUnits, self.attribution.units)

    @property
    def text(self) -> str:
        """The text that was explained; all offsets point into it."""
        return self.units.text

    def spans(self, label: str, mass: float = 0.5) -> list[Highlight]:
        """The fewest words that hold `mass` of the evidence for the label, neighbours joined, the most telling first.

        Empty where no score is positive.

        Raises:
            DataError: the label was not explained.
            PellucidError: `mass` is not in (0, 1].
        """
        return highlights(self.units, self.scores(label), mass)

    def against(self, label: str, mass: float = 0.5) -> list[Highlight]:
        """As :meth:`spans`, for the words that speak against the label.

        Raises:
            CapabilityError: the method's scores have no sign.
        """
        if not self.attribution.signed:
            raise CapabilityError(
                f"The method {self.method!r} gives no evidence against a label; use one with a sign (attingrad_signed)."
            )
        return highlights(self.units, -self.scores(label), mass)

    def to_html(self, path: Path | str) -> Path:
        """Write one self-contained page with the highlighted text, and return its path.

        Raises:
            StorageError: the file cannot be written.
        """
        from pellucid.api.html import page

        write_text(Path(path), page(self))
        return Path(path)

    def _repr_html_(self) -> str:
        from pellucid.api.html import fragment

        return fragment(self)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from pellucid.api.terminal import shown

        yield from shown(self, plain=console.color_system is None)

    def __repr__(self) -> str:
        return self._in_short(f"Explanation by {self.method} of a text of {len(self.text):,} characters")
