"""What an image-text model was made to read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Cost:
    """What was read so far.

    Attributes:
        images: images encoded by :meth:`ImageText.see`.
        sentences: sentences encoded by :meth:`ImageText.ask` and :meth:`ImageText.read`.
    """

    images: int = 0
    sentences: int = 0
