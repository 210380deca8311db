"""What is wrong with a case that is left out of a data set, and counted."""

from __future__ import annotations

from pellucid.errors import DataError


class Unreadable(Exception):
    """Image, signal or mask of a case cannot be read, or do not fit: the case is left out. The message is the reason."""


class UnusableSignal(DataError):
    """A recording that can be read and is not what the data set says.

    Attributes:
        reason: one short clause, the same words for the same cause, so that exclusions can be counted.
    """

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where} cannot be used: {reason}; replace it or leave the case out.")
        self.reason = reason
