"""FastSHAP (Jethani et al. 2022): a network learns Shapley values from the scores of random coalitions of patches."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from pellucid.training.masks.step import MaskStep, Outcome, mixed
from pellucid.units import PixelUnits, patches


def shapley(step: MaskStep) -> Outcome:
    """Mean square of `v(s) - v(0) - sum of the values in s` over coalitions s, drawn by the Shapley kernel, and over labels.

    v is a logit of the judge on the image with the patches outside s in the mean colour. Every coalition serves all labels.
    Logits are used, as everywhere here; the released code explains probabilities.
    """
    count, cells = len(step.pixels), step.masker.cells
    players = int(torch.tensor(cells).prod())
    pairs = -(-step.recipe.samples // 2)
    drawn = coalitions(count * pairs, players, step.generator).view(count, 2 * pairs, players)
    with torch.no_grad():
        full, empty = step.judged.float(), step.judge.logits(torch.zeros_like(step.pixels[:1])).float()
        found = _scores(step, drawn.to(step.pixels.device))
    raw = step.masker.values(step.seen[1]).float().flatten(2)
    values = efficient(raw, full - empty)
    told = torch.einsum("bsp,bcp->bsc", drawn.to(values), values)
    return Outcome(((found - empty - told) ** 2).mean(), None)


def efficient(values: Float[Tensor, "B C P"], change: Float[Tensor, "B C"]) -> Float[Tensor, "B C P"]:
    """The values, all shifted by the same, so that they sum to the change (additive efficient normalisation)."""
    return values + ((change - values.sum(2)) / values.shape[2])[..., None]


def coalitions(pairs: int, players: int, generator: torch.Generator | None = None) -> Bool[Tensor, "N P"]:
    """Twice as many coalitions as pairs, each followed by its complement; sizes k are drawn by `1 / (k (P - k))`."""
    sizes = torch.arange(1, players, dtype=torch.float64)
    drawn = torch.multinomial(1 / (sizes * (players - sizes)), pairs, replacement=True, generator=generator) + 1
    ranks = torch.rand((pairs, players), generator=generator).argsort(1).argsort(1)
    chosen = ranks < drawn[:, None]
    return torch.stack([chosen, ~chosen], 1).flatten(0, 1)


def _scores(step: MaskStep, drawn: Bool[Tensor, "B S P"]) -> Float[Tensor, "B S C"]:
    index = torch.from_numpy(patches(PixelUnits.of(step.masker.size), step.recipe.grid).index).to(drawn.device)
    keep = drawn[:, :, index].to(step.pixels).flatten(0, 1)[:, None]
    pixels = step.pixels.repeat_interleave(drawn.shape[1], 0)
    scores = step.judge.run(mixed(pixels, torch.zeros_like(pixels), keep))
    return scores.float().view(*drawn.shape[:2], -1)
