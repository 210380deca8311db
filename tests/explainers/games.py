"""Models that are games: the logit of a text is any function of which of its words are there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import permutations

import numpy as np

from pellucid.case import Case
from pellucid.predictor import Batch
from pellucid.target import Target
from pellucid.units import words

Worth = Callable[[np.ndarray], np.ndarray]
"""Presence of each word (P x n) to logits (P)."""


class GameModel:
    """Labels are games "0", "1" ...; tokens are words. With `chunk`, every so many words count as read independently."""

    threshold = 0.5
    fingerprint = "game"

    def __init__(self, games: Sequence[Worth], chunk: int | None = None) -> None:
        self.games = games
        self.labels = tuple(str(i) for i in range(len(games)))
        self.asked: list[np.ndarray] = []
        if chunk is not None:
            self.stretches = lambda batch, case: batch.rows[case] // chunk

    def encode(self, cases: Sequence[Case]) -> Batch:
        units = tuple(words(c.text) for c in cases)
        return Batch(tuple(cases), units, tuple(np.arange(len(u)) for u in units), None)

    def perturbed_scores(self, batch, keep, filler, targets):
        self.asked += keep
        return [np.stack([self.games[int(t.name)](k) for t in targets], 1) for k in keep]


def text(count: int, id: str = "game") -> Case:
    """A case of so many words."""
    return Case(id, id, {"text": " ".join(f"w{i}" for i in range(count))}, frozenset())


def table(count: int, seed: int) -> Worth:
    """An arbitrary game: a random worth for each of the 2^n coalitions."""
    worth = np.random.default_rng(seed).normal(size=2**count)
    return lambda present: worth[present @ (1 << np.arange(count))]


def teams(count: int, seed: int, size: int) -> tuple[Worth, np.ndarray]:
    """A game of single players and of random teams that achieve something together, and its Shapley values: members share."""
    rng = np.random.default_rng(seed)
    own, effect = rng.normal(size=count), rng.normal(size=3 * count)
    members = rng.permuted(np.tile(np.arange(count), (3 * count, 1)), axis=1)[:, :size]
    values = own.copy()
    np.add.at(values, members, effect[:, None] / size)
    return lambda present: present @ own + present[:, members].all(2) @ effect, values


def by_permutations(game: Worth, count: int) -> np.ndarray:
    """Shapley values by their definition: what a player adds on joining, averaged over all orders."""
    values, orders = np.zeros(count), list(permutations(range(count)))
    for order in orders:
        present = np.zeros((count + 1, count), dtype=bool)
        for step, player in enumerate(order):
            present[step + 1 :, player] = True
        values[list(order)] += np.diff(game(present))
    return values / len(orders)


def explain(explainer, model: GameModel, count: int) -> np.ndarray:
    """Scores of all labels on a text of so many words."""
    targets = [Target.label(label) for label in model.labels]
    return explainer(model, model.encode([text(count)]), targets)[0].scores
