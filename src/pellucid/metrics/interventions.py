"""Exactly so many units removed, and nothing but them kept: the evidence, the first units of explanations, and random text.

Like the sweep, this asks the model through :class:`~pellucid.metrics.sweep.Outputs`, so what the sweep of the same batch has
asked is not asked again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from pellucid.metrics.base import AnyUnits, Intervention
from pellucid.metrics.chance import random_runs
from pellucid.metrics.grid import Removal, tie_break
from pellucid.metrics.sweep import Cost, Outputs, Scale, on_scale, rows_of
from pellucid.predictor import Batch, Filler, Predictor
from pellucid.randomness import stream
from pellucid.target import Target


@dataclass(frozen=True)
class Interventions:
    """What came of it for one target.

    Attributes:
        evidence: the units that people marked.
        explanations: by method, its first units, as many as are marked. Equal scores come in the order of the sweep.
        control: runs of the same lengths outside the evidence: the mean of the outputs over the draws.
    """

    evidence: Intervention
    explanations: Mapping[str, Intervention]
    control: Intervention


def interventions(
    predictor: Predictor,
    batch: Batch,
    targets: Sequence[Target],
    units: AnyUnits,
    evidence: Bool[np.ndarray, "K U"],
    explanations: Mapping[str, Float[np.ndarray, "K U"]],
    *,
    filler: Filler,
    scale: Scale = "probability",
    draws: int = 10,
    seed: int = 0,
) -> tuple[list[Interventions | None], Cost]:
    """Remove and keep what people marked, equally many first units of each explanation, and equally much random text.

    Args:
        batch: exactly one case.
        units: what is removed whole; units that the model never read take no part.
        evidence: for each target the units that people marked.
        explanations: scores over `units` by method, one row a target.
        draws: how many random sets stand for chance; see :func:`~pellucid.metrics.chance.random_runs`.
        seed: of the random sets (with the case and the target), and of the order of equal scores.

    Returns:
        For each target what came of it, None where nothing is marked; and the cost.

    Raises:
        PellucidError: scores or outputs are not finite.
    """
    outputs = Outputs(predictor, batch, targets, filler)
    removal = Removal(batch.units[0], units)
    rows = {name: rows_of(scores, name, outputs, units) for name, scores in explanations.items()}
    planned = []
    for k, target in enumerate(targets):
        drawn = stream(seed, "random text", outputs.case, target.name)
        ties = tie_break(len(units), seed, outputs.case, target.name)
        sets = _sets(removal, evidence[k], [removal.order(row[k], ties) for row in rows.values()], draws, drawn)
        planned.append((sets, outputs.ask(np.concatenate([removal.keep(sets), removal.keep(~sets)]))))

    def found(k: int, sets: Bool[np.ndarray, "S U"], keys: list[bytes]) -> Interventions | None:
        if not evidence[k].any():
            return None
        both = on_scale(outputs.read(keys)[:, k], scale).reshape(2, -1)
        size, whole = int(sets[1].sum()), both[0, 0]

        def mean(part: slice) -> Intervention:
            without, only = both[:, part].mean(axis=1).tolist() if both[:, part].size else (np.nan, np.nan)
            return Intervention(size, float(whole), without, only, scale, filler)

        own = {name: mean(slice(2 + i, 3 + i)) for i, name in enumerate(rows)}
        return Interventions(mean(slice(1, 2)), own, mean(slice(2 + len(rows), None)))

    return [found(k, sets, keys) for k, (sets, keys) in enumerate(planned)], outputs.cost


def _sets(
    removal: Removal,
    evidence: Bool[np.ndarray, " U"],
    orders: Sequence[np.ndarray],
    draws: int,
    generator: np.random.Generator,
) -> Bool[np.ndarray, "S U"]:
    """Sets of units: nothing, the evidence, the first units of each order, and random runs. No set where nothing is marked."""
    marked = evidence[removal.removable]
    size = int(marked.sum())
    random = random_runs(marked, draws, generator) if size else np.zeros((0, len(marked)), dtype=bool)
    sets = np.zeros((2 + len(orders) + len(random), len(evidence)), dtype=bool)
    sets[1, removal.removable] = marked
    for row, order in zip(sets[2:], orders, strict=False):
        row[order[:size]] = True
    sets[2 + len(orders) :, removal.removable] = random
    return sets if evidence.any() else sets[:0]
