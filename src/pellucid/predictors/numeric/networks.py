"""Networks for rows and signals that can be made anew from a name, so that a saved model holds weights and no code.

Behind a name, "_smooth" has SiLU in place of ReLU: a network without kinks, whose second derivatives say something.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from itertools import pairwise
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pellucid.errors import PellucidError
from pellucid.predictors.residual import WIDTHS, Residual

HIDDEN: dict[str, tuple[int, ...]] = {"tiny": (32,), "small": (64, 64)}
"""Hidden layers of the networks for rows."""

RECURRENT: dict[str, int] = {"gru": 32}
"""States of the recurrent networks for signals."""

_SMOOTH = "_smooth"
_KERNEL = 9  # samples: a wave of an electrocardiogram is wider than an edge of an image


def of_rows(name: str, features: int, labels: int) -> nn.Module:
    """A multilayer perceptron.

    Raises:
        PellucidError: there is no such network.
    """
    base, activation = _parsed(name, HIDDEN)
    widths = (features, *HIDDEN[base])
    hidden = [part for a, b in pairwise(widths) for part in (nn.Linear(a, b), activation())]
    return nn.Sequential(*hidden, nn.Linear(widths[-1], labels))


def of_signals(name: str, leads: int, labels: int) -> nn.Module:
    """A residual network of convolutions over time, or a recurrent one.

    Raises:
        PellucidError: there is no such network.
    """
    base, activation = _parsed(name, [*WIDTHS, *RECURRENT])
    if base in RECURRENT:
        return Recurrent(leads, RECURRENT[base], labels, activation)
    return Residual(leads, WIDTHS[base], labels, axes=1, kernel=_KERNEL, activation=activation)


class Recurrent(nn.Module):
    """Gated recurrent units over time, both ways (Cho et al. 2014), behind two convolutions that leave a step of 16."""

    def __init__(self, leads: int, width: int, labels: int, activation: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv1d(leads, width, _KERNEL, 4, _KERNEL // 2),
            activation(),
            nn.Conv1d(width, width, _KERNEL, 4, _KERNEL // 2),
            activation(),
        )
        self.gru = nn.GRU(width, width, batch_first=True, bidirectional=True)
        self.head = nn.Linear(2 * width, labels)

    def forward(self, samples: Float[Tensor, "B D T"]) -> Float[Tensor, "B C"]:
        steps = self.stem(samples).transpose(1, 2)
        with torch.backends.cudnn.flags(enabled=False):  # its kernels send nothing back in evaluation mode, and nothing twice
            states, _ = self.gru(steps)
        return cast(Tensor, self.head(states.mean(1)))


def _parsed(name: str, known: Collection[str]) -> tuple[str, Callable[[], nn.Module]]:
    """The network's name without what bends in it, and that."""
    base = name.removesuffix(_SMOOTH)
    if base not in known:
        raise PellucidError(f"There is no such network as {name!r}; use {', '.join(known)}, or one of them with {_SMOOTH!r}.")
    return base, nn.ReLU if base == name else nn.SiLU
