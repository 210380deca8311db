"""Drawing with smooth functions: a frame of coordinates, soft edges, smooth noise, strokes.

Lengths are in half widths of the picture: it reaches from -1 to 1 in both directions, whatever its size in pixels. Drawings are
float64, so that the same draws give the same picture at any time.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import numpy as np
from jaxtyping import Bool, Float, Int

Plane = Float[np.ndarray, "H W"]
Mark = Bool[np.ndarray, "H W"]
Points = Float[np.ndarray, "N 2"]


@dataclass(frozen=True)
class Pose:
    """How the body stands before the detector: turned by `angle` (radians), moved by (`dx`, `dy`), enlarged by `scale`."""

    angle: float = 0.0
    dx: float = 0.0
    dy: float = 0.0
    scale: float = 1.0

    def to_body(self, u: Plane, v: Plane) -> tuple[Plane, Plane]:
        """Body coordinates of places in the picture."""
        c, s = np.cos(self.angle), np.sin(self.angle)
        a, b = (u - self.dx) / self.scale, (v - self.dy) / self.scale
        return c * a + s * b, c * b - s * a

    def to_picture(self, points: Points) -> Points:
        """The inverse of :meth:`to_body`, for rows of (x, y)."""
        c, s = np.cos(self.angle), np.sin(self.angle)
        x, y = points[:, 0], points[:, 1]
        return np.stack([(c * x - s * y) * self.scale + self.dx, (s * x + c * y) * self.scale + self.dy], axis=1)


@dataclass(frozen=True, eq=False)
class Frame:
    """Where the centre of each pixel lies.

    Attributes:
        x, y: in the body; x grows towards the patient's left, which is the right of the picture, y towards the feet.
        u, v: in the picture, from -1 to 1.
        pose: between the two.
    """

    x: Plane
    y: Plane
    u: Plane
    v: Plane
    pose: Pose

    @classmethod
    def of(cls, size: int, pose: Pose) -> Frame:
        """A square frame of `size` pixels a side."""
        centres = (np.arange(size) + 0.5) * 2 / size - 1
        u, v = (np.ascontiguousarray(c) for c in np.broadcast_arrays(centres[None, :], centres[:, None]))
        return cls(*pose.to_body(u, v), u, v, pose)

    @property
    def size(self) -> int:
        """Pixels along a side."""
        return len(self.u)

    @property
    def pixel(self) -> float:
        """Width of a pixel."""
        return 2 / self.size

    @property
    def edge(self) -> float:
        """Half width of the softest edge that still looks sharp."""
        return max(0.014, 0.75 * self.pixel)


def step(distance: Plane, edge: float) -> Plane:
    """0 below -edge, 1 above edge, smooth between."""
    t = np.clip(distance / (2 * edge) + 0.5, 0, 1)
    return t * t * (3 - 2 * t)


def ellipse(x: Plane, y: Plane, centre: tuple[float, float], axes: tuple[float, float], edge: float) -> Plane:
    """1 inside an upright ellipse, 0 outside, smooth between."""
    radius = np.hypot((x - centre[0]) / axes[0], (y - centre[1]) / axes[1])
    return step((1 - radius) * min(axes), edge)


def bell(distance: Plane, width: float) -> Plane:
    """A Gaussian bump of height 1."""
    return np.exp(-0.5 * (distance / width) ** 2)


def blended(frame: Frame, right: Plane, left: Plane) -> Plane:
    """What holds on the patient's right and left, with a smooth change at the midline."""
    share = step(frame.x, 0.12)
    return cast(np.ndarray, right + share * (left - right))


def strokes(frame: Frame, points: Points, mass: Float[np.ndarray, " N"], width: float) -> Plane:
    """Lines through `points` of the picture that are bells of `width` across; a line of one unit of mass a length has height 1.

    Lines thinner than a pixel become fainter instead of thinner. Points outside the picture are left out.
    """
    from scipy import ndimage

    cells = np.floor((points + 1) / frame.pixel).astype(np.int64)
    inside = ((cells >= 0) & (cells < frame.size)).all(axis=1)
    flat = cells[inside, 1] * frame.size + cells[inside, 0]
    heap = np.bincount(flat, mass[inside], frame.size**2).reshape(frame.size, frame.size)
    blurred = ndimage.gaussian_filter(heap, max(width / frame.pixel, 0.5), mode="constant", truncate=3)
    return cast(np.ndarray, blurred * (np.sqrt(2 * np.pi) * width / frame.pixel**2))


def path(corners: Points, spacing: float = 0.004) -> tuple[Points, Float[np.ndarray, " N"]]:
    """Points along a smooth curve through `corners`, and the length that each of them stands for."""
    from scipy.interpolate import CubicSpline

    lengths = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(corners, axis=0).T))])
    places = np.linspace(0, lengths[-1], max(2, round(lengths[-1] / spacing)))
    points = CubicSpline(lengths, corners)(places)
    return points, np.full(len(points), lengths[-1] / len(points))


def smooth_noise(generator: np.random.Generator, size: int, cells: int) -> Plane:
    """Noise of mean about 0 and deviation about 1 whose bumps are a `cells`-th of the picture wide, the same at every size."""
    grid = 2.2 * generator.standard_normal((cells + 3, cells + 3))
    return _interpolated(_interpolated(grid, size).T, size).T


def _interpolated(knots: Float[np.ndarray, "K N"], size: int) -> Float[np.ndarray, "size N"]:
    """A cubic B-spline with these knots, at `size` places; sums of four, as a product of matrices may round by its threads."""
    first, weights = _splines(size, len(knots) - 3)
    return cast(np.ndarray, sum(weights[:, k, None] * knots[first + k] for k in range(4)))


@lru_cache(maxsize=64)
def _splines(size: int, cells: int) -> tuple[Int[np.ndarray, " size"], Float[np.ndarray, "size 4"]]:
    """For the centre of each pixel the first of the four knots that reach it, and their weights."""
    place = (np.arange(size) + 0.5) * cells / size
    first = np.floor(place).astype(np.int64)
    d = np.abs((place - first)[:, None] - np.arange(-1, 3)[None, :])
    weights = np.where(d < 1, 2 / 3 - d**2 + d**3 / 2, np.clip(2 - d, 0, None) ** 3 / 6)
    first.flags.writeable = weights.flags.writeable = False
    return first, weights
