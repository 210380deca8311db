"""Where a model runs: a device by its name, tried before any work is done on it."""

from __future__ import annotations

import torch

from pellucid.errors import CapabilityError


def device_of(name: str) -> torch.device:
    """The device of that name in PyTorch's words, such as "cpu" or "cuda:0".

    Raises:
        CapabilityError: there is no such device on this machine, or this PyTorch cannot use it.
    """
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()  # a name may be right and its device absent
    except (RuntimeError, AssertionError) as error:  # what PyTorch raises depends on how it was built
        gpus = torch.cuda.device_count()
        found = ", ".join(["cpu", *(f"cuda:{i}" for i in range(gpus))])
        raise CapabilityError(f"The device {name!r} cannot be used here; this PyTorch finds {found}.") from error
    return device
