"""The facts that most metrics of this room share; a metric overrides what differs."""

from __future__ import annotations

from typing import ClassVar

from pellucid.metrics.base import EVERY, Modalities, Need


class Facts:
    """Defaults: a share between 0 and 1 that agrees better with human evidence the higher it is, whatever the units are."""

    higher_is_better: ClassVar[bool | None] = True
    range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    needs: ClassVar[tuple[Need, ...]] = ("evidence",)
    family: ClassVar[str] = "plausibility"
    modalities: ClassVar[Modalities] = EVERY
    cites: ClassVar[str] = ""
