"""Explanations of rows and signals as charts: what images have in :mod:`pellucid.overlay`."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float

from pellucid.overlay import AGAINST_HEX, CAUSE, FOR_HEX, MARKED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BAND = 0.92
"""Share of its lane that the lead with the widest swing fills."""


def leads(
    axes: Axes,
    samples: Float[np.ndarray, "T L"],
    names: Sequence[str],
    rate: float,
    unit: str,
    scores: Float[np.ndarray, "T L"] | None = None,
    marked: Bool[np.ndarray, "T L"] | None = None,
    cause: Bool[np.ndarray, "T L"] | None = None,
) -> None:
    """The leads one below the other on one scale, with an explanation behind them and marks under them.

    Colour is the score's share of the strongest one of either sign; a signal without any score has none.

    Args:
        rate: samples a second.
        unit: of the samples; a bar at the right is one of it.
    """
    from matplotlib.colors import LinearSegmentedColormap

    time, count = np.arange(len(samples)) / rate, len(names)
    span = (0.0, len(samples) / rate)
    if scores is not None:
        strongest = float(np.abs(scores).max(initial=0.0)) or 1.0
        shades = LinearSegmentedColormap.from_list("evidence", [AGAINST_HEX, "white", FOR_HEX])
        frame: Any = (*span, count - 0.5, -0.5)
        axes.imshow(
            scores.T, cmap=shades, vmin=-strongest, vmax=strongest, extent=frame, aspect="auto", interpolation="nearest"
        )
    swing = float(np.ptp(samples, axis=0).max()) or 1.0
    middle = (samples.max(axis=0) + samples.min(axis=0)) / 2
    axes.plot(time, np.arange(count) - _BAND * (samples - middle) / swing, color="black", linewidth=0.6)
    for layer, place, rgb in ((marked, 0.46, MARKED), (cause, 0.38, CAUSE)):
        if layer is not None:
            _bars_under(axes, layer, place, rate, tuple(part / 255 for part in rgb))
    axes.set(xlim=span, ylim=(count - 0.5, -0.5), xlabel=f"seconds; the bar at the right is 1 {unit}")
    axes.plot([1.01] * 2, [-0.4, -0.4 + _BAND / swing], color="#57606a", transform=axes.get_yaxis_transform(), clip_on=False)
    axes.set_yticks(range(count), names)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _bars_under(axes: Axes, marks: Bool[np.ndarray, "T L"], place: float, rate: float, shade: Any) -> None:
    """A bar under each stretch of a lead that is marked."""
    for lead, row in enumerate(marks.T):
        edges = np.flatnonzero(np.diff(row, prepend=False, append=False)).reshape(-1, 2) / rate
        axes.hlines([lead + place] * len(edges), edges[:, 0], edges[:, 1], color=shade, linewidth=2.5)


def bars(axes: Axes, names: Sequence[str], scores: Float[np.ndarray, " N"]) -> None:
    """Measurements with their scores, the first one at the top."""
    shades = [FOR_HEX if score > 0 else AGAINST_HEX for score in scores]
    axes.barh(list(names), scores, color=shades)
    axes.invert_yaxis()
    axes.axvline(0, color="black", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)


def png_url(figure: Figure, dpi: int = 100) -> str:
    """The figure as the address of an image inside a page; nothing in it changes from run to run."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=dpi, metadata={"Software": None})
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
