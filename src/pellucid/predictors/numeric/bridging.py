"""Removed samples of a signal that go on from the samples around them."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def bridged(samples: Float[Tensor, "L T"], keep: Bool[Tensor, "P L T"]) -> Float[Tensor, "P L T"]:
    """P versions of a signal in which the samples of a lead that are not kept lie on the line between those around them.

    Before the first kept sample of a lead, and behind the last, they are as that one is; of a lead of which nothing is kept
    they are 0 (the mean, where the signal is normalised).
    """
    last = keep.shape[-1]
    place = torch.arange(last, device=keep.device)
    before = torch.where(keep, place, -1).cummax(-1).values
    after = torch.where(keep, place, last).flip(-1).cummin(-1).values.flip(-1)
    left, right = torch.where(before < 0, after, before), torch.where(after == last, before, after)
    some = keep.any(-1, keepdim=True)
    left, right = (torch.where(some, side, 0) for side in (left, right))
    whole = samples.expand(len(keep), -1, -1)
    share = (place - left).to(whole) / (right - left).clamp(min=1)
    line = torch.lerp(whole.gather(-1, left), whole.gather(-1, right), share)
    return torch.where(some, torch.where(keep, whole, line), torch.zeros_like(line))
