"""LIME for text: a local linear model over words, sentences or sections, from one set of perturbed notes for all labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from pellucid.attribution import Attribution
from pellucid.errors import PellucidError
from pellucid.explainers.base import Facts, attribute
from pellucid.explainers.coalitions import Coalitions, Game, Players, budget, check_samples, play
from pellucid.explainers.least_squares import fit
from pellucid.explainers.recombining import bank_size, recombined
from pellucid.explainers.spreading import Kind
from pellucid.predictor import Batch, Filler, Predictor
from pellucid.registry import explainers
from pellucid.target import Target


@explainers.register("lime_section", unit="section")
@explainers.register("lime_sentence", unit="sentence")
@explainers.register("lime_word", unit="word")
@dataclass(frozen=True)
class Lime(Facts):
    """Slopes of a ridge regression of the logit on the presence of each unit, weighted by nearness to the note.

    As the authors' text code has it: the first sample is the note itself; for every other, a number between one and all is
    drawn evenly, and so many units go. A sample that keeps a share p of the units lies at distance d = 1 - sqrt(p) (the cosine
    distance between presences) and weighs sqrt(exp(-d^2 / width^2)). The intercept is not penalised and is no part of the
    explanation. Unlike there, a unit is one place in the note, not all occurrences of a word; no feature is left out by
    selection; and the model is asked for logits.

    A unit's slope is shared evenly among its tokens.

    Cost: `samples` + 1 perturbed versions, for all targets together. Where a model reads chunks independently, versions share
    them (:mod:`pellucid.explainers.recombining`), and about eight chunks a word are encoded by default. Elsewhere a version
    costs a forward pass: explain sentences or sections, or ask for fewer samples.

    Facts: `fit`, the weighted R^2 of the local model, at most 1 (1 where the logit never changes); `samples`.

    Args:
        unit: "token", "word", "sentence" or "section".
        samples: notes that are scored, the note itself included; None for eight a unit, at least 128.
        width: of the kernel.
        ridge: penalty on the squared slopes.
        filler: "mask" or "delete".
        seed: of the samples, which depend on it, on the case's id and on how the model cuts the note, never on the targets.

    Raises:
        PellucidError: fewer than two samples, or a width or penalty that is not positive.
    """

    unit: Kind = "word"
    samples: int | None = None
    width: float = 0.25
    ridge: float = 1.0
    filler: Filler = "mask"
    seed: int = 0
    signed = True
    stochastic = True
    cites = "Ribeiro et al. 2016"

    def __post_init__(self) -> None:
        check_samples(self.samples)
        check_fit(self.width, self.ridge)

    @property
    def name(self) -> str:
        return f"lime_{self.unit}"

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        def draw(players: Players, rng: np.random.Generator) -> Coalitions:
            return neighbours(players, budget(self.samples, len(players)), self.width, rng)

        results = []
        for i, game in enumerate(play(predictor, batch, targets, self.unit, self.filler, self.seed, draw)):
            slopes, agreement = local_model(game, self.ridge)
            facts = {"fit": agreement, "samples": np.full(len(targets), float(len(game.coalitions)))}
            results.append(attribute(self, predictor, batch, i, targets, game.players.spread(slopes), facts))
        return results


def check_fit(width: float, ridge: float) -> None:
    """Refuse a kernel or a penalty that no line can be fitted with.

    Raises:
        PellucidError: one of them is not positive.
    """
    for field, value in (("width", width), ("ridge", ridge)):
        if not value > 0:
            raise PellucidError(f"The {field} of LIME is {value}; it must be positive.")


def neighbours(players: Players, samples: int, width: float, rng: np.random.Generator) -> Coalitions:
    """The note itself, and versions of it that lack a random number of units, weighted by nearness."""
    count, bank = len(players), bank_size(samples - 1, players)
    gone = rng.integers(1, max(1, count), bank, endpoint=True)
    others = recombined(rng.permuted(np.arange(count) >= gone[:, None], axis=1), players, samples - 1, rng)
    present = np.concatenate([np.ones((1, count), dtype=bool), others])
    distance = 1 - np.sqrt(present.sum(1) / max(1, count))
    return Coalitions(present, np.sqrt(np.exp(-((distance / width) ** 2))))


def local_model(game: Game, ridge: float) -> tuple[Float[np.ndarray, "K n"], Float[np.ndarray, " K"]]:
    """Slopes of the weighted ridge regression for all targets at once, and its weighted R^2."""
    present, weights = game.coalitions.present, game.coalitions.weights
    share = weights / weights.sum()
    centre, values = share @ present, game.worth - share @ game.worth
    slopes = fit(present, centre, weights, values, ridge)
    missed = values - (present @ slopes - centre @ slopes)
    unexplained, varies = share @ missed**2, np.ptp(game.worth, axis=0) > 0
    return slopes.T, 1 - np.divide(unexplained, share @ values**2, out=np.zeros_like(unexplained), where=varies)
