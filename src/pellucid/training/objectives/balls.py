"""Balls: small shifts of a text's features, their start, the steepest way up, and the way back in.

`limit` is the radius at every row, 0 on padding; a shift is within the ball of limit 0 only if it is 0.
"""

from __future__ import annotations

import math
from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

_TINY = torch.finfo(torch.float32).tiny


class Ball(Protocol):
    """A kind of ball. Shifts are in float32."""

    def start(self, limit: Float[Tensor, "M R 1"], width: int) -> Float[Tensor, "M R d"]:
        """A point drawn uniformly, from PyTorch's global generator."""

    def climb(self, gradient: Float[Tensor, "M R d"]) -> Float[Tensor, "M R d"]:
        """The direction of steepest ascent, as long as a ball of limit 1 allows; 0 in rows without gradient."""

    def project(self, shift: Float[Tensor, "M R d"], limit: Float[Tensor, "M R 1"]) -> Float[Tensor, "M R d"]:
        """The nearest point of the ball."""


class Cube:
    """Every value of a shift is at most the limit."""

    def start(self, limit: Float[Tensor, "M R 1"], width: int) -> Float[Tensor, "M R d"]:
        return (2 * torch.rand(*limit.shape[:2], width, device=limit.device) - 1) * limit

    def climb(self, gradient: Float[Tensor, "M R d"]) -> Float[Tensor, "M R d"]:
        return gradient.sign()

    def project(self, shift: Float[Tensor, "M R d"], limit: Float[Tensor, "M R 1"]) -> Float[Tensor, "M R d"]:
        return shift.clamp(-limit, limit)


class Sphere:
    """The root mean square of a token's shift is at most the limit, so that the corners of the :class:`Cube` touch it."""

    def start(self, limit: Float[Tensor, "M R 1"], width: int) -> Float[Tensor, "M R d"]:
        depth = torch.rand(limit.shape, device=limit.device) ** (1 / width)
        return self.climb(torch.randn(*limit.shape[:2], width, device=limit.device)) * depth * limit

    def climb(self, gradient: Float[Tensor, "M R d"]) -> Float[Tensor, "M R d"]:
        largest = gradient.abs().amax(-1, keepdim=True)  # squares of the small gradients of sure models would be 0
        direction: Tensor = normalize(gradient / largest.clamp(min=_TINY), dim=-1, eps=_TINY)
        return direction * math.sqrt(gradient.shape[-1])

    def project(self, shift: Float[Tensor, "M R d"], limit: Float[Tensor, "M R 1"]) -> Float[Tensor, "M R d"]:
        size = shift.square().mean(-1, keepdim=True).sqrt()
        return shift * (limit / size.clamp(min=_TINY)).clamp(max=1)


BALLS: dict[str, Ball] = {"linf": Cube(), "l2": Sphere()}
