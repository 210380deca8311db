"""What tests of damaged image files share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pellucid.errors import PellucidError
from pellucid.imaging import read


def outcome(path: Path, **choices: Any) -> str:
    """The path of a file that is read as a picture, or the sentence that refuses it; anything else is raised."""
    try:
        picture = read(path, **choices)
    except PellucidError as error:
        return str(error)
    return str(path) if picture.channels in (1, 3) and (picture.unit() >= 0).all() else ""
