"""Gradients of many labels with respect to the embeddings of a long note, without sending everything back.

The decoder's share is in closed form (:mod:`.calculus`). What remains is one vector-Jacobian product through the encoder for
each pair of a target and a chunk; pairs whose bound shows that they cannot matter are left out. The others share the forward
pass of their chunk: chunks are encoded in packs, and each round sends one target a chunk back through the whole pack.

By which rules gradients are sent back is a value (:class:`Rules`): those of calculus, or those of GIM.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from pellucid.predictor import GradientPiece
from pellucid.predictors.explicit import gim
from pellucid.predictors.plm_ca import calculus
from pellucid.predictors.plm_ca.chunks import Note
from pellucid.predictors.plm_ca.decoders import Decoder
from pellucid.predictors.plm_ca.encoder import encode, real_tokens
from pellucid.target import Target, resolve

if TYPE_CHECKING:
    from pellucid.predictors.plm_ca.model import PlmCa

PACKS = 2
"""Packs that take the place of one: a round costs its whole pack, so small packs waste less where targets want few chunks."""


@dataclass(frozen=True)
class Rules:
    """How gradients are sent back.

    Attributes:
        decoder: what hidden states receive, in closed form.
        encoder: a context in which the encoder leaves the graph that gradients go back through.
    """

    decoder: Callable[[Decoder, Tensor, Tensor, Tensor], calculus.Backward]
    encoder: Callable[[nn.Module], AbstractContextManager[None]]


PLAIN = Rules(calculus.read, lambda _: nullcontext())


def gim_rules(temperature: float) -> Rules:
    """Those of GIM (Edin et al. 2025), in the decoder as in the encoder."""
    return Rules(partial(calculus.read_gim, temperature=temperature), partial(gim, temperature=temperature))


def pieces(
    model: PlmCa,
    note: Note,
    case: int,
    features: Float[Tensor, "L d"],
    hidden: Float[Tensor, "N C d"],
    targets: Sequence[Target],
    weights: Float[Tensor, "K L"] | None = None,
    rules: Rules = PLAIN,
) -> Iterator[GradientPiece]:
    """Gradients of one note, at most one target a chunk at a time."""
    resolved = resolve(targets, model.labels)
    outputs = torch.tensor(resolved.outputs, device=model.device)
    mixture = resolved.weights.to(hidden)
    lengths = torch.from_numpy(note.lengths).to(model.device)
    reading = rules.decoder(
        model.module.decoder, hidden.flatten(0, 1), real_tokens(lengths, note.ids.shape[1]).flatten(), outputs
    )
    bound = (mixture.abs() @ reading.bound).unflatten(1, note.ids.shape)
    # What leaves a token spreads over its whole chunk, so a chunk's gradient counts with the chunk's largest weight.
    weight = None if weights is None else weights[:, : note.rows].abs().unflatten(1, note.ids.shape).amax(-1)
    wanted = significant(bound, weight, model.tolerance)
    ids, embedded = torch.from_numpy(note.ids).to(model.device), features[: note.rows].unflatten(0, note.ids.shape)
    for pack in _packs(wanted, max(1, model.chunks_at_once // PACKS)):
        at = embedded[pack].detach().requires_grad_()
        with torch.enable_grad(), rules.encoder(model.module.encoder):
            out = encode(model.module.encoder, ids[pack], lengths[pack], at)
        for k, place in _rounds(wanted[:, pack]):
            seed = torch.zeros_like(out)
            seed[place] = _seed(model, reading, hidden, k, pack[place], outputs, mixture)
            (gradient,) = torch.autograd.grad(out, at, seed, retain_graph=True)
            model.cost.chunk_gradients += len(k)
            yield GradientPiece(case, k, pack[place] * note.ids.shape[1], gradient[place])


def _packs(wanted: Bool[Tensor, "K N"], size: int) -> Iterator[Int[Tensor, " M"]]:
    """Chunks to encode together; those that many targets want stand together, so that few rounds run half empty."""
    count = wanted.sum(0)
    order = torch.argsort(count, descending=True, stable=True)[: int((count > 0).sum())]
    for start in range(0, len(order), size):
        yield order[start : start + size]


def _rounds(wanted: Bool[Tensor, "K M"]) -> Iterator[tuple[Int[Tensor, " R"], Int[Tensor, " R"]]]:
    """Pairs of a target and a place in the pack, each place at most once a round, until all are served."""
    rank = wanted.cumsum(0)
    for number in range(1, int(rank[-1].max()) + 1):
        k, place = (wanted & (rank == number)).nonzero(as_tuple=True)
        yield k, place


def significant(bound: Float[Tensor, "K N C"], weight: Float[Tensor, "K N"] | None, tolerance: float) -> Bool[Tensor, "K N"]:
    """Pairs whose (weighted) bound is more than `tolerance` of the target's largest; a target without any keeps none."""
    norm = bound.double().norm(dim=-1)
    norm = norm if weight is None else norm * weight
    return cast(Tensor, norm > tolerance * norm.amax(-1, keepdim=True))


@torch.no_grad()
def _seed(
    model: PlmCa, reading: calculus.Backward, hidden: Tensor, k: Tensor, n: Tensor, outputs: Tensor, mixture: Tensor
) -> Float[Tensor, "M C d"]:
    """d target / d hidden state of each pair: the targets' mixtures of their labels' closed forms."""
    seed = torch.zeros(len(k), *hidden.shape[1:], dtype=hidden.dtype, device=hidden.device)
    for label in range(len(outputs)):
        used = (mixture[k, label] != 0).nonzero()[:, 0]
        if len(used):
            one = torch.full_like(used, label)
            seed[used] += mixture[k[used], label, None, None] * calculus.upstream(
                model.module.decoder, reading, hidden, one, n[used], outputs
            )
    return seed
