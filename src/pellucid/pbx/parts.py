"""The parts of a reading: each asks the Jacobian of one case one thing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from jaxtyping import Float
from torch import Tensor

from pellucid.errors import PellucidError
from pellucid.jacobians import Function, Jacobian
from pellucid.jacobians.bases import Basis, blurred
from pellucid.jacobians.certificates import decisions
from pellucid.jacobians.certificates.gathering import Certified, certificates
from pellucid.jacobians.directions import DirectionTable, ExplainedShare, RegionShares, explained_share, region_shares
from pellucid.jacobians.function import DEVIATION
from pellucid.jacobians.noise import ErrorBars
from pellucid.jacobians.spectrum import Spectrum
from pellucid.pbx.settings import PbxSettings
from pellucid.predictor import Predictor, predicted

SMOOTH = 32
"""Visible patterns are smooth over the longer side of an image, or a second, divided by so many."""


def table(jacobian: Jacobian, settings: PbxSettings) -> DirectionTable:
    """What one step of each named direction does."""
    return jacobian.directions(settings.directions or None, window=settings.window)


def shares(jacobian: Jacobian, found: DirectionTable | None) -> ExplainedShare:
    """How much of the sensitivity those directions hold."""
    if found is None:
        raise PellucidError("There are no named directions to share it among.")
    return explained_share(jacobian, found.directions)


def regions(jacobian: Jacobian) -> RegionShares:
    """How much of it lies in each structure, and outside all."""
    if jacobian.function.modality in ("table", "text"):
        raise PellucidError("A text or a row has no anatomy.")
    return region_shares(jacobian)


def error_bars(jacobian: Jacobian, settings: PbxSettings) -> ErrorBars:
    """What noise does to the outputs; the bias only where its second derivatives are few."""
    if settings.noise is None and jacobian.function.modality != "table":
        raise PellucidError("Nobody said how noisy the input is; say the standard deviation of its noise (`noise`).")
    probes = 16 if jacobian.function.modality == "table" else 0
    return jacobian.error_bars(settings.noise, samples=settings.samples, probes=probes, seed=settings.seed)


def spectrum(jacobian: Jacobian, settings: PbxSettings) -> Spectrum:
    """The most sensitive patterns; those of a row in standard deviations, as its units differ."""
    if jacobian.shape[0] < 2:
        raise PellucidError("The model has one output, whose row of the Jacobian is its only sensitive pattern.")
    spread = jacobian.function.deviations
    return jacobian.spectrum(settings.patterns, basis=None if spread is None else _scaled(spread), seed=settings.seed)


def visible(jacobian: Jacobian, settings: PbxSettings) -> Spectrum:
    """The most sensitive of patterns that the eye can see."""
    function = jacobian.function
    if function.modality not in ("image", "signal"):
        raise PellucidError("Only images and signals have patterns that could be smooth.")
    if function.modality == "image":
        basis = blurred(function.at, max(function.at.shape[1:]) / SMOOTH)
    else:
        basis = blurred(function.at, max(float(getattr(function.predictor, "rate", SMOOTH)) / SMOOTH, 1.0), axes=(0,))
    return jacobian.spectrum(settings.patterns, basis=basis, seed=settings.seed)


def certified(function: Function, labels: Sequence[str], settings: PbxSettings) -> Certified:
    """How far the decisions about some labels stand; of a row in standard deviations, as its units differ."""
    if not settings.certificates:
        raise PellucidError("None was asked for.")
    chosen = _about(decisions(function), function, labels)
    return certificates(chosen, settings.certificates, samples=settings.samples, seed=settings.seed)


def _scaled(spread: Float[Tensor, " F"]) -> Basis:
    def scaled(given: Tensor) -> Tensor:
        return given * spread.to(given)

    return Basis(f"in {DEVIATION}", tuple(spread.shape), scaled, scaled)


def _about(decided: Function, function: Function, labels: Sequence[str]) -> Function:
    """Of all decisions those that are about some labels: of labels that exclude each other, those against the best one."""
    predictor: Predictor | None = function.predictor
    if predictor is None or function.case is None:
        return decided
    owners = list(predictor.labels)
    if function.exclusive:
        given = predictor.probabilities(predictor.encode([function.case]))[0]
        best = owners[int(predicted(predictor, given).argmax())]
        owners.remove(best)
        labels = owners if best in labels else labels
    places = [i for i, owner in enumerate(owners) if owner in labels]
    names = tuple(decided.outputs[i] for i in places)
    return replace(decided, call=lambda versions: decided(versions)[:, places], outputs=names)
