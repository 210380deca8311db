"""What the predictors of this room have in common: weights of PyTorch, and an identity that follows them."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping
from typing import Any, Self

import torch
from torch import Tensor, nn

from pellucid.case import Case
from pellucid.errors import CapabilityError
from pellucid.files import digest_json
from pellucid.predictors.encoders import quiet


def state_of(module: nn.Module) -> Hashable:
    """Another value as soon as a weight or buffer was changed in place, moved or converted."""
    return tuple((id(t), t._version, t.dtype, t.device) for t in (*module.parameters(), *module.buffers()))


class Neural(ABC):
    """Weights that can be moved and told apart."""

    module: nn.Module
    _fingerprint: tuple[Hashable, str] | None = None

    @abstractmethod
    def _settings(self) -> Hashable:
        """All that decides a prediction and may be changed in place, beside weights."""

    @abstractmethod
    def _identity(self) -> str:
        """SHA-256 over all that decides a prediction, computed anew."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 over all that decides a prediction; computed anew where weights or settings were changed in place."""
        version = (self._settings(), state_of(self.module))
        if self._fingerprint is None or self._fingerprint[0] != version:
            self._fingerprint = (version, self._identity())
        return self._fingerprint[1]

    @property
    def device(self) -> torch.device:
        return next(self.module.parameters()).device

    def to(self, device: str | torch.device | None = None, dtype: torch.dtype | None = None) -> Self:
        """Move or convert the weights in place."""
        self.module.to(device=device, dtype=dtype)
        return self


class NeuralText(Neural):
    """A model that reads text through a tokenizer."""

    tokenizer: Any

    def tokens(self, text: str) -> int:
        """How many tokens a text has, special ones included, before it is cut."""
        return len(self.tokenizer(text, verbose=False)["input_ids"])

    def length(self, case: Case) -> int:
        """Tokens of the case's text, before it is cut."""
        return self.tokens(case.text)


def weight_parts(module: nn.Module) -> list[bytes | str]:
    """What a fingerprint is taken of: name, type, shape and bytes of every tensor, in the order of the names."""
    parts: list[bytes | str] = []
    for name, value in sorted(module.state_dict().items()):
        parts += [name, str(value.dtype), str(tuple(value.shape)), _bytes(value)]
    return parts


def tokenizer_part(tokenizer: Any) -> str:
    """The tokenizer's share in a fingerprint.

    As a value, not as a string: the library writes the vocabulary in no fixed order. How a batch was cut is no part of it.
    """
    return digest_json(json.loads(tokenizer.backend_tokenizer.to_str()) | {"truncation": None, "padding": None})


def refused(tries: Mapping[str, Callable[[], object]]) -> frozenset[str]:
    """The names of those attempts that end in a :class:`CapabilityError`; transformers is kept from commenting on it."""
    return frozenset(name for name, attempt in tries.items() if _is_refused(attempt))


def _is_refused(attempt: Callable[[], object]) -> bool:
    try:
        with quiet():
            attempt()
    except CapabilityError:
        return True
    return False


def _bytes(value: Tensor) -> bytes:
    return value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()
