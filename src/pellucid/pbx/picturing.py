"""One picture a label: where raising the input raises its logit, and where it lowers it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from pellucid import charts, overlay
from pellucid.errors import PellucidError
from pellucid.files import replacing
from pellucid.jacobians.directions import Scene
from pellucid.jacobians.function import DEVIATION
from pellucid.pbx.reading import PbxReading
from pellucid.pbx.wording import percent
from pellucid.units import GridUnits

if TYPE_CHECKING:
    from matplotlib.figure import Figure, FigureBase

SHOWN = 12
"""Measurements of a row that a bar chart shows."""

MOST = 6
"""Labels that a picture shows; all others are named on request."""

_STRONGEST = 0.995
_SMOOTHED = 64


def smoothing(reading: PbxReading) -> float:
    """Standard deviation of the Gaussian under which maps are drawn: pixels of an image, samples of a signal; else 0.

    Neighbouring entries of a Jacobian differ wildly, which no eye can read. The numbers are never smoothed.
    """
    if reading.function.modality == "image":
        return max(max(_shape(reading)) / _SMOOTHED, 0.5)
    if reading.function.modality == "signal":
        return max(0.02 * _scene(reading).rate, 0.5)
    return 0.0


def smoothed(reading: PbxReading, scores: Float[np.ndarray, " U"]) -> Float[np.ndarray, "*S"]:
    """Scores as they are drawn: smoothed, and the strongest half percent cut to the next."""
    from scipy.ndimage import gaussian_filter

    sigma: Any = smoothing(reading)
    values = np.asarray(scores, dtype=np.float64).reshape(_shape(reading))
    drawn = gaussian_filter(values, (sigma, 0) if reading.function.modality == "signal" else sigma, mode="nearest")
    strongest = float(np.quantile(np.abs(drawn), _STRONGEST))
    return np.asarray(drawn.clip(-strongest, strongest) if strongest > 0 else drawn)


def _shape(reading: PbxReading) -> tuple[int, ...]:
    return cast(GridUnits, reading.maps.units).shape


# Images


def over_image(reading: PbxReading, scores: Float[np.ndarray, " U"] | None) -> UInt8[np.ndarray, "h w 3"]:
    """Scores over the image as the model read it, with outlines of its structures; of a volume the strongest slice."""
    pixels = _shades(reading)
    drawn = None if scores is None else smoothed(reading, scores)
    place = None if pixels.ndim == 3 else overlay.slice_of(np.zeros(pixels.shape[:-1]) if drawn is None else drawn)
    at: Any = ... if place is None else place
    outlines = _structures(reading)
    return overlay.overlay(pixels[at], None if drawn is None else drawn[at], None if outlines is None else outlines[at])


def _shades(reading: PbxReading) -> Float[np.ndarray, "*S C"]:
    return np.moveaxis(_scene(reading).at.numpy(), 0, -1).clip(0, 1)


def _structures(reading: PbxReading) -> Bool[np.ndarray, "*S"] | None:
    """What lies in any structure that the case names."""
    found = list(_scene(reading).structures.values())
    return np.asarray(np.any(found, axis=0)) if found else None


def _scene(reading: PbxReading) -> Scene:
    function = reading.function
    if function.case is None or function.predictor is None:
        raise PellucidError("A picture needs the model and the case; read them anew.")
    return Scene.of(function, function.case, function.predictor)


# Figures


def figure_of(reading: PbxReading, scores: Float[np.ndarray, " U"]) -> Figure:
    """The figure of one score a sample of a signal, or a measurement of a row."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, _height(reading)), layout="constrained")
    _draw(reading, figure, scores)
    return figure


def _height(reading: PbxReading) -> float:
    if reading.function.modality == "signal":
        return 0.8 + 0.6 * reading.function.at.shape[1]
    return 4.0 if reading.function.modality == "image" else 0.8 + 0.3 * min(SHOWN, len(reading.maps.units))


def _draw(reading: PbxReading, figure: FigureBase, scores: Float[np.ndarray, " U"]) -> None:
    draw = {"signal": _traces, "table": _bars, "image": _panel}[reading.function.modality]
    draw(reading, figure, scores)


