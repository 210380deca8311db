"""A scene, and the picture that is taken of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from pellucid.datasets.phantom.chest.anatomy import Anatomy, Side
from pellucid.datasets.phantom.chest.body import build
from pellucid.datasets.phantom.chest.canvas import Frame, Mark, Pose
from pellucid.datasets.phantom.chest.exposure import Exposure
from pellucid.datasets.phantom.chest.findings import Finding
from pellucid.datasets.phantom.chest.lesions import CUT, ORDER, heart_above, paint, widened
from pellucid.datasets.phantom.chest.objects import Thing, place

FIELD = 350.0
"""Millimetres that a picture shows, from side to side."""


@dataclass(frozen=True)
class Scene:
    """Everything that decides a picture but its size; the same scene gives the same picture.

    Attributes:
        contrast: factor on the conspicuity of all findings.
        findings: in any order.
    """

    anatomy: Anatomy
    pose: Pose
    findings: tuple[Finding, ...]
    things: tuple[Thing, ...]
    exposure: Exposure
    contrast: float = 1.0

    @property
    def heart_ratio(self) -> float:
        """Width of the heart over that of the chest, as drawn."""
        wide = [widened(f, self.anatomy, self.contrast * f.strength) for f in self.findings if f.label == "cardiomegaly"]
        return max(wide, default=self.anatomy.heart_ratio)


@dataclass(frozen=True, eq=False)
class Radiograph:
    """A picture with what is known about it.

    Attributes:
        pixels: the patient's right is on the left.
        findings: a mask for each finding of the scene.
        seen: for each finding, by how much of the grey scale it changes what it touches, on average and before noise.
        things: a mask for each object of the scene.
        lungs: each lung, with what heart and great vessels cover.
        heart: above the diaphragm; the mask of cardiomegaly where there is one.
    """

    pixels: UInt8[np.ndarray, "H W"]
    findings: tuple[Mark, ...]
    seen: tuple[float, ...]
    things: tuple[Mark, ...]
    lungs: dict[Side, Mark]
    heart: Mark

    @property
    def structures(self) -> dict[str, Mark]:
        """The anatomy by name: "right lung", "left lung", "lungs" and "heart"."""
        each = {f"{side} lung": inside for side, inside in self.lungs.items()}
        return {**each, "lungs": np.logical_or.reduce(list(each.values())), "heart": self.heart}


def take(scene: Scene, size: int) -> Radiograph:
    """Take the picture, `size` pixels a side."""
    frame = Frame.of(size, scene.pose)
    body = build(scene.anatomy, frame)
    lungs: dict[Side, Mark] = {side: inside > 0.5 for side, inside in body.lungs.items()}
    masks: dict[Finding, Mark] = {}
    seen: dict[Finding, float] = {}
    for finding in sorted(scene.findings, key=lambda f: ORDER.index(f.label)):
        before = scene.exposure.tone(body.density)
        painted = paint(finding, body, scene.contrast)
        body, masks[finding] = painted.body, painted.mask
        change = np.abs(scene.exposure.tone(body.density) - before)
        seen[finding] = float(change[change > 0].mean()) if change.any() else 0.0
    density, things = body.density, []
    for thing in scene.things:
        placed = place(thing, frame, density)
        density = placed.density
        things.append(placed.mask)
    in_order: Sequence[Finding] = scene.findings
    return Radiograph(
        scene.exposure.develop(density),
        tuple(masks[f] for f in in_order),
        tuple(seen[f] for f in in_order),
        tuple(things),
        lungs,
        heart_above(body, scene.heart_ratio) > CUT,
    )
