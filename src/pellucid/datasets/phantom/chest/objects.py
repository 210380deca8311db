"""Things in a picture that are no disease: markers, tags, tubes, leads, a pacemaker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np

from pellucid.datasets.phantom.chest.anatomy import Side
from pellucid.datasets.phantom.chest.canvas import Frame, Mark, Plane, Points, path, step, strokes
from pellucid.datasets.phantom.dice import Dice

ObjectName = Literal["marker", "tube", "tag", "pacemaker", "catheter", "leads"]
BASE_RATES: dict[ObjectName, float] = {
    "marker": 0.45, "tube": 0.10, "tag": 0.06, "pacemaker": 0.06, "catheter": 0.10, "leads": 0.12,
}  # fmt: skip
"""How often each stands in a picture where it is no shortcut."""

_CUT = 0.25


@dataclass(frozen=True)
class Thing:
    """One object: where it lies is decided by `numbers`, each in [0, 1), whatever its kind makes of them."""

    kind: ObjectName
    numbers: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Placed:
    """A density with one more object in it; nothing outside the mask is touched."""

    density: Plane
    mask: Mark


def draw_thing(kind: ObjectName, dice: Dice) -> Thing:
    """An object of that kind somewhere."""
    return Thing(kind, tuple(dice.uniform() for _ in range(12)))


def place(thing: Thing, frame: Frame, density: Plane) -> Placed:
    """Put an object into a picture."""
    return _PLACERS[thing.kind](thing.numbers, frame, density)


def _marker(numbers: tuple[float, ...], frame: Frame, density: Plane) -> Placed:
    """The letter of the side on which it stands, in lead on a plate, high beside a shoulder."""
    side: Side = "right" if numbers[0] < 0.5 else "left"
    u = frame.u - (-1 if side == "right" else 1) * (0.80 + 0.06 * numbers[1])
    v = frame.v + 0.78 - 0.16 * numbers[2]
    plate = (np.abs(u) < 0.085) & (np.abs(v) < 0.115)
    letter = step(0.020 - _letter(side, u / 0.075, v / 0.075) * 0.075, max(0.010, 0.5 * frame.pixel))
    return Placed(np.where(plate, 0.22 + 0.75 * letter, density), plate)


def _letter(side: Side, x: Plane, y: Plane) -> Plane:
    """Distance to an R or an L that is about two high."""
    stem = _segment(x, y, (-0.55, -1.0), (-0.55, 1.0))
    if side == "left":
        return cast(np.ndarray, np.minimum(stem, _segment(x, y, (-0.55, 1.0), (0.6, 1.0))))
    bowl = np.where(x > 0.05, np.abs(np.hypot(x - 0.05, y + 0.5) - 0.5), np.inf)
    bars = np.minimum(_segment(x, y, (-0.55, -1.0), (0.05, -1.0)), _segment(x, y, (-0.55, 0.0), (0.05, 0.0)))
    return cast(np.ndarray, np.minimum(np.minimum(stem, bowl), np.minimum(bars, _segment(x, y, (0.0, 0.0), (0.6, 1.0)))))


def _segment(x: Plane, y: Plane, start: tuple[float, float], end: tuple[float, float]) -> Plane:
    """Distance to a straight line between two points."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    t = np.clip(((x - start[0]) * dx + (y - start[1]) * dy) / (dx * dx + dy * dy), 0, 1)
    return np.hypot(x - start[0] - t * dx, y - start[1] - t * dy)


def _tag(numbers: tuple[float, ...], frame: Frame, density: Plane) -> Placed:
    """A bright label burnt into one of the lower corners."""
    u = frame.u - (-1 if numbers[0] < 0.5 else 1) * (0.78 + 0.05 * numbers[1])
    v = frame.v - 0.86 - 0.04 * numbers[2]
    inside = (np.abs(u) < 0.15) & (np.abs(v) < 0.07)
    stripes = 0.12 * (np.abs(v) < 0.025) * (np.sin(u * 70) > 0)
    return Placed(np.where(inside, 1.02 - stripes, density), inside)


def _tube(numbers: tuple[float, ...], frame: Frame, density: Plane) -> Placed:
    """A feeding tube: down the middle of the chest, and to the left below the diaphragm."""
    sway = [0.05 * (2 * n - 1) for n in numbers[:4]]
    corners = np.array(
        [[sway[0], -1.15], [0.02 + sway[1], -0.4], [0.03 + sway[2], 0.25], [0.10, 0.55 + sway[3]], [0.38, 0.80 + sway[3]]]
    )
    return _line([corners], frame, density, width=0.014, dense=0.20)


def _catheter(numbers: tuple[float, ...], frame: Frame, density: Plane) -> Placed:
    """A central line from below the right clavicle to the great vein beside the heart."""
    end = -0.12 + 0.2 * numbers[1]
    corners = np.array([[-0.60, -0.80 + 0.1 * numbers[0]], [-0.42, -0.60], [-0.20, -0.58], [-0.11, -0.42], [-0.10, end]])
    return _line([corners], frame, density, width=0.010, dense=0.16)


def _leads(numbers: tuple[float, ...], frame: Frame, density: Plane) -> Placed:
    """Three electrodes of a monitor with their wires."""
    spots = [(-0.62, -0.52), (0.60, -0.50), (0.62, 0.42)]
    wires, shape = [], np.zeros_like(density)
    for (x, y), a, b in zip(spots, numbers[:3], numbers[3:6], strict=True):
        x, y = x + 0.12 * (a - 0.5), y + 0.2 * (b - 0.5)
        shape = np.maximum(shape, step(0.03 - np.hypot(frame.x - x, frame.y - y), frame.edge))
        wires.append(np.array([[x, y], [0.75 * x, y + 0.25 + 0.1 * a], [0.55 * x + 0.1 * b, 0.75], [0.3 * x, 1.3]]))
    return _line(wires, frame, density, width=0.008, dense=0.20, also=shape)


def _pacemaker(numbers: tuple[float, ...], frame: Frame, density: Plane) -> Placed:
    """Its case below the left clavicle, and a wire to the heart."""
    x, y = 0.56 + 0.06 * numbers[0], -0.44 + 0.08 * numbers[1]
    case = step(0.095 - _power(frame.x - x, 1.25 * (frame.y - y)), frame.edge)
    wire = np.array([[x - 0.08, y - 0.05], [0.30, -0.60], [0.02, -0.50], [-0.10, -0.20], [-0.08, 0.15], [0.16, 0.36]])
    return _line([wire], frame, density, width=0.007, dense=0.30, also=case)


def _power(x: Plane, y: Plane) -> Plane:
    return cast(np.ndarray, (x**4 + y**4) ** 0.25)


def _line(curves: list[Points], frame: Frame, density: Plane, width: float, dense: float, also: Plane | float = 0.0) -> Placed:
    """Lines of the body, and what else belongs to the object, on top of the density."""
    points, mass = (np.concatenate(parts) for parts in zip(*map(path, curves), strict=True))
    lines = np.clip(strokes(frame, frame.pose.to_picture(points), mass, width), 0, 1)
    profile = np.maximum(lines, also)
    mask = profile > _CUT
    return Placed(density + np.where(mask, dense * profile, 0.0), mask)


_PLACERS: dict[ObjectName, Callable[[tuple[float, ...], Frame, Plane], Placed]] = {
    "marker": _marker,
    "tube": _tube,
    "tag": _tag,
    "pacemaker": _pacemaker,
    "catheter": _catheter,
    "leads": _leads,
}
