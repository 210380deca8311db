"""What an audit does not ask: how a model and each of its members explain the same labels, kept as maps over patches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from jaxtyping import Float

from pellucid.agreement import Setup, gather
from pellucid.audit import shard
from pellucid.datasets.base import Dataset
from pellucid.files import digest
from pellucid.predictor import Predictor
from pellucid.predictors.image_classifier import ImageClassifier, members_as_models
from pellucid.studies.gaze.study import HEADLINE, GazeStudy

GRADIENT = "input_x_gradient"
PROBED = (HEADLINE, GRADIENT)
"""The methods by which members are compared: what consensus is trained on, and what it is not."""


@dataclass(frozen=True, eq=False)
class Probe:
    """Maps of one model on the gold labels of the audited cases, N of them.

    Attributes:
        patients, items: whose each is, and of which case and label.
        whole: by method, scores of the model over patches.
        members: by method, the same of each of its networks; of a single model of none.
    """

    patients: Sequence[str]
    items: Sequence[str]
    whole: Mapping[str, Float[np.ndarray, "N A"]]
    members: Mapping[str, Float[np.ndarray, "M N A"]]


def probe(
    study: GazeStudy,
    model: Predictor,
    dataset: Dataset,
    path: Path,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Explain the cases of the audit by the model and by each of its members alone, and keep the maps, unless that was done."""
    identity = digest(model.fingerprint, dataset.fingerprint, study.plan.digest)
    if shard.is_whole(path, identity):
        return
    members = members_as_models(cast(ImageClassifier, model))
    models = {"whole": model, **{f"member {i}": member for i, member in enumerate(members)}}
    setup = Setup(cases=study.plan.cases, across=study.plan.across, split=study.plan.split, seed=study.plan.seed)
    found = gather(models, dataset, PROBED, setup, lambda stage, done, total: tell(done, total))
    maps = {f"maps/{method}": np.stack(found.maps[method], 1).astype(np.float32) for method in PROBED}
    items = [f"{item.case}\n{item.target}" for item in found.items]
    shard.write(path, identity, {"patients": found.patients, "items": items}, maps)


def read(path: Path) -> Probe:
    """What :func:`probe` kept.

    Raises:
        DataError: there is nothing, or it is damaged.
    """
    whole = shard.read(path)
    maps = {method: whole.array(f"maps/{method}").astype(np.float64) for method in PROBED}
    patients, items = whole.facts["patients"], whole.facts["items"]
    return Probe(patients, items, {name: m[0] for name, m in maps.items()}, {name: m[1:] for name, m in maps.items()})
