"""A classifier of signals, opened for explanation: any network of PyTorch from samples of leads to logits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, ClassVar, Self

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from pellucid.case import Case
from pellucid.errors import PellucidError
from pellucid.predictor import Batch, Filler, Measured, Modality
from pellucid.predictors.manifest import Fields
from pellucid.predictors.network import as_like
from pellucid.predictors.numeric import networks
from pellucid.predictors.numeric.bridging import bridged
from pellucid.predictors.numeric.moments import completed, moments
from pellucid.predictors.numeric.reading import recording
from pellucid.predictors.running import drawing
from pellucid.predictors.stored_network import StoredNetwork
from pellucid.registry import predictors
from pellucid.signals import STANDARD_LEADS, Signal
from pellucid.units import SampleUnits


@predictors.register("signal_classifier")
class SignalClassifier(StoredNetwork):
    """Any classifier of PyTorch, single- or multi-label, of signals of one or more leads.

    Features are samples, one row each, in row-major order (time, lead), in standard deviations from the mean of their lead.
    What is removed becomes that mean ("mask"), or the line between the samples of its lead that are kept around it ("inpaint").

    Leads of a case are put into the model's order, a recording of another rate is resampled, and of a longer one the beginning
    is read (:func:`.reading.recording`).

    Args:
        module: takes B x leads x samples, normalised, to logits, B x labels.
        labels: names of the outputs, in order.
        exclusive: exactly one label is true (softmax over all); else every label is a question of its own (sigmoid).
        count: samples of a lead that the network reads.
        rate: samples a second.
        leads: their names, in the order in which the network reads them.
        mean, std: of each lead over the training cases, in `unit`; 0 and 1 where the network reads samples as they are.
        unit: of the samples.
        threshold: probability above which a label counts as predicted; where labels are exclusive the most probable one does.
        architecture: name by which :mod:`.networks` makes the network anew; None for one of your own, which is not saved.
        about: what is known of the training; JSON values.

    Raises:
        PellucidError: leads, mean and std do not fit each other, or labels, network, count or rate cannot be right.
    """

    modality: ClassVar[Modality] = "signal"
    kind: ClassVar[str] = "signal_classifier"
    stored: ClassVar[Fields] = {
        "architecture": str,
        "exclusive": bool,
        "count": int,
        "rate": (int, float),
        "leads": list,
        "unit": str,
        "mean": list,
        "std": list,
        "threshold": (int, float),
    }
    inputs: ClassVar[str] = "signals"
    needs = "a signal"
    cites = "Strodthoff et al. 2021 (classification of electrocardiograms with residual and recurrent networks)"

    def __init__(
        self,
        module: nn.Module,
        labels: Sequence[str],
        *,
        exclusive: bool,
        count: int,
        rate: float,
        leads: Sequence[str] = STANDARD_LEADS,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        unit: str = "mV",
        threshold: float = 0.5,
        architecture: str | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        self.count, self.rate = int(count), float(rate)
        self.leads, self.unit = tuple(leads), unit
        mean, std = completed(mean, std, self.leads, "lead")
        common: dict[str, Any] = {"threshold": threshold, "architecture": architecture, "about": about}
        super().__init__(module, labels, exclusive=exclusive, mean=mean, std=std, **common)
        if self.count < 1 or not self.rate > 0:
            raise PellucidError(f"A signal of {count} samples, {rate} a second, cannot be read; both must be above 0.")

    @classmethod
    def build(
        cls,
        architecture: str,
        labels: Sequence[str],
        seen: Iterable[Signal],
        *,
        exclusive: bool,
        generator: torch.Generator,
    ) -> Self:
        """A model to be trained; `generator` draws its first weights.

        Args:
            seen: recordings of training, read once and one at a time. The first one's leads, rate and unit are the model's, its
                length is that of the shortest, and it normalises by all of them.

        Raises:
            PellucidError: there is no such network, or there are no recordings.
            DataError: recordings differ in their leads or unit.
        """
        every = iter(seen)
        first = next(every, None)
        if first is None:
            raise PellucidError("There are no signals to learn from; give at least one.")
        found = _Survey(first)
        mean, std = moments(found.samples(chain([first], every)))
        with drawing(generator):
            made = networks.of_signals(architecture, len(first.leads), len(labels))
        scale: dict[str, Any] = {"leads": first.leads, "unit": first.unit, "mean": mean, "std": std}
        return cls(made, labels, exclusive=exclusive, count=found.shortest, rate=first.rate, architecture=architecture, **scale)

    @classmethod
    def _empty(cls, said: dict[str, Any]) -> nn.Module:
        return networks.of_signals(said["architecture"], len(said["leads"]), len(said["labels"]))

    @torch.no_grad()
    def encode(self, cases: Sequence[Case]) -> Batch:
        """Recordings as the model reads them, normalised, leads before samples; units are the samples.

        Raises:
            DataError: a case has no signal, or one that cannot be read.
        """
        read = [recording(case, self.leads, self.rate, self.count, self.unit) for case in cases]
        data = self.normalised(torch.from_numpy(np.stack(read)).to(self.device, self.dtype).transpose(1, 2).contiguous())
        return self.batch_of(cases, SampleUnits(self.count, self.leads, self.rate), data)

    def rows_of(self, read: Float[Tensor, "B D T"]) -> Float[Tensor, "B L 1"]:
        """A sample a row, in the order of time, then lead."""
        return read.transpose(1, 2).flatten(1)[..., None]

    def inputs_of(self, rows: Float[Tensor, "B L 1"]) -> Float[Tensor, "B D T"]:
        """What the network reads: leads before samples."""
        samples: Tensor = rows[..., 0].unflatten(1, (self.count, len(self.leads)))
        return samples.transpose(1, 2)

    def measured(self, batch: Batch, case: int) -> Measured:
        """The samples that the model reads, (time, lead), in its unit."""
        values = self.denormalised(batch.data[case : case + 1])[0].T
        return Measured(values, lambda versions: self.rows_of(self.normalised(versions.transpose(1, 2))), self.unit)

    def _scale(self, like: Tensor) -> tuple[Tensor, Tensor]:
        return as_like(self.mean, like)[:, None], as_like(self.std, like)[:, None]

    @torch.no_grad()
    def _versions(self, batch: Batch, case: int, keep: Bool[np.ndarray, "P U"], filler: Filler) -> Float[Tensor, "P D T"]:
        read: Tensor = batch.data[case]
        kept = torch.from_numpy(keep.reshape(len(keep), self.count, len(self.leads))).to(read.device).transpose(1, 2)
        if filler == "inpaint":
            return bridged(read, kept)
        if filler != "mask":
            raise PellucidError(f"Samples of a signal cannot be replaced by {filler!r}; choose mask or inpaint.")
        return read * kept


class _Survey:
    """Recordings of training as a model of the first one's leads and rate would read them, and how short they are."""

    def __init__(self, first: Signal) -> None:
        self.first = first
        self.shortest = len(first.samples)

    def samples(self, seen: Iterable[Signal]) -> Iterable[Float[np.ndarray, "T L"]]:
        """Each recording in turn."""
        for number, signal in enumerate(seen):
            case = Case(f"{number + 1} of training", "", {"signal": signal}, frozenset())
            length = int(np.ceil(signal.duration * self.first.rate - 1e-6))
            self.shortest = min(self.shortest, length)
            yield recording(case, self.first.leads, self.first.rate, length, self.first.unit)
