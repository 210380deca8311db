"""One case explained by every method, over the units that the audit judges."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, cast

import numpy as np
from jaxtyping import Bool, Float

from pellucid.attribution import AnyUnits, Attribution
from pellucid.audit.plan import Plan, Unit
from pellucid.case import Boxes, Case, Evidence, Fixations, Mask, Phrase, Spans, marked
from pellucid.errors import DataError
from pellucid.explainers.base import Explainer
from pellucid.explainers.images.cutting import segments
from pellucid.explainers.spreading import cut
from pellucid.imaging import resized_mark
from pellucid.predictor import Batch, Network, Predictor, require
from pellucid.regions import superpixels
from pellucid.target import Target
from pellucid.units import FeatureUnits, PixelUnits, RegionUnits, SampleUnits, TextKind, TextUnits, Units, patches


@dataclass(frozen=True)
class Cost:
    """What a piece of work took: seconds of wall-clock time, and chunk encodings (0 where the model does not count them)."""

    seconds: float
    chunks: int


class Meter:
    """Measures pieces of work on one predictor."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self._restart()

    def lap(self) -> Cost:
        """The cost since the last lap."""
        cost = Cost(perf_counter() - self._start, self._count() - self._chunks)
        self._restart()
        return cost

    def _restart(self) -> None:
        self._start, self._chunks = perf_counter(), self._count()

    def _count(self) -> int:
        counter: Any = getattr(self._predictor, "cost", None)
        return int(getattr(counter, "chunks", 0))


_SEEN = (Boxes, Mask, Fixations, Phrase)
_FOREIGN: dict[str, tuple[type, ...]] = {
    "pixel": (Spans,),
    "sample": (Spans, Boxes, Fixations, Phrase),
    "feature": (Spans, Boxes, Fixations, Phrase),
}
"""Evidence of other inputs, by units: a case may have a text beside its image. Of text it is what is seen."""

Judged = AnyUnits
"""What explanations are judged over."""


def read_units(batch: Batch, kind: Unit) -> tuple[Judged, Judged]:
    """The units of the one case in the batch that the model read, and all units of its text, image, row or signal.

    A unit of text is read if it begins before the end of the last token. What lies beyond the model's limit of length cannot
    be explained, and is not judged; neither is the end of a recording that is longer than the model reads.
    """
    tokens: Judged = batch.units[0]
    if isinstance(tokens, SampleUnits):
        lasts = round(batch.cases[0].signal.duration * tokens.rate)
        return tokens, replace(tokens, count=max(tokens.count, lasts))
    if not isinstance(tokens, TextUnits) or kind == "token":
        return tokens, tokens
    of_text = cast(TextKind, kind)
    whole = cut(tokens, of_text)
    end = tokens.offsets[:, 1].max(initial=0)
    return TextUnits(whole.text, whole.offsets[whole.offsets[:, 0] < end], of_text), whole


def parts_of(predictor: Predictor, batch: Batch, units: Judged, plan: Plan) -> Judged:
    """What is removed whole of the one case in the batch: the units themselves, or regions of an image or signal."""
    if isinstance(units, SampleUnits):
        return segments(units, plan.across * len(units.leads))
    if not isinstance(units, PixelUnits):
        return units
    if plan.regions == "patch":
        return patches(units, plan.across)
    require(predictor, ("network",), "Cutting an image into superpixels")
    pixels = cast(Network, predictor).pixels(batch)[0]
    return superpixels(pixels.double().cpu().numpy(), plan.across ** len(units.shape))


def explain(
    explainers: Mapping[str, Explainer], predictor: Predictor, batch: Batch, targets: Sequence[Target], units: Judged
) -> tuple[dict[str, Attribution], dict[str, Cost]]:
    """What every explainer says of the one case in the batch, summed into `units`, and what each took.

    Methods share forward and backward passes through the batch; what is shared is charged to the method that came first.

    Raises:
        DataError: a score is not a finite number.
    """
    said, costs = {}, {}
    meter = Meter(predictor)
    for name, explainer in explainers.items():
        attribution = explainer(predictor, batch, targets)[0]
        costs[name] = meter.lap()
        if not np.isfinite(attribution.scores).all():
            raise DataError(
                f"The explainer {name!r} gave scores on case {attribution.case} that are not finite numbers; "
                "check the model's weights, or leave the explainer out of the plan."
            )
        said[name] = attribution if units.kind == attribution.units.kind else attribution.project(units)
    return said, costs


