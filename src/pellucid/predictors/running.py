"""A network run as it is: in evaluation mode, with outputs that fit its labels, and weights drawn from a generator."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pellucid.errors import CapabilityError, PellucidError


@contextlib.contextmanager
def still(module: nn.Module) -> Iterator[None]:
    """While open, the network is in evaluation mode: no dropout, and norms by what they learnt. Afterwards it is as it was."""
    learning = [part for part in module.modules() if part.training]
    if learning:  # setting what is set already takes a sixth of the pass of a small network
        module.eval()
    try:
        yield
    finally:
        for part in learning:
            part.training = True


def checked(logits: object, cases: int, labels: int, what: str = "images") -> Float[Tensor, "B C"]:
    """What a network gave, if it is one number for each case and label.

    Args:
        what: the cases are, for the message.

    Raises:
        PellucidError: it is something else.
    """
    found = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
    if not isinstance(logits, Tensor) or found != (cases, labels):
        raise PellucidError(
            f"The network gives {found} for {what} and labels {(cases, labels)}; wrap it in a module that gives one logit for "
            "each of them."
        )
    return logits


def last_linear(module: nn.Module) -> str:
    """Name of the last linear layer.

    Raises:
        CapabilityError: there is none.
    """
    names = [name for name, part in module.named_modules() if isinstance(part, nn.Linear)]
    if not names:
        raise CapabilityError("The network has no linear layer, so nothing enters one; embeddings cannot be read from it.")
    return str(names[-1])


@contextlib.contextmanager
def drawing(generator: torch.Generator | None = None) -> Iterator[None]:
    """While open, first weights are drawn from `generator`, and the global generator is afterwards as it was.

    Args:
        generator: None where what is drawn means nothing, as it will be overwritten.
    """
    with torch.random.fork_rng(devices=[]):
        if generator is not None:
            torch.default_generator.manual_seed(int(torch.randint(2**62, (), generator=generator)))
        yield
