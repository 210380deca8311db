"""Classifiers whose network reads numbers: pixels of an image, samples of a signal, a row of a table."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from pellucid.case import Case
from pellucid.errors import DataError, PellucidError
from pellucid.predictor import Batch, Filler, GradientPiece, Measured
from pellucid.predictors import plain
from pellucid.predictors.forward import Forward
from pellucid.predictors.neural import Neural
from pellucid.predictors.running import checked, last_linear, still
from pellucid.target import Target, resolve
from pellucid.units import GridUnits


class NetworkClassifier(Neural):
    """Any network of PyTorch from normalised numbers to logits of all labels.

    The network is always run in evaluation mode, whatever mode it is in, and is afterwards as it was. `Batch.data` holds what
    it reads, and features are the same numbers as rows, in the order of the units.

    Args:
        mean, std: what is read is (value - mean) / std; how many of each there are is the kind's to say.

    Attributes:
        at_once: how many inputs are run together.

    Raises:
        PellucidError: labels are missing or equal, or the network has no parameters.
    """

    at_once: int = 32

    inputs: ClassVar[str]
    """What it reads, in messages."""

    def __init__(
        self,
        module: nn.Module,
        labels: Sequence[str],
        *,
        exclusive: bool,
        mean: Sequence[float],
        std: Sequence[float],
        threshold: float,
        architecture: str | None,
        about: Mapping[str, Any] | None,
    ) -> None:
        self.module = module
        self.labels = tuple(labels)
        self.exclusive = exclusive
        self.mean, self.std = tuple(map(float, mean)), tuple(map(float, std))
        self.threshold = threshold
        self.architecture = architecture
        self.about: dict[str, Any] = dict(about or {})
        if not self.labels or len(set(self.labels)) != len(self.labels) or (exclusive and len(self.labels) < 2):
            raise PellucidError("Labels need names that differ, and at least two where they exclude each other.")
        if not any(True for _ in module.parameters()):
            raise PellucidError("The network has no parameters; give one that has learnt something.")

    # What each kind says

    @abstractmethod
    def encode(self, cases: Sequence[Case]) -> Batch:
        """Make cases ready for the model."""

    @abstractmethod
    def rows_of(self, read: Float[Tensor, "B *S"]) -> Float[Tensor, "B L d"]:
        """What the network reads, as rows of features."""

    @abstractmethod
    def inputs_of(self, rows: Float[Tensor, "B L d"]) -> Float[Tensor, "B *S"]:
        """Rows of features as what the network reads."""

    @abstractmethod
    def _versions(self, batch: Batch, case: int, keep: Bool[np.ndarray, "P U"], filler: Filler) -> Float[Tensor, "P *S"]:
        """What the network reads of a case whose units are not all kept."""

    @abstractmethod
    def _scale(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation, in the shape in which they fit what is read of one case."""

    # Training

    def parts(self) -> dict[str, nn.Module]:
        """The modules of the weights, each of which may have its own learning rate."""
        return split_at_head([self.module])

    def length(self, case: Case) -> int:
        """1: all inputs are as much to read."""
        return 1

    def forward(self, batch: Batch, shift: Float[Tensor, "M R d"] | None = None) -> Forward:
        """All labels, differentiable with respect to the weights, the features and their shift."""
        features = shifted(self.rows_of(batch.data), shift)
        return passed(self.module(self.inputs_of(features)), features)

    # Reading

    def pixels(self, batch: Batch) -> Float[Tensor, "B *S"]:
        """What the network reads: normalised; channels, or leads, first."""
        data: Tensor = batch.data
        return data

    def batch_of(self, cases: Sequence[Case], units: GridUnits, data: Tensor) -> Batch:
        """Cases whose features are their units, one row each."""
        rows = np.arange(len(units))
        return Batch(tuple(cases), (units,) * len(cases), (rows,) * len(cases), data)

    def perturb(self, batch: Batch, keep: Sequence[Bool[np.ndarray, " U"]], filler: Filler) -> Batch:
        """Versions of the cases."""
        versions = [self._versions(batch, i, k[None], filler)[0] for i, k in enumerate(keep)]
        return Batch(batch.cases, batch.units, batch.rows, torch.stack(versions))

    def normalised(self, values: Float[Tensor, "N *S"]) -> Float[Tensor, "N *S"]:
        """(value - mean) / std."""
        mean, std = self._scale(values)
        return (values - mean) / std

    def denormalised(self, read: Float[Tensor, "N *S"]) -> Float[Tensor, "N *S"]:
        """What the network reads, in the units in which it came."""
        mean, std = self._scale(read)
        return read * std + mean

    @abstractmethod
    def measured(self, batch: Batch, case: int) -> Measured:
        """What the model reads of one case of a batch, in units that a person knows."""

    # Scores

    @torch.no_grad()
    def probabilities(self, batch: Batch) -> Float[np.ndarray, "B C"]:
        """Probability of every label; float64.

        Raises:
            DataError: an output is not a finite number.
        """
        name = ("probabilities", self.fingerprint)
        if name not in batch.memo:
            logits = self.run(batch.data).double()
            for case, row in zip(batch.cases, logits, strict=True):
                if not bool(row.isfinite().all()):
                    raise DataError(
                        f"The model's output on case {case.id} is not a finite number; check what it reads, and its weights."
                    )
            batch.memo[name] = (torch.softmax(logits, -1) if self.exclusive else torch.sigmoid(logits)).cpu().numpy()
        return np.array(batch.memo[name])

    def features(self, batch: Batch) -> Float[Tensor, "B L d"]:
        """Normalised numbers."""
        return self.rows_of(batch.data)

    def reference(self, batch: Batch) -> Float[Tensor, "B L d"]:
        """The mean of everything, which is 0."""
        return torch.zeros_like(self.features(batch))

    def scores(self, features: Float[Tensor, "B L d"], batch: Batch, targets: Sequence[Target]) -> Float[Tensor, "B K"]:
        """Logits of the targets, differentiable with respect to the features."""
        return self.targeted(self.logits(self.inputs_of(features)), targets)

    def perturbed_scores(
        self, batch: Batch, keep: Sequence[Bool[np.ndarray, "P U"]], filler: Filler, targets: Sequence[Target]
    ) -> list[Float[np.ndarray, "P K"]]:
        """Logits of many versions of each case, a few in memory at a time."""
        results = []
        for case, masks in enumerate(keep):
            blocks = [masks[i : i + self.at_once] for i in range(0, len(masks), self.at_once)]
            with torch.no_grad():
                found = [self.targeted(self.logits(self._versions(batch, case, b, filler)).double(), targets) for b in blocks]
            results.append(torch.cat(found).cpu().numpy() if found else np.zeros((0, len(targets))))
        return results

    def feature_gradients(
        self,
        batch: Batch,
        targets: Sequence[Target],
        features: Float[Tensor, "B L d"] | None = None,
        weights: Sequence[Float[Tensor, "K L"]] | None = None,
    ) -> Iterator[GradientPiece]:
        """One forward pass and one backward pass a target; `weights` spare nothing."""
        return plain.feature_gradients(self, batch, targets, features)

    # Shared pieces

    def logits(self, read: Float[Tensor, "B *S"]) -> Float[Tensor, "B C"]:
        """All outputs, differentiable with respect to what is read.

        Raises:
            PellucidError: the network does not give one number a label.
        """
        with still(self.module):
            logits: Any = self.module(read.clone())  # a first layer that works in place would overwrite what it is given
        return checked(logits, len(read), len(self.labels), self.inputs)

    def run(self, read: Float[Tensor, "N *S"]) -> Float[Tensor, "N C"]:
        """All outputs of any number of inputs, a few at a time."""
        return torch.cat([self.logits(block) for block in read.split(self.at_once)])

    def targeted(self, logits: Float[Tensor, "B C"], targets: Sequence[Target]) -> Float[Tensor, "B K"]:
        """The targets, of logits of all labels."""
        resolved = resolve(targets, self.labels)
        return logits[:, resolved.outputs] @ resolved.weights.to(logits).T

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights, and of what the network reads."""
        return next(self.module.parameters()).dtype


def as_like(values: Sequence[float], like: Tensor) -> Float[Tensor, " n"]:
    """Numbers as a tensor of the type and on the device of another."""
    return torch.tensor(values, dtype=like.dtype, device=like.device)


def shifted(rows: Float[Tensor, "M R d"], shift: Float[Tensor, "M R d"] | None) -> Float[Tensor, "M R d"]:
    """Features of a pass in training, whose gradients can be asked for."""
    features = rows if shift is None else rows + shift
    return features if features.requires_grad else features.requires_grad_()


def passed(logits: Float[Tensor, "M C"], features: Float[Tensor, "M R d"], **kept: Any) -> Forward:
    """What a pass in training gave, of cases of which each is one block without padding.

    Args:
        kept: members and maps, as :class:`~pellucid.predictors.forward.Forward` has them.
    """
    real = torch.ones(features.shape[:2], dtype=torch.bool, device=features.device)
    return Forward(logits, features, real, torch.arange(len(features), device=features.device), **kept)


def split_at_head(networks: Sequence[nn.Module]) -> dict[str, nn.Module]:
    """The last linear layers of networks ("head"), and all other weights ("encoder").

    Raises:
        CapabilityError: one of them has no linear layer.
    """
    head = nn.ModuleList(network.get_submodule(last_linear(network)) for network in networks)
    inside = set(head.parameters())
    trunk = nn.ParameterList([p for network in networks for p in network.parameters() if p not in inside])
    return {"encoder": trunk, "head": head}
