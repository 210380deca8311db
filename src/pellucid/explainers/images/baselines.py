"""Explanations of images that know nothing of the model. Being smooth, or in the middle, alone wins a good deal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import ndimage

from pellucid.attribution import Attribution
from pellucid.case import Case, marked
from pellucid.errors import DataError, PellucidError
from pellucid.explainers.base import Facts, attribute
from pellucid.explainers.images.versions import image, pixel_units
from pellucid.imaging import resized_mark
from pellucid.predictor import Batch, Predictor
from pellucid.randomness import stream
from pellucid.registry import explainers
from pellucid.target import Target


@explainers.register("random_smooth")
@dataclass(frozen=True)
class RandomSmooth(Facts):
    """Blurred noise, a field of its own for each target, brought to [0, 1]: what a smooth map wins by being smooth.

    Args:
        sigma: standard deviation of the blur, as a share of the longest side.
        seed: the noise depends on it, on the case's id and on the target's name, and on nothing else.

    Raises:
        PellucidError: the blur is not positive.
    """

    sigma: float = 0.05
    seed: int = 0
    stochastic = True
    modalities = ("image",)
    cites = "chance level"
    name = "random_smooth"

    def __post_init__(self) -> None:
        _check_positive("random_smooth", self.sigma)

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        results = []
        for i, case in enumerate(batch.cases):
            size = pixel_units(batch, i).shape
            drawn = [stream(self.seed, case.id, t.name).normal(size=size) for t in targets]
            fields = [ndimage.gaussian_filter(noise, self.sigma * max(size)) for noise in drawn]
            results.append(attribute(self, predictor, batch, i, targets, np.stack([_unit(f).ravel() for f in fields])))
        return results


@explainers.register("centre_prior")
@dataclass(frozen=True)
class CentrePrior(Facts):
    """A Gaussian around the middle of the image: photographers put what matters there.

    Args:
        sigma: standard deviation along each axis, as a share of its side.

    Raises:
        PellucidError: it is not positive.
    """

    sigma: float = 0.25
    modalities = ("image",)
    cites = "Judd et al. 2009 (the centre as a baseline)"
    name = "centre_prior"

    def __post_init__(self) -> None:
        _check_positive("centre_prior", self.sigma)

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        maps = [_bump(pixel_units(batch, i).shape, self.sigma) for i in range(len(batch))]
        return [attribute(self, predictor, batch, i, targets, np.tile(m, (len(targets), 1))) for i, m in enumerate(maps)]


@explainers.register("edges")
@dataclass(frozen=True)
class Edges(Facts):
    """The steepness of the smoothed image: knows the image and not the model, as a broken method would.

    Args:
        sigma: standard deviation of the smoothing, as a share of the longest side; of small images, half a pixel.

    Raises:
        PellucidError: it is not positive.
    """

    sigma: float = 0.01
    modalities = ("image",)
    cites = "Adebayo et al. 2018 (edge detectors as a baseline)"
    name = "edges"

    def __post_init__(self) -> None:
        _check_positive("edges", self.sigma)

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        features, results = predictor.features(batch), []
        for i in range(len(batch)):
            pixels = image(features, batch, i).detach().double().cpu().numpy()
            sigma = max(self.sigma * max(pixels.shape[1:]), 0.5)  # a narrower Gaussian has no neighbours, and no slope
            slopes = [ndimage.gaussian_gradient_magnitude(channel, sigma) for channel in pixels]
            steepness = np.linalg.norm(slopes, axis=0).ravel()
            results.append(attribute(self, predictor, batch, i, targets, np.tile(steepness, (len(targets), 1))))
        return results


@explainers.register("lungs")
@dataclass(frozen=True)
class Lungs(Facts):
    """1 inside the lungs and 0 outside, as the case's anatomy says: what an explanation wins by knowing what a chest is.

    Radiologists' gaze lies in the lungs whatever they find there; a lung mask agrees with one reader better than another reader
    does, by metrics that do not take that off (Bigolin Lanfredi et al. 2021). A case whose lungs are unknown gets zeros.
    """

    modalities = ("image",)
    cites = "Bigolin Lanfredi et al. 2021 (segmented lungs as a baseline for gaze)"
    name = "lungs"

    def fit(self, cases: Sequence[Case]) -> Lungs:
        """Nothing is learnt; data sets that do not say where lungs lie are refused.

        Raises:
            DataError: no case says so.
        """
        if not any(item.label in LUNGS for case in cases for item in case.anatomy):
            raise DataError("no case says where its lungs lie")
        return self

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        results = []
        for i, case in enumerate(batch.cases):
            units = pixel_units(batch, i)
            known = [item for item in case.anatomy if item.label in LUNGS]
            inside = marked([resized_mark(item, case.picture.size, units.shape) for item in known], units)
            results.append(attribute(self, predictor, batch, i, targets, np.tile(inside.astype(float), (len(targets), 1))))
        return results


LUNGS = ("lungs", "right lung", "left lung")
"""Names of the structures that :class:`Lungs` shows."""


def _bump(size: tuple[int, ...], sigma: float) -> Float[np.ndarray, " U"]:
    places = [((np.arange(n) + 0.5) / n - 0.5) ** 2 for n in size]
    distance = sum(np.meshgrid(*places, indexing="ij"), np.zeros(size))
    return np.exp(-0.5 * distance / sigma**2).ravel()


def _unit(values: Float[np.ndarray, "*S"]) -> Float[np.ndarray, "*S"]:
    """From 0 to 1; a constant is 0."""
    low, width = values.min(), np.ptp(values)
    return np.asarray((values - low) / width) if width > 0 else np.zeros_like(values)


def _check_positive(name: str, sigma: float) -> None:
    if not sigma > 0:
        raise PellucidError(f"The sigma of {name} is {sigma}; it must be positive.")
