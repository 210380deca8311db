"""What each chunk contributes to each label, and how contributions add up.

Chunks meet only in the softmax attention of the labels, and a softmax average is a ratio of sums over chunks. So a chunk is
known, for the purpose of logits, by three things a label: the peak of its attention scores, the sum of `exp(score - peak)`,
and the sum of `exp(score - peak) * value`. Replacing chunks of a note means adding up another set of these, exactly; nothing
else is encoded again. Sums run in float64 and only ever add, so that no digits cancel.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from pellucid.predictors.plm_ca.decoders import Decoder


@dataclass(frozen=True, eq=False)
class Partials:
    """Contributions of M chunks to T labels.

    Attributes:
        peak: greatest attention score; -inf for an empty chunk.
        mass: sum of exp(score - peak).
        total: sum of exp(score - peak) times the value vector.
    """

    peak: Float[Tensor, "M T"]
    mass: Float[Tensor, "M T"]
    total: Float[Tensor, "M T v"]

    def __len__(self) -> int:
        return len(self.peak)

    def __getitem__(self, rows: Tensor | slice) -> Partials:
        return Partials(self.peak[rows], self.mass[rows], self.total[rows])


def partials(
    decoder: Decoder, hidden: Float[Tensor, "M C d"], real: Bool[Tensor, "M C"], outputs: Int[Tensor, " T"]
) -> Partials:
    """Contributions of encoded chunks."""
    scores = decoder.attention_scores(hidden, outputs).masked_fill(~real[:, None, :], -torch.inf)
    peak = scores.amax(-1)
    weight = torch.exp(scores - peak.where(peak.isfinite(), 0.0)[..., None])
    return Partials(peak, weight.sum(-1), weight @ decoder.values(hidden))


def concatenate(*parts: Partials) -> Partials:
    """Contributions of all chunks of several tables."""
    return Partials(*(torch.cat([getattr(p, name) for p in parts]) for name in ("peak", "mass", "total")))


def merge(parts: Partials, rows: Int[Tensor, "P R"]) -> Partials:
    """Add up: row p of the result stands for the chunks `rows[p]` together; -1 stands for no chunk. Float64."""
    present = rows >= 0
    index = rows.clamp_min(0)
    peak = parts.peak[index].double().masked_fill(~present[..., None], -torch.inf)  # P R T
    top = peak.amax(1)
    weight = torch.exp(peak - top.where(top.isfinite(), 0.0)[:, None])
    mass = (weight * parts.mass[index].double()).sum(1)
    # One label at a time: the gathered values of all labels at once would be the largest array of the library.
    columns = [
        torch.einsum("pr,prv->pv", weight[:, :, t], parts.total[:, t][index].double()) for t in range(parts.peak.shape[1])
    ]
    return Partials(top, mass, torch.stack(columns, 1))


def without_each(parts: Partials) -> Partials:
    """For each of N chunks, the sum of all the others, from running sums before and after it."""
    count = len(parts)
    empty = torch.full((1, 2), -1, device=parts.peak.device)
    before, after = [merge(parts[:1], empty)], [merge(parts[:1], empty)]
    pair = torch.tensor([[0, 1]], device=parts.peak.device)
    for n in range(count - 1):
        before.append(merge(concatenate(before[-1], _double(parts[n : n + 1])), pair))
        after.append(merge(concatenate(after[-1], _double(parts[count - 1 - n : count - n])), pair))
    both = concatenate(*before, *reversed(after))
    index = torch.arange(count, device=parts.peak.device)
    return merge(both, torch.stack([index, index + count], 1))


def logits(decoder: Decoder, parts: Partials, outputs: Int[Tensor, " T"]) -> Float[Tensor, "M T"]:
    """Logits of notes from their contributions; a note of nothing pools to zero, as in the decoder itself. Float64."""
    mass = parts.mass[..., None]
    pooled = (parts.total / mass.where(mass > 0, 1.0)).to(next(decoder.parameters()).dtype)
    return decoder.head(pooled, outputs).double()


def _double(parts: Partials) -> Partials:
    return Partials(parts.peak.double(), parts.mass.double(), parts.total.double())
