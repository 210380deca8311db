"""What a prepared data set says of itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def told(adapter: Any, title: str, options: Mapping[str, Any], notes: Sequence[str]) -> dict[str, Any]:
    """The `about` of a data set.

    Args:
        adapter: states its licence and what to cite.
        title: what reports call the data set.
        options: those of the adapter, as JSON values.
        notes: sentences that a reader of figures should know.
    """
    return {
        "title": title,
        "licence": adapter.licence,
        "citation": adapter.cites,
        "options": dict(options),
        "notes": list(notes),
    }
