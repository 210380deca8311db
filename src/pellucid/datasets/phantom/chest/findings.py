"""Findings: what is wrong with a chest, drawn by dice before anything is painted."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from pellucid.datasets.phantom.chest.anatomy import SIDES, SIGN, Anatomy, Side
from pellucid.datasets.phantom.chest.thorax import Heart, dome, wall
from pellucid.datasets.phantom.dice import Dice

FindingName = Literal["cardiomegaly", "effusion", "nodule", "opacity", "pneumothorax"]
FINDINGS: tuple[FindingName, ...] = get_args(FindingName)
Zone = Literal["upper", "middle", "lower"]
ZONES: tuple[Zone, ...] = get_args(Zone)
MOST = 3

_SECOND = {"nodule": 0.3, "opacity": 0.3, "effusion": 0.25}  # chance of another one, where a picture has room
_SIZES = {  # radius of opacity and nodule, height of an effusion, depth of the rim; half widths of the picture
    "cardiomegaly": (0.502, 0.55),  # the width that the heart tends to, over that of the chest
    "effusion": (0.03, 0.32),
    "nodule": (0.050, 0.092),
    "opacity": (0.15, 0.28),
    "pneumothorax": (0.04, 0.14),
}
_STRENGTHS = {  # density added, or the share of the change that is drawn
    "cardiomegaly": (1.0, 1.0),
    "effusion": (0.2, 0.8),
    "nodule": (0.18, 0.34),
    "opacity": (0.11, 0.27),
    "pneumothorax": (0.02, 0.07),
}
_FOCAL = ("nodule", "opacity")
_TRIES = 25  # in each zone of each side


@dataclass(frozen=True)
class Finding:
    """One instance of a finding.

    Attributes:
        label: what it is.
        side: the patient's right or left; "both" for the heart, which is widened to both.
        zone: third of the lung's height that holds its centre; "lower" for the heart and for fluid, "upper" for free air.
        x, y: centre of an opacity or nodule in the body; 0 otherwise.
        reach: its size, as the kind measures it.
        strength: its conspicuity before the option `contrast`.
        texture: entropy of its irregular shape and texture.
    """

    label: FindingName
    side: Side | Literal["both"]
    zone: Zone
    x: float
    y: float
    reach: float
    strength: float
    texture: tuple[int, ...]


def draw_findings(labels: Sequence[FindingName], anatomy: Anatomy, dice: Dice, texture: tuple[int, ...]) -> list[Finding]:
    """One instance of every label, and sometimes a second one, at most three in all.

    Opacities and nodules keep away from each other, and from the rim of a pneumothorax, if at all possible.
    """
    wanted = list(labels)
    for label in labels:
        if dice.chance(_SECOND.get(label, 0.0)) and len(wanted) < MOST:
            wanted.append(label)
    found: list[Finding] = []
    for number, label in enumerate(sorted(wanted, key=_FOCAL.__contains__), start=1):
        found.append(_placed(label, anatomy, found, dice, (*texture, number)))
    return found


def _placed(label: FindingName, anatomy: Anatomy, before: Sequence[Finding], dice: Dice, texture: tuple[int, ...]) -> Finding:
    reach, strength = _between(dice, _SIZES[label]), _between(dice, _STRENGTHS[label])
    if label == "cardiomegaly":
        return Finding(label, "both", "lower", 0.0, 0.0, reach, strength, texture)
    if label in _FOCAL:
        side, zone, x, y = _somewhere(label, reach, anatomy, before, dice)
        return Finding(label, side, zone, x, y, reach, strength, texture)
    taken = {f.side for f in before if f.label == label}
    free = dice.pick([s for s in SIDES if s not in taken])
    return Finding(label, free, "lower" if label == "effusion" else "upper", 0.0, 0.0, reach, strength, texture)


def _somewhere(
    label: FindingName, reach: float, anatomy: Anatomy, before: Sequence[Finding], dice: Dice
) -> tuple[Side, Zone, float, float]:
    """Side, zone and place of something focal: the first of some tries that has room, or else the one that has the most."""
    inner = (1.25 if label == "nodule" else 0.35) * reach  # a nodule is seen whole, an opacity may lie against the wall
    heart = Heart.of(anatomy, next((f.reach for f in before if f.label == "cardiomegaly"), None))
    tries: list[tuple[float, tuple[Side, Zone, float, float]]] = []
    wished = [place for place in dice.shuffled(list(itertools.product(SIDES, ZONES))) for _ in range(_TRIES)]
    for side, zone in itertools.takewhile(lambda _: not tries or tries[-1][0] < 0, wished):
        x, y = _candidate(side, zone, anatomy, dice)
        sunk = sum(f.reach for f in before if f.label == "pneumothorax" and f.side == side)
        apart = [math.hypot(x - f.x, y - f.y) - reach - f.reach for f in before if f.label in _FOCAL]
        tries.append((min([_clearance(anatomy, heart, side, x, y) - 1.1 * sunk - inner, *apart]), (side, zone, x, y)))
    return max(tries)[1]


def _candidate(side: Side, zone: Zone, anatomy: Anatomy, dice: Dice) -> tuple[float, float]:
    down = (ZONES.index(zone) + 0.1 + 0.8 * dice.uniform()) / 3
    y = anatomy.apex + down * (anatomy.domes[SIDES.index(side)] - anatomy.apex)
    return SIGN[side] * anatomy.width * dice.uniform(), y


def _clearance(anatomy: Anatomy, heart: Heart, side: Side, x: float, y: float) -> float:
    """Distance to whatever ends the clear lung; negative outside."""
    away = SIGN[side] * x
    beside = (heart.left if side == "left" else heart.right) * 0.8 if abs(y - heart.y) < 0.3 else 0.0
    lateral, floor = (
        float(line[0, 0]) for line in (wall(anatomy, side, np.array([[y]])), dome(anatomy, side, np.array([[x]])))
    )
    return min(lateral - away, away - anatomy.mediastinum - 0.05 - beside, floor - y, (y - anatomy.apex) * 0.8)


def _between(dice: Dice, reach: tuple[float, float]) -> float:
    low, high = reach
    return dice.near((low + high) / 2, (high - low) / 2)
