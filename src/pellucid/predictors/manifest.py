"""The manifest of a saved model: one JSON file that says what the folder holds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pellucid.errors import CheckpointError, DataError
from pellucid.files import read_json

MANIFEST = "pellucid.json"

Fields = Mapping[str, type | tuple[type, ...]]


def read_manifest(path: Path, expected: str, fields: Fields) -> dict[str, Any]:
    """The manifest of the folder `path`.

    Args:
        expected: its format.
        fields: what it must hold, and of which type.

    Raises:
        CheckpointError: it is missing or damaged, has another format, or lacks a field.
    """
    try:
        manifest: dict[str, Any] = read_json(path / MANIFEST)
    except DataError as error:
        raise CheckpointError(str(error)) from error
    found = manifest.get("format") if isinstance(manifest, dict) else None
    if found != expected:
        raise CheckpointError(f"{path / MANIFEST} has the format {found!r}, not {expected!r}; train the model again.")
    for name, kind in fields.items():
        if name not in manifest or not isinstance(manifest[name], kind):
            raise CheckpointError(f"{path / MANIFEST} lacks a valid {name!r}; copy or train the model again.")
    return manifest
