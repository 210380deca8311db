"""A recipe: everything that decides what a training run does, as one value that travels as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self

from pellucid.errors import PellucidError
from pellucid.training.augmenting import changes_of

Precision = Literal["auto", "fp32", "bf16"]
Schedule = Literal["linear", "constant"]
Keep = Literal["best", "last"]
MODELS = ("plm_ca", "text_classifier", "image_classifier", "image_text", "table_classifier", "signal_classifier")

_PRETRAINED = (5e-5, 5e-5)  # Edin et al. 2024
_RATES = {"tiny": (3e-3, 1.5e-3), "small": (1e-3, 5e-4)}  # found on phantom notes; words are new and must be learnt fast
_IMAGES = {"tiny": (3e-3, 3e-3), "small": (2e-3, 2e-3)}  # found on phantom radiographs
_IMAGES_PRETRAINED = (3e-4, 3e-3)
_ROWS, _SIGNALS = (3e-3, 3e-3), (3e-3, 3e-3)  # found on breast_cancer, and on made signals
_GOING_ON = 0.2  # share of the learning rate that a trained model goes on with, as in Edin et al. 2024 (1e-5 after 5e-5)
_EPOCHS, _EPOCHS_GOING_ON = 20, 5


@dataclass(frozen=True)
class Recipe:
    """How to train a model. The defaults are those of Edin et al. 2024, apart from the encoder.

    Attributes:
        model: "plm_ca" (label-wise attention over chunks of a note), "text_classifier" (a Hugging Face classifier),
            "image_classifier", "image_text" (images and the sentences of their reports), "table_classifier" (rows of
            measurements), or "signal_classifier".
        start: folder of a trained model to go on from; None for a new one. The trained model says what `model`, `encoder`,
            `members`, `decoder`, `text_encoder`, `attention`, `chunk` and `max_tokens` are, and what is None here is chosen for
            a short, gentle training.
        teacher: folder of a trained model that objectives learn from (`distil`); None for the one that the run starts from.
        encoder: of text "tiny", "small", "minilm", a folder, or a hub id; of images "tiny", "small", "efficientnet_lite0" or
            "monai:NAME" (:mod:`pellucid.predictors.image_classifier.architectures`); of rows "tiny" or "small", of signals also
            "gru" (:mod:`pellucid.predictors.numeric.networks`).
        members: of an image_classifier, how many networks of that kind are trained side by side and answer together.
        decoder: of a plm_ca model, "plm_ca" or "laat".
        text_encoder: of an image_text model, what reads sentences: "tiny", "small", "minilm", a folder, or a hub id.
        attention: of an image_text model, how words attend to regions: "corrected", "published", "published_null" or "joint"
            (:mod:`pellucid.predictors.image_text.comparing`).
        objective: what is minimised; see :func:`pellucid.training.objectives.objective`.
        chunk: tokens that the encoder reads at once; None for 128 in a plm_ca model, and for as many as it can in a classifier.
        max_tokens: longer notes are cut at the end.
        epochs: at most so many passes over the training cases; None for 20, or 5 from a trained model.
        batch_size: cases behind one step of the optimiser.
        micro_batch_size: cases in memory together; None for the whole batch, or four texts where gradients are differentiated
            twice (`igr`). It changes memory, not what is learnt, unless norms of the model are taken over a batch, or cases
            are held against each other: `contrastive` knows only pairs that are in memory together, and with 1 learns nothing.
        learning_rate: the highest of the schedule; None for what suits the encoder, a fifth of it from a trained model.
        encoder_learning_rate: the same for the encoder alone (of an image_text model that of text); None for `learning_rate`.
        warmup: share of all steps over which the learning rate rises.
        schedule: what the learning rate does after that: "linear", a fall, or "constant"; None for a fall, or constant from a
            trained model.
        weight_decay: of weight matrices; biases and layer norms have none.
        clip: largest norm of a gradient; None for no limit.
        dropout: wherever the model has one; None for what the encoder came with.
        augment: changes at random to training images, "flip", "move" and "light" or some of them joined by "+"
            (:mod:`pellucid.training.augmenting`); None for none.
        frozen_layers: so many of the encoder's lowest layers, and its embeddings, are not learnt; 0 learns everything.
        patience: stop after so many epochs without a better validation mAP (of images, signals and rows, the mean over labels;
            of an image_text model, matching: :func:`pellucid.training.matching.matching`).
        keep: which epoch becomes the model: the "best" on validation, or the "last" that was run.
        precision: "bf16" computes in half precision, "auto" does where a GPU supports it. Weights are always float32.
        seed: of first weights, order of cases and dropout.
    """

    model: str = "plm_ca"
    start: str | None = None
    teacher: str | None = None
    encoder: str = "tiny"
    members: int = 1
    decoder: str = "plm_ca"
    text_encoder: str = "tiny"
    attention: str = "corrected"
    objective: str = "bce"
    chunk: int | None = None
    max_tokens: int = 6000
    epochs: int | None = None
    batch_size: int = 16
    micro_batch_size: int | None = None
    learning_rate: float | None = None
    encoder_learning_rate: float | None = None
    warmup: float = 0.1
    schedule: Schedule | None = None
    weight_decay: float = 0.0
    clip: float | None = 1.0
    dropout: float | None = None
    augment: str | None = None
    frozen_layers: int = 0
    patience: int = 3
    keep: Keep = "best"
    precision: Precision = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("chunk", "max_tokens", "epochs", "batch_size", "micro_batch_size", "patience", "members"):
            _demand(name, getattr(self, name), "at least 1", lambda v: v >= 1)
        for name in ("learning_rate", "encoder_learning_rate", "clip"):
            _demand(name, getattr(self, name), "above 0", lambda v: v > 0)
        for name in ("weight_decay", "seed", "frozen_layers"):
            _demand(name, getattr(self, name), "at least 0 and below 2^63", lambda v: 0 <= v < 2**63)
        for name in ("warmup", "dropout"):
            _demand(name, getattr(self, name), "at least 0 and below 1", lambda v: 0 <= v < 1)
        for name in ("encoder", "text_encoder"):
            _demand(name, getattr(self, name), "a name", bool)
        _demand("model", self.model, " or ".join(MODELS), lambda v: v in MODELS)
        _demand("schedule", self.schedule, "linear or constant", lambda v: v in ("linear", "constant"))
        _demand("keep", self.keep, "best or last", lambda v: v in ("best", "last"))
        changes_of(self.augment)
        _demand("precision", self.precision, "auto, fp32 or bf16", lambda v: v in ("auto", "fp32", "bf16"))

    @property
    def rates(self) -> tuple[float, float]:
        """Highest learning rate of the encoder, and of the head, the recipe's own or the usual ones.

        The encoder of an image_text model is that of text; the network of images is learnt at the rate of the head.
        """
        usual = _RATES.get(self.encoder, _PRETRAINED)
        if self.model == "image_classifier":
            usual = _IMAGES.get(self.encoder, _IMAGES_PRETRAINED)
        usual = {"table_classifier": _ROWS, "signal_classifier": _SIGNALS}.get(self.model, usual)
        if self.model == "image_text":
            usual = _IMAGES.get(self.text_encoder, _PRETRAINED)[0], _IMAGES.get(self.encoder, _IMAGES_PRETRAINED)[0]
        encoder, head = (rate * (1.0 if self.start is None else _GOING_ON) for rate in usual)
        return self.encoder_learning_rate or self.learning_rate or encoder, self.learning_rate or head

    @property
    def most_epochs(self) -> int:
        """Epochs at most, the recipe's own or the usual ones."""
        return self.epochs or (_EPOCHS if self.start is None else _EPOCHS_GOING_ON)

    @property
    def course(self) -> Schedule:
        """What the learning rate does after it has risen, as the recipe says or as is usual."""
        return self.schedule or ("linear" if self.start is None else "constant")

    def to_json(self) -> dict[str, Any]:
        """The recipe as JSON values."""
        return asdict(self)

    def chosen(self) -> dict[str, Any]:
        """The fields that differ from their defaults: what a recipe is, also after it was given new fields."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}

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
