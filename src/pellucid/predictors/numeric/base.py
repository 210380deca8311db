"""What classifiers of rows and of signals share: units that follow each other, and a folder that holds no code."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from torch import Tensor, nn

from pellucid.case import Case
from pellucid.files import replacing_directory
from pellucid.predictor import Batch
from pellucid.predictors import stored_network
from pellucid.predictors.manifest import Fields
from pellucid.predictors.network import NetworkClassifier
from pellucid.predictors.running import drawing
from pellucid.units import GridUnits


class NumericClassifier(NetworkClassifier):
    """A classifier that is saved as weights and a manifest."""

    kind: ClassVar[str]
    """Its registered name."""

    stored: ClassVar[Fields]
    """What decides a prediction beside weights and labels, and of which type it is in the manifest."""

    @classmethod
    @abstractmethod
    def _empty(cls, said: dict[str, Any]) -> nn.Module:
        """The network that a manifest names."""

    def save(self, path: Path) -> None:
        """Write the model as a folder: weights (safetensors) and manifest.

        Raises:
            PellucidError: the network is your own, and a folder could not make it anew.
        """
        stored_network.check_can_be_stored(self)
        with replacing_directory(Path(path)) as folder:
            stored_network.write_network(self, self.kind, tuple(self.stored), folder)

    @classmethod
    def load(cls, path: Path, device: str = "cpu") -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            CheckpointError: a file is missing or damaged, or weights are not finite or do not fit.
        """
        with drawing():  # the first weights mean nothing
            model, _ = stored_network.read_network(cls, cls.kind, cls.stored, Path(path), cls._empty)
        return model.to(device)

    def _settings(self) -> tuple[Any, ...]:
        return self.labels, *(getattr(self, name) for name in self.stored)

    def _identity(self) -> str:
        return stored_network.fingerprint(self, tuple(self.stored))

    def _batch(self, cases: Sequence[Case], units: GridUnits, data: Tensor) -> Batch:
        """Cases whose features are their units, one row each."""
        rows = np.arange(len(units))
        return Batch(tuple(cases), (units,) * len(cases), (rows,) * len(cases), data)
