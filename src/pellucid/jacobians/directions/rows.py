"""Measurements of a row: one standard deviation of measuring again, or of the patients the model was trained on.

What is computed from other measurements changes with them, and is no direction of its own.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pellucid.jacobians.directions.base import Direction, Made, Skipped, family
from pellucid.jacobians.directions.scene import Scene
from pellucid.measurements import Measurements

_FOLLOWS = "it is computed from other measurements, and changes with them"


@family("imprecision", "table", "measurement", "one measurement, by the standard deviation of measuring it again")
def imprecision(scene: Scene) -> Made:
    """Each measurement whose imprecision is known, in its own unit."""
    row, computed = scene.case.measurements, {one.name for one in scene.derived}
    for name in scene.names:
        place = row.names.index(name)
        size = float("nan") if row.imprecision is None else float(row.imprecision[place])
        if name in computed:
            yield Skipped(name, _FOLLOWS)
        elif not size > 0:
            yield Skipped(name, "its imprecision is not known" if size != 0 else "it is exact")
        else:
            yield _measured(scene, name, size, f"+{size:.3g}{_unit(row, place)}, 1 SD of repeating it", name)


@family("variation", "table", "variation", "one measurement, by its standard deviation over the training cases")
def variation(scene: Scene) -> Made:
    """Each measurement of a model that knows how its training cases differed (`std`)."""
    row, spread = scene.case.measurements, getattr(scene.predictor, "std", None)
    if spread is None:
        yield Skipped("variation", "the model does not know how its training cases differed")
        return
    computed = {one.name for one in scene.derived}
    for name, size in zip(scene.names, spread, strict=True):
        shown = f"{name} among patients"
        if name in computed:
            yield Skipped(shown, _FOLLOWS)
        else:
            unit = _unit(row, row.names.index(name))
            yield _measured(scene, shown, size, f"+{size:.3g}{unit}, 1 SD of the training cases", name)


def _unit(row: Measurements, place: int) -> str:
    return f" {row.units[place]}" if row.units and row.units[place] else ""


def _measured(scene: Scene, shown: str, size: float, unit: str, name: str) -> Direction:
    from pellucid.datasets.derived import entailed, moved

    row, derived = scene.case.measurements, scene.derived
    order = [row.names.index(column) for column in scene.names]
    slopes = entailed(row, derived)[order, row.names.index(name)]

    def path(t: float) -> Tensor:
        step = moved(row, {name: t * size}, derived).values - row.values
        return scene.at + torch.from_numpy(step[order])

    follows = any(name in one.parts for one in derived)
    note = "what is computed from it changes with it" if follows else ""
    return Direction(shown, unit, torch.from_numpy(size * slopes), path, note=note)
