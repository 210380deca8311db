"""The layers of a network, in the order in which they run, and their weights put in random order."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from pellucid.errors import CapabilityError, first_line
from pellucid.metrics.noise import logits_of
from pellucid.predictor import Batch, Network, Predictor
from pellucid.randomness import stream

_LEARNT = ("running_mean", "running_var")
"""Buffers that hold what norms have learnt of the data; all others are structure, and stay."""


@dataclass(frozen=True, eq=False)
class Layer:
    """The weights that one module holds itself, with those of modules inside it that are never called.

    Attributes:
        name: of the module; "" for the network as a whole.
        tensors: parameters, and running statistics of norms, by full name.
    """

    name: str
    tensors: Mapping[str, Tensor]

    def shuffle(self, seed: int) -> None:
        """Put the numbers of each tensor in a random order, drawn from the seed and the tensor's name.

        Their mean and spread stay, and with them the scale of what the layer gives; so every kind of weight can be treated
        alike, scales of norms and variances among them.
        """
        for name, tensor in self.tensors.items():
            order = torch.from_numpy(stream(seed, "shuffle", name).permutation(tensor.numel())).to(tensor.device)
            with torch.no_grad():
                tensor.copy_(tensor.flatten()[order].view_as(tensor))

    def restore(self, saved: Layer) -> None:
        """Take over the weights of the same layer of another copy."""
        for name, tensor in self.tensors.items():
            with torch.no_grad():
                tensor.copy_(saved.tensors[name])


@dataclass(frozen=True)
class Coverage:
    """What shuffling weights reaches.

    Attributes:
        share: share of the numbers of all parameters that lie in tensors of more than one value.
        unchanged: parameters of one value only, whose order changes nothing.
        buffers: running statistics that are shuffled.
        kept: buffers that are left as they are.
    """

    share: float
    unchanged: tuple[str, ...]
    buffers: tuple[str, ...]
    kept: tuple[str, ...]


def copied(predictor: Predictor) -> Predictor:
    """The same model with weights of its own, so that the given one is never touched, whatever happens.

    Raises:
        CapabilityError: PyTorch cannot copy the network.
    """
    try:
        return copy.deepcopy(predictor)
    except (RuntimeError, TypeError) as error:  # a tensor inside a graph; a lock, a generator or an open file
        raise CapabilityError(
            f"The network cannot be copied ({first_line(error)}); let it hold plain parameters and buffers alone, or leave out "
            "the test that shuffles weights."
        ) from error


def layers_of(predictor: Predictor, batch: Batch) -> list[Layer]:
    """Layers whose weights can be shuffled, in the order in which they first run: the one nearest to the input first."""
    module = cast(Network, predictor).module
    called: dict[str, dict[str, Tensor]] = {}

    def note(name: str) -> Callable[..., None]:
        def hook(*_: object) -> None:
            called.setdefault(name, {})

        return hook

    handles = [part.register_forward_pre_hook(note(name)) for name, part in module.named_modules()]
    try:
        logits_of(predictor, batch)
    finally:
        for handle in handles:
            handle.remove()
    for name, tensor in _weights(module).items():
        if _varies(tensor):
            called[_owner(name, called)][name] = tensor
    return [Layer(name, tensors) for name, tensors in called.items() if tensors]


def coverage(module: nn.Module) -> Coverage:
    """Which weights of a network shuffling reaches."""
    weights = _weights(module)
    parameters = {name: tensor for name, tensor in weights.items() if isinstance(tensor, nn.Parameter)}
    unchanged = tuple(name for name, tensor in parameters.items() if not _varies(tensor))
    total = sum(tensor.numel() for tensor in parameters.values())
    reached = sum(tensor.numel() for name, tensor in parameters.items() if name not in unchanged)
    buffers = [name for name, _ in module.named_buffers()]
    shuffled = tuple(name for name in buffers if name in weights and _varies(weights[name]))
    return Coverage(reached / total, unchanged, shuffled, tuple(name for name in buffers if name not in shuffled))


def _weights(module: nn.Module) -> dict[str, Tensor]:
    """Parameters and running statistics, each once, whatever shares it."""
    statistics = {name: buffer for name, buffer in module.named_buffers() if name.endswith(_LEARNT)}
    return {**dict(module.named_parameters()), **statistics}


def _owner(tensor: str, called: Mapping[str, object]) -> str:
    """The innermost module around a tensor that is called; the network itself always is."""
    path = tensor.split(".")[:-1]
    while ".".join(path) not in called:
        path.pop()
    return ".".join(path)


def _varies(tensor: Tensor) -> bool:
    return tensor.numel() > 1 and bool((tensor != tensor.flatten()[0]).any())
