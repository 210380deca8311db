"""A recipe: everything that decides what a training run does, as one value that travels as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self

from pellucid.errors import PellucidError

Precision = Literal["auto", "fp32", "bf16"]
Schedule = Literal["linear", "constant"]

_PRETRAINED = (5e-5, 5e-5)  # Edin et al. 2024
_RATES = {"tiny": (3e-3, 1.5e-3), "small": (1e-3, 5e-4)}  # found on phantom notes; words are new and must be learnt fast


@dataclass(frozen=True)
class Recipe:
    """How to train a model that reads text. The defaults are those of Edin et al. 2024, apart from the encoder.

    Attributes:
        model: "plm_ca" (label-wise attention over chunks of a note) or "text_classifier" (a Hugging Face classifier).
        start: folder of a trained model to go on from, which then says what encoder and decoder are; None for a new model.
        encoder: "tiny", "small", "minilm", a folder, or a hub id.
        decoder: of a plm_ca model, "plm_ca" or "laat".
        objective: what is minimised; see :func:`pellucid.training.objectives.objective`.
        chunk: tokens that the encoder reads at once.
        max_tokens: longer notes are cut at the end.
        epochs: at most so many passes over the training cases.
        batch_size: cases behind one step of the optimiser.
        micro_batch_size: cases in memory together; None for the whole batch. It changes memory, not what is learnt.
        learning_rate: the highest of the schedule; None for what suits the encoder (see :attr:`rates`).
        encoder_learning_rate: the same for the encoder alone; None for `learning_rate`.
        warmup: share of all steps over which the learning rate rises.
        schedule: what the learning rate does after that, fall linearly or stay constant.
        weight_decay: of weight matrices; biases and layer norms have none.
        clip: largest norm of a gradient; None for no limit.
        dropout: of the encoder; None for what the encoder came with.
        patience: stop after so many epochs without a better validation mAP.
        precision: "bf16" computes in half precision, "auto" does where a GPU supports it. Weights are always float32.
        seed: of first weights, order of cases and dropout.
    """

    model: str = "plm_ca"
    start: str | None = None
    encoder: str = "tiny"
    decoder: str = "plm_ca"
    objective: str = "bce"
    chunk: int = 128
    max_tokens: int = 6000
    epochs: int = 20
    batch_size: int = 16
    micro_batch_size: int | None = None
    learning_rate: float | None = None
    encoder_learning_rate: float | None = None
    warmup: float = 0.1
    schedule: Schedule = "linear"
    weight_decay: float = 0.0
    clip: float | None = 1.0
    dropout: float | None = None
    patience: int = 3
    precision: Precision = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("chunk", "max_tokens", "epochs", "batch_size", "micro_batch_size", "patience"):
            _demand(name, getattr(self, name), "at least 1", lambda v: v >= 1)
        for name in ("learning_rate", "encoder_learning_rate", "clip"):
            _demand(name, getattr(self, name), "above 0", lambda v: v > 0)
        for name in ("weight_decay", "seed"):
            _demand(name, getattr(self, name), "at least 0 and below 2^63", lambda v: 0 <= v < 2**63)
        for name in ("warmup", "dropout"):
            _demand(name, getattr(self, name), "at least 0 and below 1", lambda v: 0 <= v < 1)
        for name in ("model", "encoder"):
            _demand(name, getattr(self, name), "a name", bool)
        _demand("schedule", self.schedule, "linear or constant", lambda v: v in ("linear", "constant"))
        _demand("precision", self.precision, "auto, fp32 or bf16", lambda v: v in ("auto", "fp32", "bf16"))

    @property
    def rates(self) -> tuple[float, float]:
        """Highest learning rate of the encoder, and of the decoder, the recipe's own or what suits the encoder."""
        encoder, decoder = _RATES.get(self.encoder, _PRETRAINED)
        return self.encoder_learning_rate or self.learning_rate or encoder, self.learning_rate or decoder

    def to_json(self) -> dict[str, Any]:
        """The recipe as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` gave; fields that are missing have their defaults.

        Raises:
            PellucidError: a field is unknown, or its value is not allowed.
        """
        known = [f.name for f in fields(cls)]
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise PellucidError(f"A recipe has no field {unknown[0]!r}; it has {', '.join(known)}.")
        return cls(**values)


def _demand(name: str, value: Any, allowed: str, holds: Any) -> None:
    if value is not None and not (holds(value) and (isinstance(value, str) or math.isfinite(value))):
        raise PellucidError(f"The recipe's {name} is {value!r}; it must be {allowed}.")
