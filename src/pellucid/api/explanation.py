"""What a model's explanation of one text says, and how it shows itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from jaxtyping import Float

from pellucid.api.highlights import Highlight, highlights
from pellucid.attribution import Attribution
from pellucid.errors import CapabilityError
from pellucid.files import write_text
from pellucid.units import TextUnits

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why a model gave a text its labels.

    In a notebook it shows itself as highlighted text, and so it does on a terminal through `rich.print`.

    Attributes:
        attribution: the scores, with units, method, settings and fingerprint.
        probabilities: of the explained labels, most probable first.
        notes: what a reader must know: that no label was predicted, that a part of the text was not read.
    """

    attribution: Attribution
    probabilities: Mapping[str, float]
    notes: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """The explained labels, most probable first."""
        return tuple(self.probabilities)

    @property
    def units(self) -> TextUnits:
        """What the scores are about."""
        return cast(TextUnits, self.attribution.units)

    @property
    def text(self) -> str:
        """The text that was explained; all offsets point into it."""
        return self.units.text

    @property
    def method(self) -> str:
        """Registered name of the method of explanation."""
        return self.attribution.method

    def scores(self, label: str) -> Float[np.ndarray, " U"]:
        """One score a unit, as the method gave them.

        Raises:
            DataError: the label was not explained.
        """
        return self.attribution.row(label)

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
        found = ", ".join(f"{label} {probability:.2f}" for label, probability in self.probabilities.items())
        return f"<Explanation by {self.method} of a text of {len(self.text):,} characters: {found}>"
