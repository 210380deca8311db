"""What a data set is, once prepared, and what an adapter that prepares one must say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from pellucid.case import Case

SplitName = Literal["train", "validation", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "validation", "test")


@dataclass(frozen=True)
class Exclusion:
    """Something of the source that was left out, and why. Never contains patient text.

    Attributes:
        where: file and row, or case id.
        reason: one short clause, the same words for the same cause, so that exclusions can be counted.
    """

    where: str
    reason: str


@dataclass(eq=False)
class Prepared:
    """Cases read from a source, before they are stored.

    Attributes:
        name: registered name of the adapter.
        cases: all cases, in a deterministic order.
        exclusions: what was left out.
        about: licence, citation, language, options used; JSON values; shown in reports.
        assigned: case id to split, where the source publishes its own splits; empty otherwise.
        size: images are stored with so many pixels along each side, and their marks with them; None keeps the size they have.
    """

    name: str
    cases: Sequence[Case]
    exclusions: Sequence[Exclusion] = ()
    about: Mapping[str, Any] = field(default_factory=dict)
    assigned: Mapping[str, SplitName] = field(default_factory=dict)
    size: int | None = None


class Adapter(Protocol):
    """A registered data set: a frozen dataclass of its options, with one verb.

    The class docstring's first line says what it is. Class attributes `licence`, `cites` and `needs` (what the user must
    supply, in words) are shown by `pellucid list datasets`.
    """

    licence: str
    cites: str
    needs: str

    def prepare(self) -> Prepared:
        """Read the source.

        Raises:
            DataError: a file is missing or is not what it should be; the message names file, row and remedy.
        """


class Dataset(Protocol):
    """Prepared cases with splits.

    Attributes:
        name: which adapter made it.
        labels: every label a model should know, sorted.
        fingerprint: SHA-256 over cases and splits.
        about: what :class:`Prepared` said, plus counts of exclusions by reason.
    """

    name: str
    labels: tuple[str, ...]
    fingerprint: str
    about: Mapping[str, Any]

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Case]: ...
    def split(self, name: SplitName) -> Sequence[Case]:
        """The cases of one split; each is read when it is indexed."""
