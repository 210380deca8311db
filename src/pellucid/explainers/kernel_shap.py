"""KernelSHAP: Shapley values of words, sentences or sections, from one set of coalitions for all labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from jaxtyping import Bool, Float, Int

from pellucid.attribution import Attribution
from pellucid.explainers.base import Facts, attribute
from pellucid.explainers.coalitions import Coalitions, Game, Players, budget, check_samples, play
from pellucid.explainers.least_squares import fit
from pellucid.explainers.recombining import bank_size, recombined
from pellucid.explainers.spreading import Kind
from pellucid.predictor import Batch, Filler, Predictor
from pellucid.registry import explainers
from pellucid.target import Target


@explainers.register("kernel_shap_section", unit="section")
@explainers.register("kernel_shap_sentence", unit="sentence")
@explainers.register("kernel_shap_word", unit="word")
@dataclass(frozen=True)
class KernelShap(Facts):
    """What each unit adds to the logit, averaged over all orders in which the units could be put into an empty note.

    The Shapley value is the solution of a weighted least squares fit of the logits of coalitions by a sum over their members,
    among the fits that give f(x) to everyone and f(x') to nobody. Both ends are imposed exactly: scores add up to f(x) - f(x')
    but for rounding (the fact `completeness_gap`), where x' is the note with every token replaced by the filler. Where all
    2^n - 2 other coalitions fit into `samples`, they are enumerated and the values are exact. Else coalitions of as many sizes
    as the samples suffice for are enumerated, and the others drawn, each with its complement: then too the values are exact
    as far as effects are of single units or of pairs. Where there are too few coalitions to tell the units apart, the fit of
    least norm is taken: what is not known is shared evenly.

    A unit's value is shared evenly among its tokens.

    Cost: `samples` + 2 perturbed versions, for all targets together. Where a model reads chunks independently, versions share
    them (:mod:`pellucid.explainers.recombining`), and about eight chunks a word are encoded by default. Elsewhere a version
    costs a forward pass: explain sentences or sections, or ask for fewer samples.

    Facts: `completeness_gap`; `samples`, the coalitions scored.

    Args:
        unit: "token", "word", "sentence" or "section".
        samples: coalitions at most; None for eight a unit, at least 128. Between one and three a unit are worse than fewer.
        filler: "mask" or "delete".
        seed: of the coalitions, which depend on it, on the case's id and on how the model cuts the note, never on the targets.

    Raises:
        PellucidError: fewer than two samples.
    """

    unit: Kind = "word"
    samples: int | None = None
    filler: Filler = "mask"
    seed: int = 0
    signed = True
    stochastic = True
    cites = "Lundberg and Lee 2017, theorem 2; Covert and Lee 2021 (paired coalitions)"

    def __post_init__(self) -> None:
        check_samples(self.samples)

    @property
    def name(self) -> str:
        return f"kernel_shap_{self.unit}"

    @property
    def complete(self) -> bool:  # type: ignore[override]
        return self.filler == "mask"  # the reference of the contract is the masked note, not the empty one

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        def draw(players: Players, rng: np.random.Generator) -> Coalitions:
            return shapley_coalitions(players, budget(self.samples, len(players)), rng)

        results = []
        for i, game in enumerate(play(predictor, batch, targets, self.unit, self.filler, self.seed, draw)):
            values = shapley_values(game)
            facts = {
                "completeness_gap": game.everyone - game.nobody - values.sum(1),
                "samples": np.full(len(targets), float(len(game.coalitions))),
            }
            results.append(attribute(self, predictor, batch, i, targets, game.players.spread(values), facts))
        return results


def shapley_coalitions(players: Players, samples: int, rng: np.random.Generator) -> Coalitions:
    """Coalitions of the players other than everyone and nobody, weighted by the Shapley kernel; at most `samples` of them.

    The kernel gives sizes s and n - s together a share proportional to 1 / (s (n - s)). From the outermost sizes inwards, a
    size whose coalitions are no more than its share of the samples is enumerated; the samples that remain are drawn from the
    other sizes, members at random, each coalition together with its complement.
    """
    count = len(players)
    sizes = np.arange(1, count // 2 + 1)
    share = np.where(2 * sizes == count, 1.0, 2.0) / (sizes * (count - sizes))
    share /= share.sum() if len(sizes) else 1.0
    whole = _enumerable(count, sizes, share, samples)
    present = [_all_of_size(count, size) for size in sizes[:whole].tolist()]
    weights = [np.full(len(block), mass / len(block)) for block, mass in zip(present, share[:whole], strict=True)]
    if whole < len(sizes):
        pairs = max(1, (samples - sum(map(len, present))) // 2)
        present.append(_pairs(players, sizes[whole:], share[whole:], pairs, rng))
        weights.append(np.full(2 * pairs, share[whole:].sum() / (2 * pairs)))
    return Coalitions(np.concatenate([np.zeros((0, count), dtype=bool), *present]), np.concatenate([np.zeros(0), *weights]))


def shapley_values(game: Game) -> Float[np.ndarray, "K n"]:
    """The weighted least squares fit, for all targets at once, with the sum of values held at f(x) - f(x')."""
    total, count = game.everyone - game.nobody, len(game.players)
    if count < 2:
        return np.repeat(total[:, None], count, axis=1)
    # Values are an even share of the total plus deviations that sum to zero. For these only the deviation of a row from its own
    # mean matters, and the solution of least norm sums to zero by itself: it lies in the space of such rows.
    portion = game.coalitions.present.mean(1, keepdims=True)
    unexplained = game.worth - game.nobody - portion * total
    deviations = fit(game.coalitions.present, portion, game.coalitions.weights, unexplained)
    return np.asarray((total / count + deviations).T)


def _enumerable(count: int, sizes: Int[np.ndarray, " S"], share: Float[np.ndarray, " S"], samples: int) -> int:
    """How many of the outermost sizes have no more coalitions than their share of the samples left by the sizes before."""
    left = samples
    for i, size in enumerate(sizes.tolist()):
        number = comb(count, size) * (1 if 2 * size == count else 2)
        if number > left * share[i] / share[i:].sum() * (1 + 1e-9):
            return i
        left -= number
    return len(sizes)


def _all_of_size(count: int, size: int) -> Bool[np.ndarray, "M n"]:
    """Every coalition of that size, and every complement of one."""
    chosen = np.array(list(combinations(range(count), size)))
    present = np.zeros((len(chosen), count), dtype=bool)
    np.put_along_axis(present, chosen, True, 1)
    return present if 2 * size == count else np.concatenate([present, ~present])


def _pairs(
    players: Players, sizes: Int[np.ndarray, " S"], share: Float[np.ndarray, " S"], pairs: int, rng: np.random.Generator
) -> Bool[np.ndarray, "2*pairs n"]:
    """Random coalitions, each with its complement. Sizes get their shares as evenly as whole numbers allow."""
    bank = bank_size(pairs, players)
    edges = np.cumsum(share) / share.sum()
    size = sizes[np.searchsorted(edges[:-1], (np.arange(bank) + rng.random()) / bank, side="right")]
    drawn = recombined(rng.permuted(np.arange(len(players)) < size[:, None], axis=1), players, pairs, rng)
    return np.concatenate([drawn, ~drawn])
