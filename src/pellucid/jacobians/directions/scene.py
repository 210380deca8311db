"""What families make directions from: the input that the Jacobian is taken at, and all that is known of its case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from pellucid import imaging
from pellucid.case import Case, Evidence
from pellucid.jacobians.function import Function
from pellucid.picture import Picture
from pellucid.predictor import Predictor
from pellucid.units import PixelUnits, SampleUnits

if TYPE_CHECKING:
    from pellucid.datasets.derived import Derived


@dataclass(frozen=True, eq=False)
class Scene:
    """One case as a model reads it.

    Attributes:
        at: the input, in natural units; float64, on the CPU.
        case, predictor: whose input it is.
        window: Hounsfield units (centre, width) that black to white stand for; None where unknown.
        derived: how measurements of a row follow from others.
    """

    at: Float[Tensor, "*S"]
    case: Case
    predictor: Predictor
    window: tuple[float, float] | None = None
    derived: tuple[Derived, ...] = ()

    @classmethod
    def of(cls, function: Function, case: Case, predictor: Predictor, **known: Any) -> Scene:
        """The scene of a function."""
        return cls(function.at.detach().to("cpu", torch.float64), case, predictor, **known)

    # Images

    @cached_property
    def picture(self) -> Picture:
        """The image of the case, in its own size."""
        return self.case.picture

    @property
    def size(self) -> tuple[int, ...]:
        """Pixels that the model reads along each axis."""
        return tuple(self.at.shape[1:])

    @property
    def pitch(self) -> tuple[float, float]:
        """Height and width of a pixel that the model reads: in mm where the image says so, else in pixels of the image."""
        scale = self.picture.spacing or (1.0,) * len(self.size)
        down, across = (s * a / b for s, a, b in zip(scale[-2:], self.picture.size[-2:], self.size[-2:], strict=True))
        return down, across

    @property
    def known_in_mm(self) -> bool:
        """Whether lengths can be said in millimetres."""
        return self.picture.spacing is not None

    # Places

    @cached_property
    def structures(self) -> dict[str, Bool[np.ndarray, "*s"]]:
        """Where each structure that the case names lies, on the grid that the model reads (without channels).

        Marks of one name are one place.
        """
        marks = self.case.anatomy
        named = dict.fromkeys(mark.label for mark in marks if mark.label is not None)
        return {label: self.on_grid([mark for mark in marks if mark.label == label]) for label in named}

    def on_grid(self, marks: Sequence[Evidence]) -> Bool[np.ndarray, "*s"]:
        """Where any of the marks lies, on the grid that the model reads."""
        found = [self._of_image(mark) if "image" in self.case.inputs else self._of_signal(mark) for mark in marks]
        return np.asarray(np.any(found, axis=0))

    def _of_image(self, mark: Evidence) -> Bool[np.ndarray, "*s"]:
        units = PixelUnits.of(self.picture.size)
        covered = mark.covers(units).reshape(units.shape)
        return np.asarray(covered if units.shape == self.size else imaging.resized_mask(covered, self.size))

    def _of_signal(self, mark: Evidence) -> Bool[np.ndarray, "T L"]:
        """Samples of the model's rate and leads that lie in samples of the recording that are marked."""
        signal = self.case.signal
        units = SampleUnits(len(signal.samples), signal.leads, signal.rate)
        covered = mark.covers(units).reshape(units.shape)
        read = SampleUnits(len(self.at), self.leads, self.rate)
        return np.asarray(covered[read.within(units)])

    # Signals

    @property
    def leads(self) -> tuple[str, ...]:
        """Leads in the model's order."""
        return tuple(getattr(self.predictor, "leads", None) or self.case.signal.leads)

    @property
    def rate(self) -> float:
        """Samples a second that the model reads."""
        return float(getattr(self.predictor, "rate", None) or self.case.signal.rate)

    # Rows

    @property
    def names(self) -> tuple[str, ...]:
        """Measurements in the model's order."""
        return tuple(getattr(self.predictor, "names", None) or self.case.measurements.names)