def _traces(reading: PbxReading, figure: FigureBase, scores: Float[np.ndarray, " U"]) -> None:
    """The leads below each other on one scale, coloured by what raising a sample does."""
    from matplotlib.collections import LineCollection
    from matplotlib.colors import LinearSegmentedColormap

    scene, drawn = _scene(reading), smoothed(reading, scores)
    samples, time = scene.at.numpy(), np.arange(len(scene.at)) / scene.rate
    heights = np.maximum(np.ptp(samples, axis=0), 0.25 * np.ptp(samples, axis=0).max())
    tops = 1.1 * (heights - np.cumsum(heights))  # 0, and each one below the height of those above
    raised = samples - samples.max(axis=0) + tops
    points = np.stack([np.broadcast_to(time[:, None], raised.shape), raised], axis=-1)
    pieces = np.stack([points[:-1], points[1:]], axis=2).swapaxes(0, 1).reshape(-1, 2, 2)
    shades = LinearSegmentedColormap.from_list("raises", [overlay.AGAINST_HEX, "#c9cdd2", overlay.FOR_HEX])
    lines = LineCollection(list(pieces), cmap=shades, linewidths=1.3, capstyle="round", rasterized=True)
    strongest = float(np.abs(drawn).max(initial=0.0)) or 1.0
    lines.set_array(drawn[:-1].T.ravel())
    lines.set_clim(-strongest, strongest)
    axes = figure.subplots()
    axes.add_collection(lines)
    space = 0.02 * float(np.ptp(raised))
    axes.set(xlim=(0, float(time[-1])), ylim=(raised.min() - space, raised.max() + space))
    axes.set_xlabel(f"seconds; the bar at the right is 1 {reading.function.unit}")
    axes.plot([1.005, 1.005], [-1, 0], color="#57606a", transform=axes.get_yaxis_transform(), clip_on=False)
    axes.set_yticks(np.median(raised, axis=0), scene.leads)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _bars(reading: PbxReading, figure: FigureBase, scores: Float[np.ndarray, " U"]) -> None:
    """The measurements that matter most, by what one standard deviation does."""
    effects, unit = per_step(reading, scores)
    order = np.argsort(-np.abs(effects), kind="stable")[:SHOWN]
    axes = figure.subplots()
    charts.bars(axes, [_measured(reading, int(i)) for i in order], effects[order])
    axes.set_xlabel(f"change of the logit for one {unit} more")


def per_step(reading: PbxReading, scores: Float[np.ndarray, " F"]) -> tuple[Float[np.ndarray, " F"], str]:
    """What one step of each measurement does, and what a step is."""
    spread = reading.function.deviations
    return (scores, "unit") if spread is None else (scores * spread.double().cpu().numpy(), DEVIATION)


def _measured(reading: PbxReading, place: int) -> str:
    """A measurement with its value."""
    function, name = reading.function, _scene(reading).names[place]
    unit = function.unit[place] if isinstance(function.unit, tuple) and function.unit else ""
    return f"{name}  {float(function.at[place]):.4g} {unit}".rstrip()


def _panel(reading: PbxReading, figure: FigureBase, scores: Float[np.ndarray, " U"]) -> None:
    pair = figure.subplots(1, 2)
    for axes, layer, title in zip(pair, (None, scores), ("the image", "raises (orange), lowers (blue)"), strict=True):
        axes.imshow(over_image(reading, layer))
        axes.set_title(title, fontsize=9)
        axes.axis("off")


def write_picture(reading: PbxReading, path: Path) -> Path:
    """Write one PNG of the explained labels, the first six of them, one below the other.

    Raises:
        PellucidError: a text has no picture.
        StorageError: the file cannot be written.
    """
    from matplotlib.figure import Figure

    if reading.function.modality == "text":
        raise PellucidError("A text has no picture; leave out --png, or ask for a page with --html.")
    labels = reading.labels[:MOST]
    figure = Figure(figsize=(10, (_height(reading) + 0.5) * len(labels)), layout="constrained")
    for part, label in zip(figure.subfigures(len(labels), squeeze=False)[:, 0], labels, strict=True):
        _draw(reading, part, reading.maps.row(label))
        part.suptitle(f"{label}  {percent(reading.probabilities[label])}", fontweight="bold")
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)
    return path


# Numbers that are no row of the Jacobian


def over_units(reading: PbxReading, values: Tensor) -> Float[np.ndarray, " U"]:
    """Numbers of the input as one number a unit: channels of an image summed."""
    found = values.detach().double().cpu()
    return np.asarray((found.sum(0) if reading.function.modality == "image" else found).flatten().numpy())
