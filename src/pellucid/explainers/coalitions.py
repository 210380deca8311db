"""Which units of a note stay and which go, drawn once for all labels, and what every label makes of it.

LIME and KernelSHAP both take units of text away in many combinations and fit a linear model to what is left of the logits. The
combinations depend on the case and the seed alone, so one perturbed version of a note serves every label: the cost in model
calls does not depend on how many labels are explained.

In the words of games: the units are *players*, a combination that stays is a *coalition*, and its *worth* to a label is the
logit of the note in which all other players are replaced by the filler. Regions of an image play the same games
(:mod:`pellucid.explainers.images.games`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int

from pellucid.case import Case
from pellucid.errors import DataError, PellucidError
from pellucid.explainers.spreading import Kind, members, spread
from pellucid.predictor import Batch, Filler, Predictor
from pellucid.randomness import stream
from pellucid.target import Target


@runtime_checkable
class Chunked(Protocol):
    """A predictor that reads stretches of a note (chunks, windows) independently of each other, and no stretch twice.

    Coalitions are then drawn so that notes share their stretches (see :mod:`pellucid.explainers.recombining`).
    """

    def stretches(self, batch: Batch, case: int) -> Int[np.ndarray, " U"]:
        """The number of the stretch that each unit of a case stands in, ascending."""


@dataclass(frozen=True, eq=False)
class Players:
    """The units of one kind that hold at least one token of a note.

    Attributes:
        of_token: the player that holds each token; -1 for white space, which has no score.
        chunk: the chunk in which each player begins, counted from 0 without gaps; all 0 where the model does not say.
    """

    of_token: Int[np.ndarray, " U"]
    chunk: Int[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.chunk)

    def keep(self, coalitions: Bool[np.ndarray, "P n"]) -> Bool[np.ndarray, "P U"]:
        """The tokens that stay. White space goes with the player before it (or, at the start of a note, after it), so that
        nothing is left when no player is."""
        if not len(self):
            return np.ones((len(coalitions), len(self.of_token)), dtype=bool)
        last = np.maximum.accumulate(np.where(self.of_token >= 0, np.arange(len(self.of_token)), 0))
        return coalitions[:, self.of_token[last].clip(0)]

    def spread(self, scores: Float[np.ndarray, "K n"]) -> Float[np.ndarray, "K U"]:
        """Scores of players, shared evenly among their tokens."""
        return spread(scores, self.of_token)


@dataclass(frozen=True, eq=False)
class Coalitions:
    """Combinations of n players, and how much each counts in the fit.

    Attributes:
        present: who takes part in each.
        weights: positive.
    """

    present: Bool[np.ndarray, "P n"]
    weights: Float[np.ndarray, " P"]

    def __len__(self) -> int:
        return len(self.present)


@dataclass(frozen=True, eq=False)
class Game:
    """What every coalition is worth to each of K targets (logits; float64).

    Attributes:
        worth: of each coalition.
        everyone: the note itself.
        nobody: the note with every token replaced by the filler.
    """

    players: Players
    coalitions: Coalitions
    worth: Float[np.ndarray, "P K"]
    everyone: Float[np.ndarray, " K"]
    nobody: Float[np.ndarray, " K"]


Draw = Callable[[Players, np.random.Generator], Coalitions]


def players(predictor: Predictor, batch: Batch, case: int, kind: Kind) -> Players:
    """The units of a kind as players, in reading order. One without a token (beyond the model's limit) does not play."""
    group = members(batch.units[case], kind)
    inside = np.flatnonzero(group >= 0)
    _, first, index = np.unique(group[inside], return_index=True, return_inverse=True)
    of_token = np.full(len(group), -1, dtype=np.int64)
    of_token[inside] = index
    beginning = inside[first]
    chunk = predictor.stretches(batch, case)[beginning] if isinstance(predictor, Chunked) else np.zeros(len(first))
    return Players(of_token, np.unique(chunk, return_inverse=True)[1])


def play(
    predictor: Predictor, batch: Batch, targets: Sequence[Target], unit: Kind, filler: Filler, seed: int, draw: Draw
) -> list[Game]:
    """Score the coalitions of every case, for all targets together.

    Cost: one perturbed version a coalition, and two more (everyone and nobody).

    Raises:
        DataError: the model's output on some of them is not a finite number.
    """
    sides = [players(predictor, batch, i, unit) for i in range(len(batch))]
    drawn = [draw(side, stream(seed, case.id)) for side, case in zip(sides, batch.cases, strict=True)]
    keep = [_with_ends(side.keep(c.present)) for side, c in zip(sides, drawn, strict=True)]
    scores = predictor.perturbed_scores(batch, keep, filler, targets)
    return [game_of(*played) for played in zip(batch.cases, sides, drawn, scores, strict=True)]


def game_of(case: Case, side: Players, coalitions: Coalitions, worth: Float[np.ndarray, "P+2 K"]) -> Game:
    """The game in which everyone, nobody and then each coalition is worth that much.

    Raises:
        DataError: some of it is not a finite number, so that nothing can be fitted.
    """
    if not np.isfinite(worth).all():
        raise DataError(
            f"The model's output on a perturbed version of case {case.id} is not a finite number; check its weights, or choose "
            "another filler."
        )
    return Game(side, coalitions, worth[2:], worth[0], worth[1])


def budget(samples: int | None, count: int) -> int:
    """How many coalitions to draw for so many players: what was asked for, or eight a player, at least 128.

    A fit in n unknowns needs n coalitions to be determined (2 n for KernelSHAP, whose complements say the same twice) and is at
    its worst just there: a fit that is barely determined follows every accident. Four a player are a beginning.
    """
    return max(8 * count, 128) if samples is None else samples


def check_samples(samples: int | None) -> None:
    """Refuse a number of samples that no line can be fitted to.

    Raises:
        PellucidError: fewer than two.
    """
    if samples is not None and samples < 2:
        raise PellucidError(f"The number of samples is {samples}; give at least 2, or leave it out.")


def _with_ends(keep: Bool[np.ndarray, "P U"]) -> Bool[np.ndarray, "P+2 U"]:
    width = keep.shape[1]
    return np.concatenate([np.ones((1, width), dtype=bool), np.zeros((1, width), dtype=bool), keep])
