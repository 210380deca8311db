"""Where an explanation's order of removal stands among all orders of the same units, so that AOPC can be normalised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from pellucid.errors import PellucidError
from pellucid.metrics.base import AnyUnits, Orders
from pellucid.metrics.grid import Removal, tie_break
from pellucid.metrics.naopc import Evaluate, doubled_beam, exact_bounds, order_aopc
from pellucid.metrics.sweep import Cost, Outputs, Scale, on_scale, rows_of
from pellucid.predictor import Batch, Filler, Predictor
from pellucid.target import Target


def orders(
    predictor: Predictor,
    batch: Batch,
    targets: Sequence[Target],
    units: AnyUnits,
    explanations: Mapping[str, Float[np.ndarray, "K U"]],
    *,
    filler: Filler,
    scale: Scale = "probability",
    candidates: int = 8,
    exact_up_to: int = 10,
    beam: int = 8,
    seed: int = 0,
) -> dict[str, list[Orders]]:
    """AOPC of every explanation's order, and its bounds over all orders of the same units.

    A note of at most `exact_up_to` units is measured whole: these are the exact bounds of the paper. In a longer one only
    `candidates` units are removed, in every order, while the rest of the note stays: the units that the explanations of a
    target put first (:func:`choose`). All explanations of a target share them, so they are comparable with each other; which
    units they are depends on which explanations take part. Each explanation's order is restricted to them.

    Args:
        batch: exactly one case.
        units: what is removed whole; units that the model never read take no part.
        explanations: scores over `units` by method, one row a target.
        candidates: units removed in a long note.
        exact_up_to: up to so many units bounds are exact (2^n outputs a target); above, two beams and their gap.
        beam: width of the narrower beam.
        seed: decides between equal scores, as in :func:`~pellucid.metrics.sweep.sweep`.

    Returns:
        For each explanation one :class:`Orders` a target. Bounds are widened by every order evaluated, so that normalised
        values lie in [0, 1]. Without removable units all values are 0.

    Raises:
        PellucidError: scores or outputs are not finite, or a setting is out of range.
    """
    return orders_with_cost(
        predictor, batch, targets, units, explanations,
        filler=filler, scale=scale, candidates=candidates, exact_up_to=exact_up_to, beam=beam, seed=seed,
    )[0]  # fmt: skip


def orders_with_cost(
    predictor: Predictor,
    batch: Batch,
    targets: Sequence[Target],
    units: AnyUnits,
    explanations: Mapping[str, Float[np.ndarray, "K U"]],
    *,
    filler: Filler,
    scale: Scale = "probability",
    candidates: int = 8,
    exact_up_to: int = 10,
    beam: int = 8,
    seed: int = 0,
) -> tuple[dict[str, list[Orders]], Cost]:
    """What :func:`orders` gives, and what it cost."""
    if min(candidates, beam) < 1:
        raise PellucidError(f"Orders need at least 1 candidate and a beam of at least 1, not {candidates} and {beam}.")
    outputs = Outputs(predictor, batch, targets, filler)
    removal = Removal(batch.units[0], units)
    most = len(removal.removable) if len(removal.removable) <= exact_up_to else candidates
    rows = {name: rows_of(scores, name, outputs, units) for name, scores in explanations.items()}
    result: dict[str, list[Orders]] = {name: [] for name in rows}
    for k, target in enumerate(targets):
        draw = tie_break(len(units), seed, outputs.case, target.name)
        ranked = {name: removal.order(row[k], draw) for name, row in rows.items()}
        chosen = choose(list(ranked.values()), most, draw)
        value = _value(outputs, removal, chosen, k, scale)
        for name, found in _stand(value, ranked, chosen, exact_up_to, beam).items():
            result[name].append(found)
    return result, outputs.cost


def choose(ranked: Sequence[Int[np.ndarray, " R"]], most: int, draw: Int[np.ndarray, " U"]) -> Int[np.ndarray, " n"]:
    """The units that the rankings put first, `most` of them (all, if there are fewer), in reading order.

    Round by round: first every ranking's first unit, then every second one, and so on. Where a round has more new units than
    fit, those that more rankings name in that round go in, then those with the lower `draw`; the order of the rankings
    therefore does not matter.
    """
    chosen: list[int] = []
    for place in zip(*ranked, strict=True):
        votes = Counter(int(unit) for unit in place if unit not in chosen)
        chosen += sorted(votes, key=lambda unit: (-votes[unit], draw[unit]))[: most - len(chosen)]
        if len(chosen) == most:
            break
    return np.array(sorted(chosen), dtype=np.int64)


def _value(outputs: Outputs, removal: Removal, chosen: Int[np.ndarray, " n"], target: int, scale: Scale) -> Evaluate:
    """V(S): how far the target falls when the units S of `chosen` are removed."""

    def output(gone: Bool[np.ndarray, "P U"]) -> Float[np.ndarray, " P"]:
        return on_scale(outputs(removal.keep(gone))[:, target], scale)

    whole = output(np.zeros((1, len(removal.units)), dtype=bool))

    def value(removed: Bool[np.ndarray, "P n"]) -> Float[np.ndarray, " P"]:
        gone = np.zeros((len(removed), len(removal.units)), dtype=bool)
        gone[:, chosen] = removed
        return np.asarray(whole - output(gone))

    return value


def _stand(
    value: Evaluate, ranked: Mapping[str, Int[np.ndarray, " R"]], chosen: Int[np.ndarray, " n"], exact_up_to: int, beam: int
) -> dict[str, Orders]:
    """One :class:`Orders` an explanation, all within the same bounds."""
    if not len(chosen):
        return {name: Orders(0.0, 0.0, 0.0, 0.0, exact=True, gap=0.0) for name in ranked}
    exact = len(chosen) <= exact_up_to
    bounds, gap = (exact_bounds(value, len(chosen)), 0.0) if exact else doubled_beam(value, len(chosen), beam)
    inside = np.array([np.searchsorted(chosen, order[np.isin(order, chosen)]) for order in ranked.values()])
    most = order_aopc(value, inside)
    least = order_aopc(value, inside[:, ::-1])
    bounds = bounds.including(np.concatenate([most, least]))
    return {
        name: Orders(float(m), float(s), bounds.lower, bounds.upper, exact, gap)
        for name, m, s in zip(ranked, most, least, strict=True)
    }
