"""What went wrong, said to a person.

A :class:`PellucidError` is a mistake that somebody can mend: its message is one sentence that names the file, row or field and
the remedy. The command line prints it without a traceback and exits with 2. Any other exception is a defect of this library.
"""

from __future__ import annotations


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


def first_line(error: BaseException) -> str:
    """What another library's exception says, cut to fit into one sentence: its first line without the full stop."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__).rstrip(".:")
