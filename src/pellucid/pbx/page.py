"""One page of one case that needs nothing else: what a clinician reads in a minute, and then the details."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from torch import Tensor

from pellucid.explainers.spreading import cut
from pellucid.files import write_text
from pellucid.jacobians.directions.table import signed
from pellucid.jacobians.spectrum import Spectrum
from pellucid.overlay import data_url, svg_of
from pellucid.pbx import wording
from pellucid.pbx.picturing import MOST, figure_of, over_image, over_units, smoothing
from pellucid.pbx.reading import PbxReading
from pellucid.pbx.tabulating import lines
from pellucid.predictor import Predictor
from pellucid.units import TextUnits

FIRST = 10
"""Directions that the table shows before it is unfolded."""

_WORDS = 0.02
"""Share of the strongest word from which on a word is coloured."""


@dataclass(frozen=True)
class Picture:
    """One picture, ready for the page: an address of an image, a drawing, or words with how strong each is."""

    title: str
    address: str = ""
    drawing: str = ""
    words: tuple[tuple[str, float], ...] = ()


def write_page(reading: PbxReading, path: Path) -> Path:
    """Write the page; the same reading gives the same bytes.

    Raises:
        StorageError: the file cannot be written.
    """
    write_text(path, html(reading))
    return path


def html(reading: PbxReading) -> str:
    """The page."""
    environment = Environment(
        loader=PackageLoader("pellucid.pbx", "templates"),
        autoescape=True,  # labels, names and words come from outside
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"signed": signed, "passage": wording.passage, "percent": wording.percent}
    style = (files("pellucid.pbx") / "templates" / "pbx.css").read_text(encoding="utf-8")
    return environment.get_template("pbx.html.j2").render(_content(reading), style=Markup(style))


def _content(reading: PbxReading) -> dict[str, Any]:
    table = lines(reading)
    return {
        "reading": reading,
        "scope": wording.SCOPE,
        "alarm": wording.alarm(reading),
        "belief": wording.belief(reading),
        "details": wording.details(reading),
        "first": table[:FIRST],
        "rest": table[FIRST:],
        "shares": wording.shares(reading),
        "pictures": pictures(reading),
        "background": Picture("the image", data_url(over_image(reading, None))) if _is_image(reading) else None,
        "smoothing": smoothing(reading),
        "unit": _unit(reading),
        "spectra": list(_spectra(reading)),
        "total": _total(reading),
        "rivals": list(_rivals(reading)),
        "absent": {wording.named(part): why for part, why in reading.absent.items()},
        "modality": reading.function.modality,
    }


def _is_image(reading: PbxReading) -> bool:
    return reading.function.modality == "image"


def _unit(reading: PbxReading) -> str:
    unit = reading.function.unit
    return "unit of each measurement" if isinstance(unit, tuple) else unit


def pictures(reading: PbxReading) -> list[Picture]:
    """One of each explained label, at most six."""
    return [_picture(reading, label, reading.maps.row(label), f"label-{i}") for i, label in enumerate(reading.labels[:MOST])]


def _picture(reading: PbxReading, title: str, scores: np.ndarray, salt: str) -> Picture:
    if _is_image(reading):
        return Picture(title, address=data_url(over_image(reading, scores)))
    if isinstance(reading.maps.units, TextUnits):
        return Picture(title, words=_words(reading.maps.units, scores))
    return Picture(title, drawing=Markup(svg_of(figure_of(reading, scores), salt)))  # drawn here, from escaped labels


def _words(units: TextUnits, scores: np.ndarray) -> tuple[tuple[str, float], ...]:
    """The text in pieces, words with their strength in (0, 1] and all between them with 0."""
    words = cut(units, "word")
    values = units.project(scores[None], words)[0]
    strongest = float(values.max(initial=0.0)) or 1.0
    found, last = [], 0
    for (start, stop), value in zip(words.offsets.tolist(), (values / strongest).tolist(), strict=True):
        found += [(units.text[last:start], 0.0), (units.text[start:stop], round(value, 2) if value > _WORDS else 0.0)]
        last = stop
    return (*found, (units.text[last:], 0.0))


def _spectra(reading: PbxReading) -> Iterator[tuple[str, Spectrum, list[str], list[Picture]]]:
    for name, found in (("spectrum", reading.spectrum), ("visible", reading.visible)):
        if found is not None:
            drawn = list(_patterns(reading, found)) if name == "visible" else []
            yield wording.named(name), found, list(wording.patterns(reading, found)), drawn


def _patterns(reading: PbxReading, found: Spectrum) -> Iterator[Picture]:
    """Each pattern that stands for itself, and where the others lie."""
    for number, group in enumerate(found.groups):
        shown = found.right[group[0]] if len(group) == 1 else _spread_out(found.projector(number), found.right[0])
        title = f"pattern {group[0] + 1}" if len(group) == 1 else f"where patterns {group[0] + 1} to {group[-1] + 1} lie"
        yield _picture(reading, title, over_units(reading, shown), f"pattern-{number}")


def _spread_out(units: Tensor, like: Tensor) -> Tensor:
    """What lies in each unit, in all channels alike."""
    return units.expand_as(like) / (like.numel() / units.numel())


def _total(reading: PbxReading) -> Picture | None:
    """The length of the column of each unit, all outputs and channels together."""
    if reading.sensitivity is None or isinstance(reading.maps.units, TextUnits):
        return None  # rows of the features of a text are more than tokens: the words of the labels say the same
    return _picture(reading, "all outputs", np.sqrt(over_units(reading, reading.sensitivity.square())), "total")


def _rivals(reading: PbxReading) -> Iterator[Picture]:
    """Each label against the best of the others."""
    if reading.rivals is None:
        return
    names = cast(Predictor, reading.function.predictor).labels
    for i, label in enumerate(reading.labels[:MOST]):
        rival = names[int(reading.rivals.facts["rival"][i])]
        yield _picture(reading, f"{label} rather than {rival}", reading.rivals.scores[i], f"rival-{i}")
