"""Bound propagation through auto_LiRPA, which knows more layers than this library; where it is installed."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.errors import CapabilityError, PellucidError, first_line
from pellucid.jacobians.certificates.base import Ball, Certificate, first_step, largest_radius
from pellucid.jacobians.function import Function


def by_auto_lirpa(function: Function, ball: Ball = "linf", method: str = "CROWN") -> list[Certificate]:
    """For each decision the largest radius, by bisection, at which the lower bound of auto_LiRPA stays above 0.

    Args:
        method: a method of auto_LiRPA ("IBP", "CROWN", "CROWN-IBP", "CROWN-Optimized").

    Raises:
        CapabilityError: auto_LiRPA is not installed.
        PellucidError: it does not know a layer of the network.
    """
    try:
        import auto_LiRPA
    except ImportError:
        raise CapabilityError(
            "auto_LiRPA is not installed; its releases on package indexes fit no recent PyTorch, so install it from its "
            "repository (github.com/Verified-Intelligence/auto_LiRPA)."
        ) from None
    try:
        bounded = auto_LiRPA.BoundedModule(_Network(function).eval(), function.at[None])
    except Exception as error:
        raise PellucidError(f"auto_LiRPA cannot bound this network ({first_line(error)}).") from error
    radii = [_radius(auto_LiRPA, bounded, function, k, ball, method) for k in range(len(function.outputs))]
    note = f"by auto_LiRPA {auto_LiRPA.__version__}, {method}, but for rounding"
    return [
        Certificate("auto_LiRPA", name, radius, ball, "sound", note)
        for name, radius in zip(function.outputs, radii, strict=True)
    ]


class _Network(nn.Module):
    """The function as a module."""

    def __init__(self, function: Function) -> None:
        super().__init__()
        self.function = function
        self.inner = function.module

    def forward(self, versions: Tensor) -> Tensor:
        return self.function(versions)


def _radius(library: Any, bounded: Any, function: Function, decision: int, ball: Ball, method: str) -> float:
    def stands(radius: float) -> bool:
        norm = 2 if ball == "l2" else math.inf
        ptb = library.PerturbationLpNorm(norm=norm, eps=radius)
        with torch.enable_grad():
            low, _ = bounded.compute_bounds(x=(library.BoundedTensor(function.at[None], ptb),), method=method)
        return float(low[0, decision].detach()) > 0

    return largest_radius(stands, first_step(function))