def marks(case: Case, evidence: Iterable[Evidence], targets: Sequence[Target], units: Judged) -> Bool[np.ndarray, "K U"]:
    """For each target the units that its evidence (or that of the whole case) covers; where people looked is no mark."""
    items = fitted(case, marking(evidence), units)
    rows = [marked((e for e in items if e.label in (target.name, None)), units) for target in targets]
    return np.array(rows, dtype=bool).reshape(len(targets), len(units))


def marks_of_others(
    case: Case, evidence: Iterable[Evidence], targets: Sequence[Target], units: Judged
) -> Bool[np.ndarray, "K U"]:
    """For each target the units that the evidence of any other label covers; evidence of the whole case is nobody else's."""
    items = fitted(case, marking(evidence), units)
    rows = [marked((e for e in items if e.label not in (target.name, None)), units) for target in targets]
    return np.array(rows, dtype=bool).reshape(len(targets), len(units))


def marking(evidence: Iterable[Evidence]) -> list[Evidence]:
    """Evidence without gaze: where somebody looked, nothing was marked."""
    return [item for item in evidence if not isinstance(item, Fixations)]


def gaze_items(case: Case, units: PixelUnits) -> list[Fixations]:
    """Where people looked at the image of a case, at the resolution of `units`; each reader and each finding as stored."""
    looks = [item for item in case.evidence if isinstance(item, Fixations)]
    return cast(list[Fixations], fitted(case, looks, units))


def fitted(case: Case, evidence: Iterable[Evidence], units: Judged) -> list[Evidence]:
    """Evidence of what the model read; that of an image at the resolution at which it was read, of a signal at the samples and
    of a row at the measurements that it reads, in its order."""
    items = [item for item in evidence if not isinstance(item, _FOREIGN.get(units.kind, _SEEN))]
    if isinstance(units, SampleUnits | FeatureUnits):
        return [_placed(case, item, units) for item in items]
    if not isinstance(units, PixelUnits) or not items or case.picture.size == units.shape:
        return items
    return [resized_mark(item, case.picture.size, units.shape) for item in items]


def stored_units(case: Case, units: Judged) -> Judged:
    """Units as fine as people marked them: those of the image or recording as it is stored; of text and rows the same."""
    if isinstance(units, PixelUnits):
        return PixelUnits.of(case.picture.size)
    if isinstance(units, SampleUnits):
        return SampleUnits(len(case.signal.samples), case.signal.leads, case.signal.rate)
    return units


def _placed(case: Case, item: Evidence, units: SampleUnits | FeatureUnits) -> Mask:
    """A mark of a case where the model reads it."""
    if isinstance(units, SampleUnits):
        whole = cast(SampleUnits, stored_units(case, units))
        mask = item.covers(whole).reshape(whole.shape)[units.within(whole)]
    else:
        names = case.measurements.names
        mask = item.covers(FeatureUnits(names))[[names.index(name) for name in units.names]]
    return Mask(mask, item.label, item.confidence, item.source)


def by_parts(marked_units: Bool[np.ndarray, "K U"], units: Judged, parts: Judged) -> Bool[np.ndarray, "K V"]:
    """Marks over parts: those of which at least half is marked, and where that is none, the one of which most is."""
    if parts is units:
        return marked_units
    share = cast(Units, units).project(marked_units, parts) / np.maximum(cast(RegionUnits, parts).sizes, 1)
    half = share >= 0.5
    most = (share == share.max(axis=1, keepdims=True)) & (share > 0)
    return np.asarray(np.where(half.any(1, keepdims=True), half, most & (np.cumsum(most, axis=1) == 1)))


def stacked(said: Mapping[str, Attribution]) -> dict[str, Float[np.ndarray, "K U"]]:
    """The scores alone."""
    return {name: attribution.scores for name, attribution in said.items()}
