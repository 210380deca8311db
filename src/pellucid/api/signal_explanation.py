"""What a model's explanation of one signal says, and how it shows itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
from jaxtyping import Float

from pellucid import charts
from pellucid.api.scored import Scored
from pellucid.errors import PellucidError
from pellucid.metrics.base import shares
from pellucid.signals import Signal

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WINDOW = 0.2
"""Seconds of the stretches that are named: about a beat's widest wave."""


class Stretch(NamedTuple):
    """A stretch of one lead, in seconds, and the share of a label's evidence that lies in it."""

    lead: str
    start: float
    end: float
    share: float


@dataclass(frozen=True, eq=False, repr=False)
class SignalExplanation(Scored):
    """Why a model gave a signal its labels.

    Attributes:
        signal: the signal as the model read it.
    """

    signal: Signal
    columns: ClassVar[tuple[str, ...]] = ("lead", "share of the evidence", "strongest")

    def map(self, label: str) -> Float[np.ndarray, "T L"]:
        """One score a sample, as the method gave them, in the shape of the samples of :attr:`signal`.

        Raises:
            DataError: the label was not explained.
        """
        return self.scores(label).reshape(self.signal.samples.shape)

    def by_lead(self, label: str) -> dict[str, float]:
        """The share of the evidence for a label (of all positive scores) that lies in each lead; 0 where no score is positive.

        Raises:
            DataError: the label was not explained.
        """
        return dict(zip(self.signal.leads, self._shares(label).sum(0).tolist(), strict=True))

    def top(self, label: str, count: int = 5, seconds: float = WINDOW) -> list[Stretch]:
        """The stretches of single leads that hold most of the evidence for a label, most of it first; none without evidence.

        Args:
            seconds: length of a stretch; they begin at 0 and do not overlap.

        Raises:
            DataError: the label was not explained.
            PellucidError: a stretch of no length.
        """
        if not seconds > 0:
            raise PellucidError(f"A stretch of {seconds} seconds holds nothing; give a length above 0.")
        held = self._shares(label)
        length = max(1, round(seconds * self.signal.rate))
        starts = np.arange(0, len(held), length)
        sums = np.add.reduceat(held, starts, axis=0)
        order = [int(i) for i in np.argsort(-sums, axis=None, kind="stable")[:count] if sums.flat[i] > 0]
        return [self._stretch(int(starts[i // sums.shape[1]]), length, i % sums.shape[1], float(sums.flat[i])) for i in order]

    def lines(self, label: str) -> list[tuple[str, ...]]:
        """Each lead, most of the evidence first, with where it is strongest."""
        best: dict[str, Stretch] = {}
        for stretch in self.top(label, count=self.signal.samples.size):
            best.setdefault(stretch.lead, stretch)
        held = sorted(self.by_lead(label).items(), key=lambda item: -item[1])
        places = {lead: f"{s.start:.2f} to {s.end:.2f} s ({s.share:.1%})" for lead, s in best.items()}
        return [(lead, f"{share:.1%}", places.get(lead, "nowhere")) for lead, share in held]

    def _drawn(self, label: str) -> Figure:
        from matplotlib.figure import Figure

        signal = self.signal
        figure = Figure(figsize=(11, 0.8 + 0.8 * len(signal.leads)), layout="constrained")
        charts.leads(figure.subplots(), signal.samples, signal.leads, signal.rate, signal.unit, self.map(label))
        figure.suptitle(self.heading(label))
        return figure

    def _shares(self, label: str) -> Float[np.ndarray, "T L"]:
        return shares(self.scores(label)).reshape(self.signal.samples.shape)

    def _stretch(self, start: int, length: int, lead: int, share: float) -> Stretch:
        end = min(start + length, len(self.signal.samples))
        return Stretch(self.signal.leads[lead], start / self.signal.rate, end / self.signal.rate, share)
