"""Figures of the Jacobian of one logit, picture by picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from pellucid.audit import shard
from pellucid.case import Case
from pellucid.datasets.base import Dataset
from pellucid.errors import DataError
from pellucid.files import digest
from pellucid.jacobians import Jacobian, of_model
from pellucid.jacobians.directions import collected, explained_share, region_shares
from pellucid.predictor import Predictor
from pellucid.studies.pbx.study import MARKED, PLAIN, PbxStudy

FIGURES = ("outside", "unexplained", "slope")
"""Share of the squared sensitivity outside lungs and heart; share in no named direction; logits a shade along the gradient."""

Told = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Probe:
    """Of N test pictures, the same without and with marks.

    Attributes:
        patients: whose each is.
        figures: "plain/outside" and so on; NaN where the logit does not react to the picture at all.
        chance: share of the pixels outside lungs and heart, mean over pictures.
    """

    patients: Sequence[str]
    figures: Mapping[str, Float[np.ndarray, " N"]]
    chance: float


def probe(
    study: PbxStudy, model: Predictor, data: Mapping[str, Dataset], path: Path, tell: Told = lambda done, total: None
) -> None:
    """Take the figures of the first test pictures, and keep them, unless that was done.

    Raises:
        DataError: a picture does not say where lungs and heart lie.
    """
    identity = digest(model.fingerprint, *(data[kind].fingerprint for kind in (PLAIN, MARKED)), study.label, repr(study.cases))
    if shard.is_whole(path, identity):
        return
    pictures = {kind: data[kind].split("test")[: study.cases] for kind in (PLAIN, MARKED)}
    found: dict[str, list[float]] = {f"{kind}/{name}": [] for kind in pictures for name in FIGURES}
    chances = []
    total = sum(map(len, pictures.values()))
    for kind, case in ((kind, case) for kind, cases in pictures.items() for case in cases):
        values, chance = figures_of(model, case, study.label)
        chances.append(chance)
        for name, value in zip(FIGURES, values, strict=True):
            found[f"{kind}/{name}"].append(value)
        tell(len(chances), total)
    facts = {"patients": [case.patient for case in pictures[PLAIN]], "chance": float(np.mean(chances))}
    shard.write(path, identity, facts, {name: np.array(values) for name, values in found.items()})


def figures_of(model: Predictor, case: Case, label: str) -> tuple[tuple[float, float, float], float]:
    """:data:`FIGURES` of one picture, and the share of its pixels that lies outside lungs and heart."""
    if not case.anatomy:
        raise DataError(f"Case {case.id} does not say where lungs and heart lie; prepare the phantoms with reports=true.")
    jacobian = Jacobian(of_model(model, case, output=[label]))
    outside = region_shares(jacobian).outside
    shares = explained_share(jacobian, collected(jacobian.function).directions)
    return (outside.value, shares.unexplained, jacobian.fro().value), outside.chance


def read(path: Path) -> Probe:
    """What :func:`probe` kept.

    Raises:
        DataError: there is nothing, or it is damaged.
    """
    whole = shard.read(path)
    names = [f"{kind}/{name}" for kind in (PLAIN, MARKED) for name in FIGURES]
    return Probe(whole.facts["patients"], {name: whole.array(name) for name in names}, whole.facts["chance"])
