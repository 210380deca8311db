"""A text that knows where its marked stretches lie."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class TextBuilder(Generic[K]):
    """Collects pieces of text; each piece may be marked with keys.

    Attributes:
        spans: for each key the half-open character ranges of its pieces, in the order in which they were added.
    """

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._length = 0
        self.spans: dict[K, list[tuple[int, int]]] = {}

    def add(self, piece: str, keys: Iterable[K] = ()) -> None:
        """Append a piece. An empty piece leaves no span."""
        if not piece:
            return
        span = (self._length, self._length + len(piece))
        for key in keys:
            self.spans.setdefault(key, []).append(span)
        self._pieces.append(piece)
        self._length = span[1]

    @property
    def text(self) -> str:
        """Everything added so far."""
        return "".join(self._pieces)
