"""What a metric is: one number about one explanation of one target of one case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from jaxtyping import Bool, Float, Int

from pellucid.units import FeatureUnits, PixelUnits, RegionUnits, SampleUnits, TextUnits

Modalities = tuple[Literal["text", "image", "table", "signal"], ...]
"""What kinds of input a metric judges explanations of, as :data:`pellucid.predictor.Modality` (which costs torch to import)."""

EVERY: Modalities = ("text", "image", "table", "signal")
GRIDS: Modalities = ("image", "table", "signal")
"""What has no words: pixels, measurements of a row, samples of a signal."""

AnyUnits = TextUnits | PixelUnits | RegionUnits | SampleUnits | FeatureUnits
"""What scores may be about."""

Need = Literal["evidence", "others", "threshold", "budget", "curves", "orders", "intervention", "control", "subsets", "gaze"]
"""What a reading must hold for a metric to apply. The audit skips a metric whose needs are not met, and says so."""

PERTURBED: frozenset[Need] = frozenset({"curves", "orders", "intervention", "control", "subsets"})
"""Needs that cost model outputs on perturbed inputs, and that are met once for each filler."""


class Undefined(Exception):
    """A metric refuses: the quantity does not exist for this reading. The message is one short clause."""


@dataclass(frozen=True, eq=False)
class Curves:
    """One perturbation sweep of one explanation: what the model says as units go, most important first.

    Both curves are on the scale named by `scale` and share the grid `counts`, which begins with 0 and ends with U.

    Attributes:
        counts: number of top units removed (or kept) at each step, strictly ascending from 0 to U.
        removed: output with the top `counts[j]` units removed; `removed[0]` is the output on the whole input.
        kept: output with only the top `counts[j]` units kept; `kept[-1]` is the output on the whole input.
        scale: what the output is.
        filler: what took the place of removed units.
        ties: share of units whose score equals that of another unit (their order was drawn at random).
    """

    counts: Int[np.ndarray, " T"]
    removed: Float[np.ndarray, " T"]
    kept: Float[np.ndarray, " T"]
    scale: Literal["probability", "logit"]
    filler: str
    ties: float


@dataclass(frozen=True, eq=False)
class Orders:
    """Where one explanation's order of removal stands among all orders of the same units (for NAOPC).

    Attributes:
        most_first: AOPC of removing units from most to least important.
        least_first: AOPC of removing them from least to most important.
        lower, upper: least and greatest AOPC over all orders; bounds found by a beam are inner bounds.
        exact: the bounds are those of all orders.
        gap: 0 where exact; else how much `upper - lower` still grew when the beam was doubled.
    """

    most_first: float
    least_first: float
    lower: float
    upper: float
    exact: bool
    gap: float


@dataclass(frozen=True)
class Intervention:
    """What the model says when exactly some units are removed, and when nothing but them is kept.

    Attributes:
        size: how many units those are; 0 where the evidence covers nothing that can be removed.
        whole: output on the whole input.
        without: output without the units. NaN where no such units exist (no room for random text of that length).
        only: output with nothing but the units; NaN likewise.
        scale: what the output is.
        filler: what took the place of removed units.
    """

    size: int
    whole: float
    without: float
    only: float
    scale: Literal["probability", "logit"]
    filler: str


@dataclass(frozen=True, eq=False)
class Subsets:
    """What the model says when sets of units, drawn at random, are removed; the same sets for all explanations.

    Attributes:
        gone: the units removed in each of S versions; as many versions of one size as of any other.
        fall: output on the whole input minus output on each version.
        scale: what the output is.
        filler: what took the place of removed units.
    """

    gone: Bool[np.ndarray, "S U"]
    fall: Float[np.ndarray, " S"]
    scale: Literal["probability", "logit"]
    filler: str


@dataclass(frozen=True)
class Budget:
    """A length that is the same for all methods, so that none looks better for showing more.

    Attributes:
        units: how many units human evidence has on average, at least 1; from validation cases.
        threshold: share of the positive score above which this method shows so many units on average, as nearly as its scores
            allow; from the same cases.
    """

    units: int
    threshold: float


@dataclass(frozen=True, eq=False)
class Gaze:
    """Where people looked at one image, over its U pixels.

    Attributes:
        density: of the readers, at least 0, sums to 1.
        places: pixel of each fixation (row-major), in any order; several may share a pixel.
        seconds: how long each lasted, above 0.
        prior: where readers look in other images (of other patients): the mean of their densities, sums to 1; None where there
            are none.
        elsewhere: pixels and seconds of fixations on those images, for shuffled metrics; None where there are none.
    """

    density: Float[np.ndarray, " U"]
    places: Int[np.ndarray, " N"]
    seconds: Float[np.ndarray, " N"]
    prior: Float[np.ndarray, " U"] | None = None
    elsewhere: tuple[Int[np.ndarray, " K"], Float[np.ndarray, " K"]] | None = None


@dataclass(frozen=True, eq=False)
class Reading:
    """One explanation of one target of one case, beside all that a metric may compare it with.

    Attributes:
        scores: one a unit, as the explainer gave them (summed into these units).
        signed: whether negative scores speak against the target. Metrics of plausibility rank by the score itself.
        units: what the scores are about.
        truth: units that human evidence marks; None where the target has no evidence.
        threshold: share of (positive) score above which a unit counts as shown to the reader; tuned on validation and
            frozen; None where it was not tuned.
        others: units that human evidence marks for another label of the case and not for this one; None where nothing is
            known of other labels.
        budget: how much every method may show where lengths are matched; None where it was not tuned.
        curves: the perturbation sweep with one filler; None where not run.
        orders: for NAOPC with the same filler; None where not run.
        intervention: the top units removed and kept with the same filler, as many as the evidence has; None where not run.
        control: the same of random text of the same length, a mean over draws; None where not run.
        subsets: random sets of units removed with the same filler; None where not run.
        gaze: where people looked; None where nobody's gaze is known.
    """

    scores: Float[np.ndarray, " U"]
    signed: bool
    units: AnyUnits
    truth: Bool[np.ndarray, " U"] | None = None
    threshold: float | None = None
    others: Bool[np.ndarray, " U"] | None = None
    budget: Budget | None = None
    curves: Curves | None = None
    orders: Orders | None = None
    intervention: Intervention | None = None
    control: Intervention | None = None
    subsets: Subsets | None = None
    gaze: Gaze | None = None


class Metric(Protocol):
    """A frozen dataclass of parameters with one pure call.

    Attributes:
        name: registered name.
        higher_is_better: None where neither direction is better.
        range: least and greatest value possible (infinite where unbounded).
        needs: what the reading must hold.
        family: "plausibility", "faithfulness" or "complexity".
        cites: where the formula comes from.

    A metric that is not about text alone says so in a class attribute `modalities`, such as ("text", "image").
    """

    @property
    def name(self) -> str: ...
    @property
    def higher_is_better(self) -> bool | None: ...
    @property
    def range(self) -> tuple[float, float]: ...
    @property
    def needs(self) -> tuple[Need, ...]: ...
    @property
    def family(self) -> str: ...
    @property
    def cites(self) -> str: ...

    def __call__(self, reading: Reading) -> float:
        """The value, in float64.

        Raises:
            Undefined: the quantity does not exist for this reading.
        """


def modalities_of(metric: object) -> Modalities:
    """What a metric judges explanations of; text where it says nothing.

    Args:
        metric: a metric, its class, or what the registry holds under its name.
    """
    known: Modalities = getattr(getattr(metric, "factory", metric), "modalities", ("text",))
    return known


def shares(scores: Float[np.ndarray, " U"]) -> Float[np.ndarray, " U"]:
    """Positive scores as shares of their sum; all zero where no score is positive."""
    positive = np.maximum(np.asarray(scores, dtype=np.float64), 0.0)
    largest = positive.max(initial=0.0)
    if largest == 0.0:
        return positive
    scaled = positive / largest  # first to a scale where the sum cannot underflow
    return np.asarray(scaled / scaled.sum())
