"""What ``meta`` says about a picture, as JSON values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pellucid.datasets.phantom.chest.canvas import Mark
from pellucid.datasets.phantom.chest.radiograph import Radiograph
from pellucid.datasets.phantom.chest.scenes import Drawn
from pellucid.datasets.phantom.chest.shortcuts import Shortcut
from pellucid.datasets.phantom.planting import distractors


def described(drawn: Drawn, radiograph: Radiograph, shortcut: Shortcut | None) -> dict[str, Any]:
    """Findings, lungs, heart, what means nothing, and what was planted."""
    things = ((thing.kind, {"box": box_of(mask)}) for thing, mask in zip(drawn.scene.things, radiograph.things, strict=True))
    meta: dict[str, Any] = {
        "findings": _findings(drawn, radiograph),
        "lungs": {side: {"box": box_of(inside), "share": _rounded(inside.mean())} for side, inside in radiograph.lungs.items()},
        "heart_ratio": _rounded(drawn.scene.heart_ratio),
        "distractors": distractors(things, shortcut, shortcut is not None and shortcut.label in drawn.labels),
    }
    if shortcut:
        meta["shortcut"] = shortcut.described(drawn.planted, drawn.replaced)
    return meta


def _findings(drawn: Drawn, radiograph: Radiograph) -> list[dict[str, Any]]:
    found = zip(drawn.scene.findings, radiograph.findings, radiograph.seen, strict=True)
    return [
        {
            "label": finding.label,
            "side": finding.side,
            "zone": finding.zone,
            "size": _rounded(math.sqrt(4 / math.pi * mask.mean())),
            "contrast": _rounded(seen),
            "box": box_of(mask),
        }
        for finding, mask, seen in found
    ]


def box_of(mask: Mark) -> list[int] | None:
    """The smallest box around a mask: half-open pixels (x0, y0, x1, y1); None if the mask is empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    return [int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1]


def _rounded(value: float) -> float:
    return round(float(value), 4)
