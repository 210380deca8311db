"""A plan as JSON values, and as one digest by which results know what they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, ClassVar, Self

from pellucid.errors import PellucidError
from pellucid.files import digest_json


class Planned:
    """What frozen dataclasses of plans share; lists of JSON are tuples of a plan.

    Attributes:
        called: the plan in messages, such as "An audit plan".
    """

    called: ClassVar[str]

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON values."""
        values = asdict(self)  # type: ignore[call-overload]  # those who inherit are dataclasses
        return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The plan that :meth:`to_json` described.

        Raises:
            PellucidError: a field is unknown or holds what it cannot hold.
        """
        known = {f.name for f in fields(cls)}  # type: ignore[arg-type]
        if unknown := sorted(set(value) - known):
            raise PellucidError(f"{cls.called} has no field {unknown[0]!r}; it has {', '.join(sorted(known))}.")
        settings: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in value.items()}
        return cls(**settings)

    @property
    def digest(self) -> str:
        """SHA-256 of the plan; plans that do the same have the same digest."""
        return digest_json(self.to_json())
