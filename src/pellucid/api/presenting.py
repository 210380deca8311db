"""An attribution as the explanation that people see, with what they must know of how the case was read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast, get_args

import numpy as np

from pellucid.api.explanation import Explanation
from pellucid.api.image_explanation import ImageExplanation
from pellucid.api.signal_explanation import SignalExplanation
from pellucid.api.table_explanation import TableExplanation
from pellucid.attribution import Attribution
from pellucid.errors import PellucidError
from pellucid.explainers.spreading import cut
from pellucid.imaging import resized
from pellucid.measurements import Measurements
from pellucid.picture import Picture
from pellucid.predictor import Batch, MeasuredInputs, Predictor, require
from pellucid.signals import Signal
from pellucid.units import FeatureUnits, SampleUnits, TextKind, TextUnits

Shown = Explanation | ImageExplanation | TableExplanation | SignalExplanation
"""What an explanation is shown as."""


def presented(
    predictor: Predictor,
    batch: Batch,
    attribution: Attribution,
    probabilities: Mapping[str, float],
    notes: tuple[str, ...],
    *,
    unit: TextKind,
    number: str,
) -> Shown:
    """The explanation of the one case of a batch.

    Args:
        probabilities: of the explained labels.
        unit: what one score of a text is about.
        number: what the probabilities of an image are.

    Raises:
        PellucidError: there is no such unit of text.
    """
    units, case = attribution.units, batch.cases[0]
    if isinstance(units, TextUnits):
        return Explanation(_in_units(attribution, unit), probabilities, (*notes, *_unread(batch)))
    if isinstance(units, FeatureUnits):
        row = _in_order(case.measurements, units, predictor)
        return TableExplanation(attribution, probabilities, row, notes=notes)
    if isinstance(units, SampleUnits):
        signal = _as_read(predictor, batch, units)
        return SignalExplanation(attribution, probabilities, signal, notes=(*notes, *_recut(case.signal, signal)))
    picture = case.picture
    read = resized(picture, units.shape)
    return ImageExplanation(attribution, probabilities, read, (*notes, *_resampled(picture, read)), number)


def _resampled(picture: Picture, read: Picture) -> tuple[str, ...]:
    """A note if the model read the image at another resolution."""
    if picture.size == read.size:
        return ()
    before, after = (" x ".join(map(str, p.size)) for p in (picture, read))
    return (f"The image of {before} pixels was resampled to the {after} that the model reads; the scores are about those.",)


def _in_order(row: Measurements, units: FeatureUnits, model: object) -> Measurements:
    """The row as the model reads it: in its order, and in its units where the row says nothing of them."""
    order = [row.names.index(name) for name in units.names]
    said = tuple(row.units[i] for i in order) if row.units else tuple(getattr(model, "units", ()))
    return Measurements(row.values[order], units.names, said, None if row.imprecision is None else row.imprecision[order])


def _as_read(predictor: Predictor, batch: Batch, units: SampleUnits) -> Signal:
    """The signal as the model reads it."""
    require(predictor, ("measured_inputs",), "An explanation of a signal")
    found = cast(MeasuredInputs, predictor).measured(batch, 0)
    return Signal(found.values.detach().cpu().numpy().astype(np.float32), units.rate, units.leads, str(found.unit))


def _recut(signal: Signal, read: Signal) -> tuple[str, ...]:
    """Notes if the model read the recording at another rate, or not to its end."""
    rate = f"The recording of {signal.rate:g} samples a second was resampled to the {read.rate:g} that the model reads."
    end = f"The recording lasts {signal.duration:g} s; the model reads the first {read.duration:g} s, the rest has no scores."
    return (rate,) * (signal.rate != read.rate) + (end,) * (signal.duration > read.duration + 1 / read.rate)


def _in_units(attribution: Attribution, unit: TextKind) -> Attribution:
    if unit not in get_args(TextKind):
        raise PellucidError(f"{unit!r} is not a unit of text; choose token, word, sentence or section.")
    return attribution if unit == "token" else attribution.project(cut(cast(TextUnits, attribution.units), unit))


def _unread(batch: Batch) -> tuple[str, ...]:
    """A note if the end of the text did not fit the model."""
    dropped = sum(getattr(batch.data, "truncated", ()))  # a predictor without a limit has no such count
    if not dropped:
        return ()
    return (f"The text is longer than the model reads: its last {dropped:,} tokens were left out and have no scores.",)
