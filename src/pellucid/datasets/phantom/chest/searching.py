"""How a reader goes over a chest: a style of their own, and the places that they visit in its order.

Places are those of the anatomy, whatever the picture shows: what two readers have in common here is the chest and no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pellucid.datasets.phantom.chest.anatomy import SIDES, SIGN, Anatomy, Side
from pellucid.datasets.phantom.chest.findings import ZONES, Finding
from pellucid.datasets.phantom.chest.thorax import Heart, wall
from pellucid.datasets.phantom.dice import Dice

Station = tuple[str, Side | None]
"""A part of the chest: a zone of the lung, "hilum" or "angle" of a side, "heart" or "windpipe"."""

_USUAL: dict[str, float] = {"heart": 3, "windpipe": 1.5, "hilum": 1.5, "angle": 1.2, **dict.fromkeys(ZONES, 3)}
_MIDDLE: list[Station] = [("heart", None), ("windpipe", None), ("hilum", "right"), ("hilum", "left")]


@dataclass(frozen=True)
class Style:
    """How one reader reads, in every picture.

    Attributes:
        stations: in the order in which they are visited.
        looks: how many fixations a station gets on average.
        pace: median of their seconds.
        eye: how faint a finding may be to be found; 1 is usual, more is better.
    """

    stations: tuple[Station, ...]
    looks: Mapping[Station, float]
    pace: float
    eye: float


def draw_style(dice: Dice) -> Style:
    """A reader: which lung comes first, both zone by zone or one after the other, down or up, the heart before or after."""
    sides = dice.shuffled(SIDES)
    zones = ZONES if dice.chance(0.6) else ZONES[::-1]
    abreast: list[Station] = [(zone, side) for zone in zones for side in sides]
    lungs = abreast if dice.chance(0.5) else [(zone, side) for side in sides for zone in zones]
    angles: list[Station] = [("angle", side) for side in sides]
    order = (*_MIDDLE, *lungs, *angles) if dice.chance(0.4) else (*lungs, *angles, *_MIDDLE)
    looks = {station: _USUAL[station[0]] * 2 ** dice.near(0, 0.8) for station in order}
    return Style(order, looks, pace=dice.near(0.29, 0.06), eye=dice.near(1.0, 0.35))


def station_of(finding: Finding) -> Station:
    """Where on their way a reader meets a finding."""
    return ("heart", None) if finding.side == "both" else (finding.zone, finding.side)


def somewhere(station: Station, anatomy: Anatomy, dice: Dice) -> tuple[float, float]:
    """A place of the station, in the body."""
    part, side = station
    if side is None:
        return _heart(anatomy, dice) if part == "heart" else (dice.near(-0.01, 0.03), dice.near(-0.45, 0.25))
    if part == "hilum":
        return SIGN[side] * (anatomy.mediastinum + dice.near(0.08, 0.06)), anatomy.heart_height - dice.near(0.24, 0.08)
    bottom = anatomy.domes[SIDES.index(side)]
    if part == "angle":
        return SIGN[side] * anatomy.width * dice.near(0.88, 0.07), bottom + dice.near(0.08, 0.07)
    return _lung(ZONES.index(part), side, anatomy, dice)


def _lung(zone: int, side: Side, anatomy: Anatomy, dice: Dice) -> tuple[float, float]:
    y = anatomy.apex + (zone + dice.uniform()) / 3 * (anatomy.domes[SIDES.index(side)] - anatomy.apex)
    inner, outer = anatomy.mediastinum, float(wall(anatomy, side, np.array([[y]]))[0, 0])
    return SIGN[side] * (inner + dice.uniform() * max(outer - inner, 0)), y


def _heart(anatomy: Anatomy, dice: Dice) -> tuple[float, float]:
    heart = Heart.of(anatomy)
    return dice.near((heart.left - heart.right) / 2, 0.45 * (heart.left + heart.right)), dice.near(heart.y + 0.05, 0.15)
