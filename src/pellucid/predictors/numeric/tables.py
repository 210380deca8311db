"""A classifier of rows of a table, opened for explanation: any network of PyTorch from measurements to logits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from pellucid.case import Case
from pellucid.errors import PellucidError
from pellucid.measurements import Measurements
from pellucid.predictor import Batch, Filler, Measured, Modality
from pellucid.predictors.manifest import Fields
from pellucid.predictors.network import as_like
from pellucid.predictors.numeric import networks
from pellucid.predictors.numeric.moments import completed, moments
from pellucid.predictors.numeric.reading import row
from pellucid.predictors.running import drawing
from pellucid.predictors.stored_network import StoredNetwork
from pellucid.registry import predictors
from pellucid.units import FeatureUnits


@predictors.register("table_classifier")
class TableClassifier(StoredNetwork):
    """Any classifier of PyTorch, single- or multi-label, of rows of measurements.

    Features are the measurements, one row each, in standard deviations from their mean. What is removed of a row becomes the
    mean, which is 0.

    Args:
        module: takes B x F standardised values to logits, B x labels.
        labels: names of the outputs, in order.
        exclusive: exactly one label is true (softmax over all); else every label is a question of its own (sigmoid).
        names: of the features, in the order in which the network reads them.
        mean, std: of each feature over the training cases, in its unit; 0 and 1 where the network reads values as they are.
        units: of each feature ("mg/dl", "" for none); empty where none is known, and units of cases are then not compared.
        threshold: probability above which a label counts as predicted; where labels are exclusive the most probable one does.
        architecture: name by which :mod:`.networks` makes the network anew; None for one of your own, which is not saved.
        about: what is known of the training; JSON values.

    Raises:
        PellucidError: names, units, mean and std do not fit each other, or labels or network cannot be right.
    """

    modality: ClassVar[Modality] = "table"
    kind: ClassVar[str] = "table_classifier"
    stored: ClassVar[Fields] = {
        "architecture": str,
        "exclusive": bool,
        "names": list,
        "units": list,
        "mean": list,
        "std": list,
        "threshold": (int, float),
    }
    inputs: ClassVar[str] = "rows"
    needs = "a row of measurements"
    cites = "Rumelhart et al. 1986 (classification with a multilayer perceptron)"

    def __init__(
        self,
        module: nn.Module,
        labels: Sequence[str],
        *,
        exclusive: bool,
        names: Sequence[str],
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        units: Sequence[str] = (),
        threshold: float = 0.5,
        architecture: str | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        self.names, self.units = tuple(names), tuple(units)
        mean, std = completed(mean, std, self.names, "feature")
        common: dict[str, Any] = {"threshold": threshold, "architecture": architecture, "about": about}
        super().__init__(module, labels, exclusive=exclusive, mean=mean, std=std, **common)
        if self.units and len(self.units) != len(self.names):
            raise PellucidError(f"{len(self.names)} features have {len(self.units)} units; give one of each, or none.")

    @classmethod
    def build(
        cls,
        architecture: str,
        labels: Sequence[str],
        seen: Sequence[Measurements],
        *,
        exclusive: bool,
        generator: torch.Generator,
    ) -> Self:
        """A model to be trained; `generator` draws its first weights.

        Args:
            seen: rows of training, whose names and units the model takes over, and by which it standardises.

        Raises:
            PellucidError: there is no such network, or there are no rows.
            DataError: rows differ in what they hold.
        """
        if not seen:
            raise PellucidError("There are no rows to learn from; give at least one.")
        names, units = seen[0].names, seen[0].units
        cases = (Case(f"{i + 1} of training", "", {"table": found}, frozenset()) for i, found in enumerate(seen))
        mean, std = moments(row(case, names, units)[None] for case in cases)
        with drawing(generator):
            made = networks.of_rows(architecture, len(names), len(labels))
        scale: dict[str, Any] = {"names": names, "units": units, "mean": mean, "std": std}
        return cls(made, labels, exclusive=exclusive, architecture=architecture, **scale)

    @classmethod
    def _empty(cls, said: dict[str, Any]) -> nn.Module:
        return networks.of_rows(said["architecture"], len(said["names"]), len(said["labels"]))

    @torch.no_grad()
    def encode(self, cases: Sequence[Case]) -> Batch:
        """Rows in the model's order, standardised; units are its features.

        Raises:
            DataError: a case has no row, or its measurements are not those of the model.
        """
        values = torch.from_numpy(np.stack([row(case, self.names, self.units) for case in cases]))
        data = self.normalised(values).to(self.device, self.dtype)  # in float64 first: a mean may be large beside its deviation
        return self.batch_of(cases, FeatureUnits(self.names), data)

    def rows_of(self, read: Float[Tensor, "B F"]) -> Float[Tensor, "B F 1"]:
        """A feature a row."""
        return read[..., None]

    def inputs_of(self, rows: Float[Tensor, "B F 1"]) -> Float[Tensor, "B F"]:
        """What the network reads."""
        return rows[..., 0]

    def measured(self, batch: Batch, case: int) -> Measured:
        """The measurements in the model's order, each in its unit."""
        values = self.denormalised(batch.data[case : case + 1])[0]
        return Measured(values, lambda versions: self.rows_of(self.normalised(versions)), self.units)

    def _scale(self, like: Tensor) -> tuple[Tensor, Tensor]:
        return as_like(self.mean, like), as_like(self.std, like)

    @torch.no_grad()
    def _versions(self, batch: Batch, case: int, keep: Bool[np.ndarray, "P F"], filler: Filler) -> Float[Tensor, "P F"]:
        if filler != "mask":
            raise PellucidError(f"Measurements cannot be replaced by {filler!r}; choose mask, which is their mean.")
        read: Tensor = batch.data[case]
        return read * torch.from_numpy(keep).to(read)
