"""One reversible place for all that training sets globally: random generators and PyTorch's determinism switches."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any, cast

import torch

_CUBLAS = "CUBLAS_WORKSPACE_CONFIG"


@contextlib.contextmanager
def reproducible(seed: int, device: torch.device) -> Iterator[None]:
    """While open, the same work gives the same bits; afterwards generators and switches are as they were.

    An operation of the device that has no deterministic form warns instead of failing.
    """
    cuda = device.type == "cuda"
    with contextlib.ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(devices=range(torch.cuda.device_count()) if cuda else []))
        stack.enter_context(_switches())
        stack.enter_context(_environment(_CUBLAS, ":4096:8"))
        torch.default_generator.manual_seed(seed)
        if cuda:
            torch.cuda.manual_seed_all(seed)
        yield


def generator_states(device: torch.device) -> list[torch.Tensor]:
    """States of the generators that training draws from."""
    states = [torch.get_rng_state()]
    if device.type == "cuda":
        states.append(torch.cuda.get_rng_state(device))
    return states


def set_generator_states(states: list[torch.Tensor], device: torch.device) -> None:
    """Go on where :func:`generator_states` was taken."""
    torch.set_rng_state(states[0].cpu())
    if device.type == "cuda" and len(states) > 1:
        torch.cuda.set_rng_state(states[1].cpu(), device)


@contextlib.contextmanager
def _switches() -> Iterator[None]:
    enabled, warn_only = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    memory, benchmark = cast(Any, torch.utils.deterministic), torch.backends.cudnn.benchmark
    fill = memory.fill_uninitialized_memory
    torch.use_deterministic_algorithms(True, warn_only=True)
    memory.fill_uninitialized_memory = False  # costs time, and nothing here reads memory it did not write
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(enabled, warn_only=warn_only)
        memory.fill_uninitialized_memory = fill
        torch.backends.cudnn.benchmark = benchmark


@contextlib.contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ.setdefault(name, value)
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
