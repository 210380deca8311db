"""Small networks whose kinks and second derivatives are known, in float64."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from pellucid.jacobians import Jacobian
from pellucid.jacobians.function import Function, of_callable, of_module


def drawn(seed: int, *shape: int) -> Tensor:
    """Normal numbers."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def filled(module: nn.Module, seed: int = 0) -> nn.Module:
    """In float64 and evaluation mode, with weights drawn from a generator of its own."""
    module = module.double().eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weights in module.parameters():
            scale = max(1, weights[0].numel()) ** -0.5
            weights.copy_(torch.randn(weights.shape, generator=generator, dtype=torch.float64) * scale)
        for name, running in module.named_buffers():
            if name.endswith("running_var"):
                running.copy_(0.5 + torch.rand(running.shape, generator=generator, dtype=torch.float64))
            elif name.endswith("running_mean"):
                running.copy_(0.1 * torch.randn(running.shape, generator=generator, dtype=torch.float64))
    return module


def dense(widths: Sequence[int], activation: Callable[[], nn.Module] = nn.ReLU, seed: int = 0) -> nn.Module:
    """A multilayer perceptron."""
    layers: list[nn.Module] = []
    for number, (a, b) in enumerate(pairwise(widths)):
        layers += [activation()] if number else []
        layers.append(nn.Linear(a, b))
    return filled(nn.Sequential(*layers), seed)


def convolutional(seed: int = 0) -> nn.Module:
    """Every kind of kink: ReLU in place, ReLU6, leaky ReLU, PReLU and overlapping windows of a max-pool, with a norm."""
    layers: list[nn.Module] = [
        nn.Conv2d(1, 3, 3, padding=1),
        nn.BatchNorm2d(3),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, stride=2, padding=1),
        nn.Conv2d(3, 4, 3, padding=1),
        nn.ReLU6(),
        nn.Conv2d(4, 4, 1),
        nn.LeakyReLU(0.1),
        nn.PReLU(4),
        nn.Dropout(0.5),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(16, 3),
    ]
    return filled(nn.Sequential(*layers), seed)


class Saving(nn.Module):
    """A network of four numbers; `saving` keeps no numbers between its halves but runs them anew on the way back."""

    def __init__(self, saving: bool) -> None:
        super().__init__()
        self.saving = saving
        self.early = nn.Sequential(nn.Linear(4, 6), nn.SiLU())
        self.late = nn.Sequential(nn.Linear(6, 5), nn.SiLU(), nn.Linear(5, 3))

    def forward(self, x: Tensor) -> Tensor:
        if not self.saving:
            found: Tensor = self.late(self.early(x))
            return found
        return checkpoint(self.late, checkpoint(self.early, x, use_reentrant=False), use_reentrant=False)


def jacobian(module: nn.Module, at: Tensor) -> Jacobian:
    return Jacobian(of_module(module, at))


def quadratic(seed: int = 0, n: int = 6) -> tuple[Function, Tensor, Tensor]:
    """f_k(x) = b_k x + x A_k x / 2 of two outputs, with its A and b."""
    a = drawn(seed, 2, n, n)
    a, b = a + a.transpose(1, 2), drawn(seed + 1, 2, n)
    call = lambda x: x @ b.T + torch.einsum("ni,kij,nj->nk", x, a, x) / 2  # noqa: E731
    return of_callable(call, drawn(seed + 2, n), ("first", "second")), a, b
