"""What a model is asked: a sentence, and what is said where it does not hold."""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.errors import PellucidError

Question = tuple[str, str | None]
"""A sentence; and what is said where it does not hold, if it is asked as a label."""
ANYTHING = "an image"
"""What a model is asked for where nobody says what."""


def question(label: str) -> Question:
    """How a model is asked for a label where nobody says it better."""
    said = label.replace("_", " ").strip()
    return f"There is {said}.", f"No {said}."


def questions_of(labels: Sequence[str], given: Sequence[Question] | None) -> tuple[Question, ...]:
    """The question of each label: the given one, or :func:`question` where none are given.

    Raises:
        PellucidError: there are more labels than questions, or fewer.
    """
    asked = tuple((str(said), opposite) for said, opposite in (given or [question(label) for label in labels]))
    if len(asked) != len(labels):
        raise PellucidError(f"An image-text model has {len(labels)} labels and {len(asked)} questions; give one for each.")
    return asked
