"""A device is tried before work is done on it."""

from __future__ import annotations

import pytest
import torch

from pellucid.errors import CapabilityError
from pellucid.predictors import device_of


def test_the_processor_is_always_there():
    assert device_of("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["foo", "", "cpu:x", "meta", "cuda:99"])
def test_a_device_that_cannot_be_used_is_named_with_those_that_can(name):
    with pytest.raises(CapabilityError, match=f"The device '{name}' cannot be used here; this PyTorch finds cpu"):
        device_of(name)
