"""One perturbation sweep of a case, shared by all explanations, all targets and both curves.

Every metric of :mod:`pellucid.metrics.faithfulness` that reads curves is a view of what is measured here once. The perturbed
inputs of a case are planned together, and each distinct one is scored once, for all targets: the whole input, the empty one,
and whatever two explanations or two targets agree on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import expit

from pellucid.errors import DataError, PellucidError
from pellucid.metrics.base import AnyUnits, Curves
from pellucid.metrics.grid import Grid, Removal, step_counts, tie_break
from pellucid.metrics.odds import softmax_odds
from pellucid.predictor import Batch, Filler, Predictor
from pellucid.target import Target, resolve

Scale = Literal["probability", "logit"]
"""What an output is: the sigmoid of a target, or the target itself."""

BLOCK = 256
"""Perturbed inputs handed to the model at a time; bounds memory by `BLOCK` masks, whatever is explained."""


@dataclass(frozen=True)
class Cost:
    """What a measurement cost.

    Attributes:
        planned: outputs asked for, one a (explanation, target, perturbed input).
        scored: perturbed inputs that the model was given: the distinct ones that nobody had asked about before.
        chunks: chunk encodings, where the predictor counts them (`predictor.cost.chunks`); None where it does not.
    """

    planned: int = 0
    scored: int = 0
    chunks: int | None = None

    def __add__(self, other: Cost) -> Cost:
        known = [c.chunks for c in (self, other) if c.chunks is not None]
        return Cost(self.planned + other.planned, self.scored + other.scored, sum(known) if known else None)


class Outputs:
    """What the model says about perturbed versions of one case; no version is scored twice.

    Answers are kept in the batch's memo, so a sweep and the orders of :mod:`pellucid.metrics.orders` share them. Asking and
    reading are two steps (:meth:`ask`, :meth:`read`) so that the questions of many explanations reach the model in full blocks.

    Args:
        batch: exactly one case.
    """

    def __init__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target], filler: Filler) -> None:
        if len(batch) != 1:
            raise ValueError(f"perturbed outputs are about one case, not {len(batch)}")
        self.batch, self.targets, self.filler = batch, tuple(targets), filler
        self._predictor = predictor
        self._known: dict[bytes, Float[np.ndarray, " K"]] = batch.memo.setdefault(
            ("perturbed outputs", filler, self.targets), {}
        )
        self._pending: dict[bytes, Bool[np.ndarray, " F"]] = {}
        self._planned = self._scored = 0
        self._chunks = _chunks(predictor)

    @property
    def case(self) -> str:
        """Id of the case."""
        return self.batch.cases[0].id

    @property
    def cost(self) -> Cost:
        """What has been asked of this object so far."""
        now = _chunks(self._predictor)
        spent = None if now is None or self._chunks is None else now - self._chunks
        return Cost(self._planned, self._scored, spent)

    def ask(self, keep: Bool[np.ndarray, "P F"]) -> list[bytes]:
        """Plan P perturbed inputs; what comes back is given to :meth:`read`."""
        keys = [blake2b(row.tobytes(), digest_size=16).digest() for row in np.packbits(keep, axis=1)]
        self._planned += len(keys)
        for key, mask in zip(keys, keep, strict=True):
            if key not in self._known and key not in self._pending:
                self._pending[key] = mask.copy()
                if len(self._pending) == BLOCK:
                    self._score()
        return keys

    def read(self, keys: Sequence[bytes]) -> Float[np.ndarray, "P K"]:
        """The targets (logits) on planned inputs, in the order of `keys`.

        Raises:
            DataError: the model gives a number that is not finite.
        """
        self._score()
        return np.array([self._known[key] for key in keys]).reshape(len(keys), len(self.targets))

    def __call__(self, keep: Bool[np.ndarray, "P F"]) -> Float[np.ndarray, "P K"]:
        """Ask and read at once."""
        return self.read(self.ask(keep))

    def _score(self) -> None:
        if not self._pending:
            return
        logits = self._ask_model(np.stack(list(self._pending.values())))
        if not np.isfinite(logits).all():
            raise DataError(
                f"The model's output on perturbed case {self.case} is not a finite number; "
                "check the model's weights, and what it makes of missing parts."
            )
        self._known.update(zip(self._pending, np.asarray(logits, dtype=np.float64), strict=True))
        self._scored += len(self._pending)
        self._pending.clear()

    def _ask_model(self, masks: Bool[np.ndarray, "P F"]) -> Float[np.ndarray, "P K"]:
        """Logits of the targets. Where labels exclude each other, the log-odds of the softmax, which the sigmoid turns back."""
        labels = tuple(getattr(self._predictor, "labels", ()))
        exclusive = getattr(self._predictor, "exclusive", False)
        asked = tuple(Target.label(label) for label in labels) if exclusive else self.targets
        (logits,) = self._predictor.perturbed_scores(self.batch, [masks], self.filler, asked)
        return softmax_odds(logits, resolve(self.targets, labels)) if exclusive else logits


def sweep(
    predictor: Predictor,
    batch: Batch,
    targets: Sequence[Target],
    units: AnyUnits,
    explanations: Mapping[str, Float[np.ndarray, "K U"]],
    *,
    filler: Filler,
    scale: Scale = "probability",
    counts: Sequence[int] | Grid = "fine",
    seed: int = 0,
) -> dict[str, list[Curves]]:
    """Perturbation curves of every explanation of one case.

    Units are ordered by descending score (signed scores keep their sign: evidence against goes last); equal scores are ordered
    by a permutation drawn from `seed`, the case's id and the target's name. Neither another explanation nor another target
    changes a curve.

    Args:
        batch: exactly one case.
        units: what is removed whole (words, regions of an image). Units that the model never read take no part, see
            :class:`~pellucid.metrics.grid.Removal`.
        explanations: scores over `units` by method, one row a target.
        filler: what takes the place of removed units.
        scale: "probability" is the sigmoid of the target, taken in float64; "logit" the target itself.
        counts: how many units go at each step; see :func:`~pellucid.metrics.grid.step_counts`.

    Returns:
        For each explanation one :class:`Curves` a target. A case without removable units gives curves of one point.

    Raises:
        PellucidError: scores or outputs are not finite, or a count is negative.
    """
    return sweep_with_cost(
        predictor, batch, targets, units, explanations, filler=filler, scale=scale, counts=counts, seed=seed
    )[0]


def sweep_with_cost(
    predictor: Predictor,
    batch: Batch,
    targets: Sequence[Target],
    units: AnyUnits,
    explanations: Mapping[str, Float[np.ndarray, "K U"]],
    *,
    filler: Filler,
    scale: Scale = "probability",
    counts: Sequence[int] | Grid = "fine",
    seed: int = 0,
) -> tuple[dict[str, list[Curves]], Cost]:
    """What :func:`sweep` gives, and what it cost."""
    outputs = Outputs(predictor, batch, targets, filler)
    removal = Removal(batch.units[0], units)
    steps = step_counts(len(removal.removable), counts)
    draws = [tie_break(len(units), seed, outputs.case, target.name) for target in targets]
    planned = {
        name: [
            outputs.ask(removal.along(removal.order(row, draw), steps))
            for row, draw in zip(rows_of(scores, name, outputs, units), draws, strict=True)
        ]
        for name, scores in explanations.items()
    }

    def curves(keys: list[bytes], target: int, scores: Float[np.ndarray, " U"]) -> Curves:
        removed, kept = on_scale(outputs.read(keys)[:, target], scale).reshape(2, -1)
        return Curves(steps, removed, kept, scale, filler, removal.tied(scores))

    result = {
        name: [curves(keys, target, explanations[name][target]) for target, keys in enumerate(rows)]
        for name, rows in planned.items()
    }
    return result, outputs.cost


def rows_of(scores: Float[np.ndarray, "K U"], name: str, outputs: Outputs, units: AnyUnits) -> Float[np.ndarray, "K U"]:
    """The scores of the explanation `name` in float64, once they are found to fit.

    Raises:
        PellucidError: a score is not finite.
    """
    expected = (len(outputs.targets), len(units))
    if np.shape(scores) != expected:
        raise ValueError(f"scores of {name!r} have shape {np.shape(scores)}, not one row a target and column a unit {expected}")
    values = np.asarray(scores, dtype=np.float64)
    if not np.isfinite(values).all():
        raise PellucidError(
            f"The explanation {name!r} of case {outputs.case} holds a score that is not a finite number, so it orders nothing; "
            "explain the case again."
        )
    return values


def on_scale(logits: Float[np.ndarray, "*N"], scale: Scale) -> Float[np.ndarray, "*N"]:
    """Outputs on the scale that a measurement is about, in float64.

    Raises:
        PellucidError: no such scale.
    """
    if scale not in ("probability", "logit"):
        raise PellucidError(f"There is no output scale named {scale!r}; use 'probability' or 'logit'.")
    return np.asarray(expit(logits) if scale == "probability" else logits, dtype=np.float64)


def _chunks(predictor: object) -> int | None:
    count = getattr(getattr(predictor, "cost", None), "chunks", None)
    return None if count is None else int(count)
