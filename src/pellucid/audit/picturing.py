"""Explanations as pictures of the report: over an image, behind the leads of a signal, as bars of the measurements of a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from pellucid.audit.shard import Shard
from pellucid.charts import bars, leads, png_url
from pellucid.overlay import data_url, overlay, slice_of
from pellucid.predictor import Modality

PICTURES: dict[Modality, int] = {"text": 0, "image": 8, "table": 4, "signal": 3}
"""Methods whose pictures are shown of a case."""

BARS = 8
"""Measurements that the picture of a row shows."""

Scores = Mapping[str, Float[np.ndarray, " U"]]
Marks = Bool[np.ndarray, " U"]


def pictures(modality: Modality, whole: Shard, scores: Scores, truth: Marks, cause: Marks) -> list[tuple[str, str]]:
    """Each explanation with its name, as the address of a picture; before them the image or signal with what people marked.

    Args:
        whole: the case.
        cause: what was planted.
    """
    if modality == "table":
        return _of_row(whole, scores)
    return (_of_signal if modality == "signal" else _of_image)(whole, scores, truth, cause)


def _of_image(whole: Shard, scores: Scores, truth: Marks, cause: Marks) -> list[tuple[str, str]]:
    """Of a volume the slice where the explanation is strongest."""
    pixels = whole.array("picture")
    size = pixels.shape[:-1]

    def drawn(values: Float[np.ndarray, " U"] | None) -> str:
        place = slice_of((truth * 1.0 if values is None else values).reshape(size))
        at: Any = ... if place is None else place
        image, marks, causes = pixels[at] / 255.0, truth.reshape(size)[at], cause.reshape(size)[at]
        return data_url(overlay(image, None if values is None else values.reshape(size)[at], marks, causes))

    return [("the image", drawn(None)), *((name, drawn(values)) for name, values in scores.items())]


def _of_signal(whole: Shard, scores: Scores, truth: Marks, cause: Marks) -> list[tuple[str, str]]:
    samples, names, rate, unit = whole.array("measured"), *(whole.facts[name] for name in ("leads", "rate", "unit"))
    marks = [layer.reshape(samples.shape) for layer in (truth, cause)]

    def drawn(values: Float[np.ndarray, " U"] | None) -> str:
        figure, axes = _figure(6.4, 0.6 + 0.34 * len(names))
        leads(axes, samples, names, rate, unit, None if values is None else values.reshape(samples.shape), *marks)
        return png_url(figure)

    return [("the recording", drawn(None)), *((name, drawn(values)) for name, values in scores.items())]


def _of_row(whole: Shard, scores: Scores) -> list[tuple[str, str]]:
    values, names = whole.array("measured"), whole.facts["names"]
    units = whole.facts["unit"] or [""] * len(names)
    said = [f"{name} {value:.4g} {unit}".rstrip() for name, value, unit in zip(names, values, units, strict=True)]

    def drawn(found: Float[np.ndarray, " U"]) -> str:
        first = np.argsort(-np.abs(found), kind="stable")[:BARS]
        figure, axes = _figure(5.0, 0.5 + 0.24 * len(first))
        bars(axes, [said[i] for i in first], found[first])
        return png_url(figure)

    return [(name, drawn(found)) for name, found in scores.items()]


def _figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.tick_params(labelsize=8)
    axes.xaxis.label.set_fontsize(8)
    return figure, axes
