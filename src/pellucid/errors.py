"""What went wrong, said to a person.

A :class:`PellucidError` is a mistake that somebody can mend: its message is one sentence that names the file, row or field and
the remedy. The command line prints it without a traceback and exits with 2. Any other exception is a defect of this library.
"""

from __future__ import annotations

from typing import Any


class PellucidError(Exception):
    """Base of all errors that carry a remedy."""


class DataError(PellucidError):
    """A data set, case or annotation is not what it should be."""


class CheckpointError(PellucidError):
    """A saved model is missing, incomplete or does not fit its labels."""


class CapabilityError(PellucidError):
    """A predictor cannot do what an explainer or metric asks of it."""


class UnknownNameError(PellucidError):
    """A name is not in a registry."""


class StorageError(PellucidError):
    """A file could not be written; what was already finished is kept."""


def shaped(value: Any) -> str:
    """What somebody gave in the place of an array, in words: its type and shape, or what it is instead."""
    kind = getattr(value, "dtype", None)
    return f"a {type(value).__name__}" if kind is None else f"{kind} of shape {tuple(value.shape)}"


def first_line(error: BaseException) -> str:
    """What another library's exception says, cut to fit into one sentence: its first line without the full stop."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__).rstrip(".:")
