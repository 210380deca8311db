"""A guard against masks that have become useless: empty, or the whole image."""

from __future__ import annotations

from pellucid.training.news import DivergedError

LOW, HIGH = 0.005, 0.95


class CollapsedError(DivergedError):
    """Masks were nearly empty or nearly full for many steps; a constant mask is a minimum that training does not leave."""


class Guard:
    """Counts steps in a row whose masks mark nearly nothing or nearly everything.

    Args:
        steps: after so many the run is ended.
    """

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.streak = 0

    def see(self, marked: float | None) -> None:
        """Take note of a step.

        Args:
            marked: mean of its masks of targets that are there; None where it had none, which neither ends nor lengthens a row.

        Raises:
            CollapsedError: it is the last of too many.
        """
        if marked is None:
            return
        self.streak = 0 if LOW <= marked <= HIGH else self.streak + 1
        if self.streak >= self.steps:
            if marked < LOW:
                kind, remedy = "nearly empty", "lower price and area, or raise batch_size"
            else:
                kind, remedy = "nearly full", "raise price"
            raise CollapsedError(
                f"Masks were {kind} (mean {marked:.2%}) for {self.steps} steps in a row, a state that training does not leave; "
                f"{remedy} (--set), and start afresh (--fresh)."
            )
