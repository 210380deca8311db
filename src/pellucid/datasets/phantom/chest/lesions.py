"""How each finding changes the density of a chest, and exactly where.

A finding changes nothing outside its mask: what its smooth profile would add below :data:`CUT` of its height is left out. The
step that this leaves at its border is far smaller than the noise of the picture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from pellucid.datasets.phantom.chest.anatomy import SIDES, SIGN, Anatomy, Side
from pellucid.datasets.phantom.chest.body import Body
from pellucid.datasets.phantom.chest.canvas import Mark, Plane, bell, smooth_noise, step
from pellucid.datasets.phantom.chest.findings import Finding, FindingName
from pellucid.datasets.phantom.chest.thorax import Heart, dome, lung, wall

CUT = 0.12
ORDER: tuple[FindingName, ...] = ("cardiomegaly", "effusion", "pneumothorax", "opacity", "nodule")
"""The order of painting: the heart covers the others, and where a lung has sunk there is none to be opaque."""


@dataclass(frozen=True, eq=False)
class Painted:
    """A chest after one more finding.

    Attributes:
        mask: what a radiologist would outline. No pixel outside it is touched. All of it is, but for cardiomegaly: there the
            mask is the whole heart, as readers mark it, and what is touched is the part by which the heart is too wide.
    """

    body: Body
    mask: Mark


def paint(finding: Finding, body: Body, contrast: float) -> Painted:
    """Add one finding, `contrast` times as conspicuous as it was drawn; :data:`ORDER` says which comes first."""
    return _PAINTERS[finding.label](finding, body, contrast * finding.strength)


def _opacity(finding: Finding, body: Body, strength: float) -> Painted:
    """Consolidation: a fuzzy cloud with patches, of the lung but not of what covers it."""
    generator, frame = np.random.default_rng(finding.texture), body.frame
    radius = np.hypot(frame.x - finding.x, 0.85 * (frame.y - finding.y)) / finding.reach
    fringe = 0.30 * np.clip(smooth_noise(generator, frame.size, 8), -1.5, 1.5)
    cloud = step(1 - radius + fringe, 0.6) * body.lungs[_side(finding)] * body.clear
    patches = np.clip(0.9 + 0.18 * smooth_noise(generator, frame.size, 22), 0.5, 1.3)
    return _added(body, cloud, strength * cloud * patches)


def _nodule(finding: Finding, body: Body, strength: float) -> Painted:
    """A small round mass, denser in its middle, hardly irregular."""
    generator, frame = np.random.default_rng(finding.texture), body.frame
    bumps = 1 + 0.08 * smooth_noise(generator, frame.size, 16)
    radius = np.hypot(frame.x - finding.x, frame.y - finding.y) / (finding.reach * bumps)
    ball = step(1 - radius, 0.25) * (0.7 + 0.3 * np.sqrt(np.clip(1 - radius**2, 0, 1)))
    return _added(body, ball, strength * ball)


def _effusion(finding: Finding, body: Body, strength: float) -> Painted:
    """Fluid that fills the angle between ribs and diaphragm, and climbs along the chest wall: the meniscus."""
    side, x, y = _side(finding), body.frame.x, body.frame.y
    t = np.clip(SIGN[side] * x / np.maximum(wall(body.anatomy, side, y), 0.1), 0, 1)
    floor = body.anatomy.domes[SIDES.index(side)] + 0.10
    surface = floor - finding.reach * (0.35 + 0.15 * t + 0.75 * t**5)
    fluid = step(y - surface, max(0.03, body.frame.edge)) * body.lungs[side] * body.clear
    return _added(body, fluid, min(strength, 1.1) * fluid * np.maximum(body.air, 0.10))


def _pneumothorax(finding: Finding, body: Body, strength: float) -> Painted:
    """Air around a sunken lung: a darker rim without vessels, and the pleura as a fine line."""
    side, frame = _side(finding), body.frame
    sunken = lung(body.anatomy, side, frame.x, frame.y, frame.edge, collapse=finding.reach)
    rim = np.clip(body.lungs[side] - sunken, 0, 1)
    line = bell(sunken - 0.5, 0.22) * body.lungs[side]
    dark = rim * (1 - line) * (strength + min(strength / 0.08, 1) * np.clip(body.marks, 0, 0.08))
    painted = _added(body, rim, (0.75 * strength * line - dark) * body.clear)
    lungs = body.lungs | {side: np.where(painted.mask, sunken, body.lungs[side])}
    return replace(painted, body=replace(painted.body, lungs=lungs))


def _cardiomegaly(finding: Finding, body: Body, strength: float) -> Painted:
    """The heart, wider than half the chest."""
    heart = heart_above(body, widened(finding, body.anatomy, strength))
    mask = heart > CUT
    return Painted(body.shaded(np.where(mask, np.maximum(heart, body.shadow), body.shadow)), mask)


def heart_above(body: Body, ratio: float) -> Plane:
    """The heart above the diaphragm, of that width over that of the chest: 1 within, 0 outside, smooth between."""
    frame = body.frame
    above = np.minimum(*(dome(body.anatomy, side, frame.x) for side in SIDES)) + 0.05 - frame.y
    return cast(np.ndarray, Heart.of(body.anatomy, ratio).covers(frame.x, frame.y, frame.edge) * step(above, frame.edge))


def widened(finding: Finding, anatomy: Anatomy, strength: float) -> float:
    """Width of the heart over that of the chest, in cardiomegaly."""
    return anatomy.heart_ratio + strength * max(finding.reach - anatomy.heart_ratio, 0.0)


def _side(finding: Finding) -> Side:
    return "left" if finding.side == "left" else "right"


def _added(body: Body, profile: Plane, change: Plane) -> Painted:
    mask = profile > CUT
    return Painted(body.denser(np.where(mask, change, 0.0)), mask)


_PAINTERS: dict[FindingName, Callable[[Finding, Body, float], Painted]] = {
    "cardiomegaly": _cardiomegaly,
    "effusion": _effusion,
    "nodule": _nodule,
    "opacity": _opacity,
    "pneumothorax": _pneumothorax,
}
