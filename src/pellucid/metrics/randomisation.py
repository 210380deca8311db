"""Do explanations depend on what the model has learnt, and on what is asked?

Tests of sanity: weights are put in random order, layer by layer, and explanations ought to change; another label of the same
image is explained, and they ought to differ. They can tell that a method fails and cannot rank those that pass: maps of pure
noise drawn anew pass all of them. Read each figure beside its floor, the likeness of a map to itself put elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast

import numpy as np
from jaxtyping import Float

from pellucid.attribution import Attribution
from pellucid.errors import CapabilityError, PellucidError
from pellucid.metrics.layers import Coverage, Layer, copied, coverage, layers_of
from pellucid.metrics.noise import Explain, noisy
from pellucid.metrics.similarity import Map, Similarity, noise_floor
from pellucid.predictor import Batch, Network, Predictor, require
from pellucid.randomness import stream
from pellucid.target import Target
from pellucid.units import GridUnits

How = Literal["cascading", "independent", "whole"]
"""From the output down, each layer on top of those before; each layer alone; or all at once."""

BINS = 100
"""Of the histogram whose entropy is the complexity of a map."""

_SAME = 1e-12
"""A range below this share of the largest score is what rounding leaves of none."""

Scores = Mapping[str, list[Float[np.ndarray, "K U"]]]


@dataclass(frozen=True)
class Randomised:
    """One explanation of one target, beside those of the same target by shuffled models.

    Attributes:
        stages: how alike the map is to that of each shuffled model; that to itself is none of them.
        floor: how alike it is to itself put elsewhere.
        complexity_rise: entropy of the map of the model shuffled last over that of the map, minus 1 (efficient MPRT); above 0
            where a map loses structure with its model. NaN for layers shuffled independently, and where the entropy is 0.
    """

    stages: tuple[Similarity, ...]
    floor: Similarity
    complexity_rise: float


@dataclass(frozen=True)
class Randomisation:
    """What came of shuffling a model.

    Attributes:
        layers: what was shuffled at each stage.
        coverage: which weights that reaches.
        explanations: by method, one a case and target.
    """

    layers: tuple[str, ...]
    coverage: Coverage
    explanations: Mapping[str, list[list[Randomised]]]


@dataclass(frozen=True)
class OtherLabel:
    """How alike the maps of a target and of another label of the same image are.

    Attributes:
        other: the label drawn.
        similarity: of the two maps.
        floor: how alike the target's map is to itself put elsewhere.
    """

    other: str
    similarity: Similarity
    floor: Similarity


def model_randomisation(
    predictor: Predictor,
    explainers: Mapping[str, Explain],
    batch: Batch,
    targets: Sequence[Target],
    *,
    how: How = "cascading",
    draws: int = 0,
    radius: float = 0.1,
    seed: int = 0,
    said: Mapping[str, Sequence[Attribution]] | None = None,
) -> Randomisation:
    """Explain shuffled copies of a model (model parameter randomisation test, MPRT).

    Adebayo et al. 2018, with the numbers of each tensor shuffled instead of drawn anew; Hedstroem et al. 2023 for the smooth
    variant (`draws` above 0) and for the rise of complexity, for which "whole" is enough. The given model is never touched.
    Each shuffled copy is explained by all methods before the next is made.

    Args:
        draws: average each map over so many noisy versions of the image; 0 explains the image itself.
        radius: of that noise, in units of the normalisation's standard deviation.
        seed: of the shuffling (with the name of each tensor), of the noise and of the floor.
        said: what the explainers say of the model itself, over its finest units; explained here if None, or if there are draws.

    Raises:
        CapabilityError: the network cannot be reached or copied, or holds no weights whose order could change anything; or an
            explainer cannot explain it.
        PellucidError: no such way of shuffling; draws below 0.
    """
    if how not in ("cascading", "independent", "whole") or draws < 0:
        raise PellucidError(f"Weights cannot be shuffled {how!r} with {draws} draws; use cascading, independent or whole.")
    require(predictor, ("network",), "Shuffling weights")
    shuffled = copied(predictor)
    saved, layers = layers_of(predictor, batch), layers_of(shuffled, batch)
    if not layers:
        raise CapabilityError(
            "The network has no weights that could be put in another order; leave out the test that shuffles them."
        )

    def explained(model: Predictor) -> Scores:
        return _explained(model, explainers, batch, targets, draws, radius, seed)

    own = explained(predictor) if said is None or draws else {name: [a.scores for a in found] for name, found in said.items()}
    names, stages = [], []
    for name in _stages(layers, saved, how, seed):
        names.append(name)
        stages.append(explained(shuffled))

    def judged(name: str, case: int) -> list[Randomised]:
        return _judged(batch, case, targets, own[name][case], [maps[name][case] for maps in stages], how, seed)

    found = {name: [judged(name, case) for case in range(len(batch))] for name in explainers}
    return Randomisation(tuple(names), coverage(cast(Network, predictor).module), found)


def other_label(
    predictor: Predictor,
    explainers: Mapping[str, Explain],
    batch: Batch,
    targets: Sequence[Target],
    *,
    seed: int = 0,
    said: Mapping[str, Sequence[Attribution]] | None = None,
) -> dict[str, list[list[OtherLabel]]]:
    """Compare each map with that of another label of the same image, drawn from the seed, the case and the target.

    Adebayo et al. 2018 and Sixt et al. 2020 (random logit test). All labels that are drawn are explained together.

    Args:
        said: what the explainers say of the targets, over the finest units; explained here if None.

    Raises:
        PellucidError: the model has no label besides those of a target.
    """
    drawn = [[_drawn(predictor, target, case.id, seed) for target in targets] for case in batch.cases]
    rest = [Target.label(name) for name in sorted({name for row in drawn for name in row} - {t.name for t in targets})]

    def compared(found: Sequence[Attribution], others: Sequence[str]) -> list[OtherLabel]:
        shape, case = cast(GridUnits, found[0].units).shape, found[0].case
        rows = {target.name: scores for one in found for target, scores in zip(one.targets, one.scores, strict=True)}
        return [_beside(rows, shape, case, target.name, other, seed) for target, other in zip(targets, others, strict=True)]

    result: dict[str, list[list[OtherLabel]]] = {}
    for method, explainer in explainers.items():
        asked, found = ([*targets, *rest], []) if said is None else (rest, [said[method]])
        found += [explainer(predictor, batch, asked)] if asked else []
        result[method] = [compared(one, others) for one, others in zip(zip(*found, strict=True), drawn, strict=True)]
    return result


def _beside(rows: Mapping[str, np.ndarray], shape: tuple[int, ...], case: str, name: str, other: str, seed: int) -> OtherLabel:
    """The map of one label beside that of another of the same case."""
    floor = noise_floor(rows[name], shape, stream(seed, "floor", case, name))
    return OtherLabel(other, Map.of(rows[name], shape).like(Map.of(rows[other], shape)), floor)


def _drawn(predictor: Predictor, target: Target, case: str, seed: int) -> str:
    own = {label for label, _ in target.terms}
    free = [label for label in predictor.labels if label not in own]
    if not free:
        raise PellucidError(f"The model has no label besides those of {target.name}; there is no other one to compare it with.")
    return str(stream(seed, "other label", case, target.name).choice(free))


def _stages(layers: Sequence[Layer], saved: Sequence[Layer], how: How, seed: int) -> Iterator[str]:
    """Shuffle; each name is given while the model is shuffled so far."""
    if how == "whole":
        for layer in layers:
            layer.shuffle(seed)
        yield "all layers"
        return
    for layer, own in zip(reversed(layers), reversed(saved), strict=True):
        layer.shuffle(seed)
        yield layer.name
        if how == "independent":
            layer.restore(own)


def _explained(
    predictor: Predictor,
    explainers: Mapping[str, Explain],
    batch: Batch,
    targets: Sequence[Target],
    draws: int,
    radius: float,
    seed: int,
) -> Scores:
    """Scores of every method, case after case; a mean over noisy versions if there are any."""
    if not draws:
        fresh = replace(batch, memo={})
        return {name: [a.scores for a in explainer(predictor, fresh, targets)] for name, explainer in explainers.items()}
    result: dict[str, list[Float[np.ndarray, "K U"]]] = {name: [] for name in explainers}
    for case in range(len(batch)):
        versions = noisy(predictor, batch, case, range(draws), radius, seed)
        for name, explainer in explainers.items():
            result[name].append(np.mean([a.scores for a in explainer(predictor, versions, targets)], axis=0))
    return result


def _judged(
    batch: Batch, case: int, targets: Sequence[Target], own: np.ndarray, said: Sequence[np.ndarray], how: How, seed: int
) -> list[Randomised]:
    """One method's maps of one case against those of the shuffled models."""
    shape, found = _shape(batch, case), []
    for k, target in enumerate(targets):
        original = Map.of(own[k], shape)
        floor = noise_floor(own[k], shape, stream(seed, "floor", batch.cases[case].id, target.name))
        rise = np.nan if how == "independent" or not said else _rise(own[k], said[-1][k])
        found.append(Randomised(tuple(original.like(Map.of(s[k], shape)) for s in said), floor, rise))
    return found


def _rise(before: Float[np.ndarray, " U"], after: Float[np.ndarray, " U"]) -> float:
    """Relative rise of the entropy of the histogram of a map."""
    first, last = histogram_entropy(before), histogram_entropy(after)
    return last / first - 1.0 if first else float("nan")


def histogram_entropy(scores: Float[np.ndarray, " U"], bins: int = BINS) -> float:
    """Shannon entropy (nats) of the histogram of a map, in bins of equal width between its least and greatest value.

    0 for a map that is the same everywhere, up to rounding. NaN where a score is not finite, which a shuffled model may bring
    about.
    """
    values = np.asarray(scores, dtype=np.float64)
    if not np.isfinite(values).all():
        return float("nan")
    # A power of two rounds nothing, and brings any map to a scale at which bins neither vanish nor overflow.
    scaled = np.ldexp(values, -int(np.frexp(np.abs(values).max(initial=0.0))[1]))
    if np.ptp(scaled) <= _SAME:
        return 0.0
    counts, _ = np.histogram(scaled, bins=bins)
    share = counts[counts > 0] / counts.sum()
    return float(-(share * np.log(share)).sum())


def _shape(batch: Batch, case: int) -> tuple[int, ...]:
    return cast(GridUnits, batch.units[case]).shape
