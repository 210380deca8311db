"""A reading as JSON values, so that an explanation can be kept, compared and made again."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pellucid.files import finite
from pellucid.jacobians.spectrum import Spectrum
from pellucid.pbx.reading import PbxReading
from pellucid.pbx.tabulating import lines
from pellucid.pbx.wording import alarm, belief

FORMAT = "pellucid.pbx/1"


def as_json(reading: PbxReading, *, maps: bool = True) -> dict[str, Any]:
    """The whole reading; what is undefined is null.

    Args:
        maps: with the row of the Jacobian of each explained label, and the sensitivity to each number of the input.
    """
    found: dict[str, Any] = {
        "format": FORMAT,
        "case": reading.case,
        "about": dict(reading.about),
        "unit": reading.function.unit,
        "probabilities": dict(reading.probabilities),
        "assigned": list(reading.assigned),
        "labels": list(reading.labels),
        "summary": {"alarm": alarm(reading), "belief": belief(reading)},
        "effects": [asdict(line) for line in lines(reading)],
        "directions": reading.table and reading.table.to_json(),
        "shares": reading.shares and reading.shares.to_json(),
        "regions": reading.regions and reading.regions.to_json(),
        "reliability": reading.reliability and reading.reliability.to_json(),
        "error bars": reading.error_bars and asdict(reading.error_bars),
        "spectrum": reading.spectrum and _spectrum(reading.spectrum, reading.function.outputs),
        "visible": reading.visible and _spectrum(reading.visible, reading.function.outputs),
        "certificates": reading.certificates and asdict(reading.certificates),
        "absent": dict(reading.absent),
        "notes": list(reading.notes),
    }
    if maps:
        found |= _maps(reading)
    plain: dict[str, Any] = finite(found)
    return plain


def _maps(reading: PbxReading) -> dict[str, Any]:
    return {
        "maps": {label: reading.maps.row(label).tolist() for label in reading.labels},
        "sensitivity": None if reading.sensitivity is None else reading.sensitivity.flatten().tolist(),
    }


def _spectrum(found: Spectrum, outputs: tuple[str, ...]) -> dict[str, Any]:
    return {
        "values": found.values.tolist(),
        "residuals": found.residuals.tolist(),
        "gaps": found.gaps.tolist(),
        "groups": [list(group) for group in found.groups],
        "combinations": [dict(zip(outputs, row, strict=True)) for row in found.left.tolist()],
        "total": found.total,
        "total error": found.total_error,
        "effective rank": list(found.effective_rank),
        "method": found.method,
        "basis": found.basis,
        "notes": list(found.notes),
    }
