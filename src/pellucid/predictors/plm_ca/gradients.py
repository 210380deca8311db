"""Gradients of many labels with respect to the embeddings of a long note, without sending everything back.

The decoder's share is in closed form (:mod:`.calculus`). What remains is one vector-Jacobian product through the encoder for
each pair of a target and a chunk; pairs whose bound shows that they cannot matter are left out, the others travel in packs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, cast

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from pellucid.predictor import GradientPiece
from pellucid.predictors.plm_ca import calculus
from pellucid.predictors.plm_ca.chunks import Note
from pellucid.predictors.plm_ca.encoder import encode, real_tokens
from pellucid.target import Target, resolve

if TYPE_CHECKING:
    from pellucid.predictors.plm_ca.model import PlmCa


def pieces(
    model: PlmCa,
    note: Note,
    case: int,
    features: Float[Tensor, "L d"],
    hidden: Float[Tensor, "N C d"],
    targets: Sequence[Target],
    weights: Float[Tensor, "K L"] | None,
) -> Iterator[GradientPiece]:
    """Gradients of one note, a pack of (target, chunk) pairs at a time."""
    resolved = resolve(targets, model.labels)
    outputs = torch.tensor(resolved.outputs, device=model.device)
    mixture = resolved.weights.to(hidden)
    lengths = torch.from_numpy(note.lengths).to(model.device)
    reading = calculus.read(
        model.module.decoder, hidden.flatten(0, 1), real_tokens(lengths, note.ids.shape[1]).flatten(), outputs
    )
    bound = mixture.abs() @ reading.bound
    if weights is not None:
        bound = bound * weights[:, : bound.shape[1]].abs()
    chosen, chunks = significant(bound.unflatten(1, note.ids.shape), model.tolerance).nonzero(as_tuple=True)
    by_chunk = torch.argsort(chunks, stable=True)
    ids, embedded = torch.from_numpy(note.ids).to(model.device), features[: note.rows].unflatten(0, note.ids.shape)
    for pack in by_chunk.split(model.chunks_at_once):
        k, n = chosen[pack], chunks[pack]
        seed = _seed(model, reading, hidden, k, n, outputs, mixture)
        at = embedded[n].detach().requires_grad_()
        with torch.enable_grad():
            out = encode(model.module.encoder, ids[n], lengths[n], at)
        model.cost.chunk_gradients += len(n)
        (gradient,) = torch.autograd.grad(out, at, seed)
        yield GradientPiece(case, k, n * note.ids.shape[1], gradient)


def significant(bound: Float[Tensor, "K N C"], tolerance: float) -> Bool[Tensor, "K N"]:
    """Pairs whose bound is more than `tolerance` of the target's largest; a target without any bound keeps none."""
    norm = bound.double().norm(dim=-1)
    return cast(Tensor, norm > tolerance * norm.amax(-1, keepdim=True))


@torch.no_grad()
def _seed(
    model: PlmCa, reading: calculus.Reading, hidden: Tensor, k: Tensor, n: Tensor, outputs: Tensor, mixture: Tensor
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
