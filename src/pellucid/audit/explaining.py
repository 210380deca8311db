"""One case explained by every method, over the units that the audit judges."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, cast

import numpy as np
from jaxtyping import Bool, Float

from pellucid.attribution import Attribution
from pellucid.case import Case, Evidence, marked
from pellucid.errors import PellucidError
from pellucid.explainers.base import Explainer
from pellucid.explainers.spreading import cut
from pellucid.predictor import Batch, Predictor
from pellucid.target import Target
from pellucid.units import TextKind, TextUnits


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


def tokens_of(batch: Batch) -> TextUnits:
    """The tokens of the one case in the batch, which must be a text."""
    return cast(TextUnits, batch.units[0])


def read_units(batch: Batch, kind: TextKind) -> tuple[TextUnits, TextUnits]:
    """The units of the one case in the batch that the model read, and all units of its text.

    A unit is read if it begins before the end of the last token. What lies beyond the model's limit of length cannot be
    explained, and is not judged.
    """
    tokens = tokens_of(batch)
    if kind == "token":
        return tokens, tokens
    whole = cut(tokens, kind)
    end = tokens.offsets[:, 1].max(initial=0)
    return TextUnits(whole.text, whole.offsets[whole.offsets[:, 0] < end], kind), whole


def explain(
    explainers: Mapping[str, Explainer], predictor: Predictor, batch: Batch, targets: Sequence[Target], units: TextUnits
) -> tuple[dict[str, Attribution], dict[str, Cost]]:
    """What every explainer says of the one case in the batch, summed into `units`, and what each took.

    Methods share forward and backward passes through the batch; what is shared is charged to the method that came first.

    Raises:
        PellucidError: a score is not a finite number.
    """
    said, costs = {}, {}
    meter = Meter(predictor)
    for name, explainer in explainers.items():
        attribution = explainer(predictor, batch, targets)[0]
        costs[name] = meter.lap()
        if not np.isfinite(attribution.scores).all():
            raise PellucidError(
                f"The explainer {name!r} gave scores on case {attribution.case} that are not finite numbers; "
                "check the model's weights, or leave the explainer out of the plan."
            )
        said[name] = attribution if units.kind == attribution.units.kind else attribution.project(units)
    return said, costs


def marks(case: Case, evidence: Iterable[Evidence], targets: Sequence[Target], units: TextUnits) -> Bool[np.ndarray, "K U"]:
    """For each target the units that its evidence (or that of the whole case) covers."""
    items = list(evidence)
    rows = [marked((e for e in items if e.label in (target.name, None)), units) for target in targets]
    return np.array(rows, dtype=bool).reshape(len(targets), len(units))


def marks_of_others(evidence: Iterable[Evidence], targets: Sequence[Target], units: TextUnits) -> Bool[np.ndarray, "K U"]:
    """For each target the units that the evidence of any other label covers; evidence of the whole case is nobody else's."""
    items = list(evidence)
    rows = [marked((e for e in items if e.label not in (target.name, None)), units) for target in targets]
    return np.array(rows, dtype=bool).reshape(len(targets), len(units))


def stacked(said: Mapping[str, Attribution]) -> dict[str, Float[np.ndarray, "K U"]]:
    """The scores alone."""
    return {name: attribution.scores for name, attribution in said.items()}
