"""The waves of a heartbeat, where the case says which samples belong to which."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from pellucid.jacobians.directions.base import Made, Skipped, family, straight
from pellucid.jacobians.directions.scene import Scene

_WAVES = "waves"
GROUPS: dict[str, tuple[str, ...]] = {
    "anterior": ("V1", "V2", "V3", "V4"),
    "inferior": ("II", "III", "aVF"),
    "lateral": ("I", "aVL", "V5", "V6"),
}
"""Leads that look at one wall of the heart."""


@family("amplitude", "signal", _WAVES, "height of P waves, QRS complexes and T waves")
def amplitude(scene: Scene) -> Made:
    """10 % higher above the baseline of each lead, in all leads.

    The baseline is the mean of the samples that the case calls so, else the median of the lead.
    """
    height = scene.at - _baseline(scene)
    for wave in ("P", "QRS", "T"):
        place, name = _segment(scene, wave), f"amplitude of {wave}"
        if place is None:
            yield _unknown(name, wave)
        else:
            yield straight(name, "+10 %", scene.at, 0.1 * height * place)


@family("st_elevation", "signal", _WAVES, "elevation of the ST segment over one wall of the heart")
def st_elevation(scene: Scene) -> Made:
    """`x + 0.1 t` mV in the ST segments of anterior (V1-V4), inferior (II, III, aVF) and lateral leads (I, aVL, V5, V6)."""
    place = _segment(scene, "ST")
    for wall, leads in GROUPS.items():
        name = f"{wall} ST elevation"
        read = [i for i, lead in enumerate(scene.leads) if lead in leads]
        if place is None:
            yield _unknown(name, "ST")
        elif not read:
            yield Skipped(name, f"the model reads none of the {wall} leads")
        else:
            step = torch.zeros_like(scene.at)
            step[:, read] = 0.1 * place[:, read]
            yield straight(name, "+0.1 mV", scene.at, step)


def _segment(scene: Scene, wave: str) -> Float[Tensor, "T L"] | None:
    """1 in the samples of a wave, whether the case calls it "QRS" or "QRS complex"; None where it names none."""
    found = [place for name, place in scene.structures.items() if name.split()[0] == wave and place.any()]
    return _as_numbers(np.any(found, axis=0)) if found else None


def _baseline(scene: Scene) -> Float[Tensor, " L"]:
    place = scene.structures.get("baseline")
    if place is None or not place.any(axis=0).all():
        return scene.at.median(0).values
    inside = _as_numbers(place)
    return (scene.at * inside).sum(0) / inside.sum(0)


def _as_numbers(place: Bool[np.ndarray, "T L"]) -> Float[Tensor, "T L"]:
    return torch.from_numpy(place).to(torch.float64)


def _unknown(name: str, wave: str) -> Skipped:
    return Skipped(name, f"the case does not say where {wave} lies")
