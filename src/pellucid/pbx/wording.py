"""A reading in sentences and numbers for people."""

from __future__ import annotations

import math
from collections.abc import Iterator

from pellucid.jacobians.directions import RegionShare, RegionShares
from pellucid.jacobians.reliability_text import sentences
from pellucid.jacobians.spectrum import Spectrum
from pellucid.pbx.reading import PbxReading
from pellucid.pbx.tabulating import Cell, lines

SCOPE = (
    "Local and to first order: what the model would say if this very input changed a little. A large entry says what the model "
    "reacts to; it is no cause of disease, and nothing here says whether the model is right."
)
CLEAR = 1.25
"""How many times more sensitive to what lies outside than to the whole a model must be to be called so."""

_PARTS = {
    "table": "What happens to each finding",
    "shares": "Share of the sensitivity that has a name",
    "regions": "Where the sensitivity lies",
    "sensitivity": "Total sensitivity",
    "rivals": "Against the rival",
    "reliability": "How far it may be believed",
    "error_bars": "Error bars",
    "spectrum": "Most sensitive patterns",
    "visible": "Most sensitive patterns that can be seen",
    "certificates": "How far decisions stand",
}


def named(part: str) -> str:
    """The heading of a part."""
    return _PARTS[part]


def alarm(reading: PbxReading) -> str:
    """Whether the model is sensitive to what lies outside the anatomy, in a sentence or two."""
    if reading.regions is None:
        return f"No alarm can be given. {reading.absent['regions']}"
    outside, held = reading.regions.outside, _held(reading, reading.regions.outside)
    if math.isnan(held):
        return "Nothing that changes in the input changes these labels, so that no alarm for shortcuts can be given."
    if outside.chance == 0:
        densest = _densest(reading, reading.regions)
        return f"The named structures cover the whole {_whole(reading)}, so that there is no outside. {densest}"
    where = "stretches" if reading.function.modality == "signal" else "structures"
    found = (
        f"{percent(held)} of the sensitivity of the explained labels lies outside all named {where}, which leave "
        f"{percent(outside.chance)} of the {_whole(reading)}."
    )
    return f"{found} {_judged(held / outside.chance)}"


def _held(reading: PbxReading, region: RegionShare) -> float:
    """The largest share that any explained label has in a region."""
    known = [region.each[column] for column in reading.columns if not math.isnan(region.each[column])]
    return max(known, default=math.nan)


def _densest(reading: PbxReading, found: RegionShares) -> str:
    """The structure with most of the sensitivity of the explained labels for its size."""
    known = [region for region in found.regions if region.chance > 0]
    best = max(known, key=lambda region: _held(reading, region) / region.chance)
    held, size = percent(_held(reading, best)), percent(best.chance)
    return f"For its size {best.name} holds most of the sensitivity: {held} on {size} of the {_whole(reading)}."


def _judged(times: float) -> str:
    rate = f"{times:.1f} times what a model would have there that reacted alike everywhere"
    if times > CLEAR:
        return f"That is {rate}: look for a shortcut (a marker, a border, a tube)."
    return f"That is {rate}: no alarm." if times < 1 else f"That is {rate}, hardly more: look at the picture."


def _whole(reading: PbxReading) -> str:
    return "recording" if reading.function.modality == "signal" else "image"


def belief(reading: PbxReading) -> str:
    """How far it may be believed, in a sentence or two."""
    found = [cell.trusted for line in lines(reading) for cell in line.cells]
    told = [f"Of the {len(found)} changes in the table first order is good to 10 % in {sum(found)}."] if found else []
    if reading.reliability is None:
        return " ".join([*told, f"How far it reaches was not found: {reading.absent['reliability']}"])
    return " ".join([*told, next(iter(sentences(reading.reliability)))])


def details(reading: PbxReading) -> list[str]:
    """All that is known of its reliability, a sentence each."""
    return [] if reading.reliability is None else list(sentences(reading.reliability))


def shares(reading: PbxReading) -> list[tuple[str, float, float]]:
    """Each group of directions with its share of the sensitivity and what chance would hold; all of them first."""
    if reading.shares is None:
        return []
    return [(share.name, share.value, share.chance) for share in (reading.shares.all, *reading.shares.groups)]


def patterns(reading: PbxReading, found: Spectrum) -> Iterator[str]:
    """Each pattern in a line: how much it moves which outputs."""
    for place, (value, weights) in enumerate(zip(found.values.tolist(), found.left.tolist(), strict=True)):
        pairs = sorted(zip(reading.function.outputs, weights, strict=True), key=lambda pair: -abs(pair[1]))[:3]
        moved = ", ".join(f"{weight:+.2f} {name}" for name, weight in pairs if abs(weight) > 0.1)
        group = next(group for group in found.groups if place in group)
        alone = "" if len(group) == 1 else " (not told apart from its neighbours)"
        yield f"A step of norm 1 along pattern {place + 1} moves outputs by {value:.3g}: {moved}{alone}."


def passage(cell: Cell) -> str:
    """From one probability to another, in percent; with as many decimals as tell them apart and off 0 and 100, two at most."""
    before, after = 100 * cell.before, 100 * cell.after
    for digits in range(3):
        start, end = f"{before:.{digits}f}", f"{after:.{digits}f}"
        if start != end and not {float(start), float(end)} & {0.0, 100.0}:
            break
    return f"{start} % as before" if start == end else f"{start} → {end} %"


def percent(value: float) -> str:
    """A share, or a dash where it is undefined."""
    if math.isnan(value):
        return "–"
    share = 100 * value
    return f"{share:.2g} %" if 0 < share < 10 else f"{share:.0f} %"
