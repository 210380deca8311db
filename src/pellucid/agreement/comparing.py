"""All figures of agreement: between models for each method, and between methods for the same models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np

from pellucid.agreement.disagreement import MEASURES, disagreement
from pellucid.agreement.gathering import Gathered, Told, gather
from pellucid.agreement.seeds import Likeness, likeness
from pellucid.agreement.setup import Setup
from pellucid.agreement.two_sample import TwoSample, two_sample
from pellucid.datasets.base import Dataset
from pellucid.errors import PellucidError
from pellucid.files import finite
from pellucid.predictor import Predictor
from pellucid.statistics import Interval, bootstrap_mean


@dataclass(frozen=True)
class BetweenModels:
    """How alike the models explain by one method."""

    method: str
    likeness: Likeness
    test: TwoSample


@dataclass(frozen=True)
class BetweenMethods:
    """How alike two methods explain.

    Attributes:
        measures: the six, by name (:data:`pellucid.agreement.disagreement.MEASURES`): a mean over items and models, with its
            interval over patients for these models; `seed_sd` is the spread between models.
        notes: by name of a measure, why it is missing where it is; the most frequent reason.
    """

    one: str
    other: str
    measures: Mapping[str, Interval]
    notes: Mapping[str, str]


@dataclass(frozen=True)
class Comparison:
    """What :func:`compare` found.

    Attributes:
        models: fingerprints, by name.
        unit: what was compared: "word", "patch", "segment" or "feature".
        items, cases, patients: labels of cases that were explained, and whose.
        unlabelled: chosen cases that have no label the models know.
        between_models: one a method; empty with one model.
        between_methods: one a pair of methods; empty with one method.
    """

    models: Mapping[str, str]
    data: str
    setup: Setup
    unit: str
    items: int
    cases: int
    patients: int
    unlabelled: int
    between_models: tuple[BetweenModels, ...]
    between_methods: tuple[BetweenMethods, ...]

    def to_json(self) -> dict[str, Any]:
        """All figures as JSON values; what is missing is null."""
        plain: dict[str, Any] = finite({"format": "pellucid.agreement/1", **asdict(self)})
        return plain


def compare(
    models: Mapping[str, Predictor],
    dataset: Dataset,
    methods: Sequence[str],
    setup: Setup | None = None,
    progress: Told | None = None,
) -> Comparison:
    """Explain the same cases by several models and methods, and measure how far the explanations agree.

    Args:
        models: by name, all of the same labels; `pellucid.load(FOLDER).predictor` is one.
        methods: registered names of explainers.

    Raises:
        PellucidError: there is one model and one method; or as :func:`pellucid.agreement.gathering.gather`.
    """
    setup, methods = setup or Setup(), list(dict.fromkeys(methods))
    if not methods or len(models) + len(methods) < 3:
        raise PellucidError("There is nothing to compare; give at least two models, or two methods of explanation.")
    found = gather(models, dataset, methods, setup, progress)
    return Comparison(
        models={name: predictor.fingerprint for name, predictor in models.items()},
        data=dataset.fingerprint,
        setup=setup,
        unit=found.unit,
        items=len(found.items),
        cases=len({item.case for item in found.items}),
        patients=len(set(found.patients)),
        unlabelled=found.unlabelled,
        between_models=tuple(_models(found, name, setup, progress) for name in methods) if len(models) > 1 else (),
        between_methods=tuple(_methods(found, one, other, setup) for one, other in combinations(methods, 2)),
    )


def _models(found: Gathered, method: str, setup: Setup, progress: Told | None) -> BetweenModels:
    test = two_sample(
        found.table(method, setup.signed and found.signed[method]),
        found.patients,
        folds=setup.folds,
        strength=setup.strength,
        permutations=setup.permutations,
        draws=setup.draws,
        seed=setup.seed,
        progress=(lambda done, total: progress(f"two-sample test of {method}", done, total)) if progress else None,
    )
    return BetweenModels(method, likeness(found.maps[method], found.patients, draws=setup.draws, seed=setup.seed), test)


def _methods(found: Gathered, one: str, other: str, setup: Setup) -> BetweenMethods:
    signed, models = found.signed[one] and found.signed[other], len(found.models)
    pairs = zip(found.maps[one], found.maps[other], strict=True)
    said = [disagreement(a[m], b[m], top=setup.first, signed=signed) for a, b in pairs for m in range(models)]
    patients, runs = np.repeat(found.patients, models), np.tile(np.arange(models), len(found.items))
    measures = {
        name: bootstrap_mean([getattr(d, name) for d in said], patients, runs, draws=setup.draws, seed=setup.seed)
        for name in MEASURES
    }
    reasons = {name: Counter(d.notes[name] for d in said if name in d.notes) for name in MEASURES}
    return BetweenMethods(one, other, measures, {name: c.most_common(1)[0][0] for name, c in reasons.items() if c})
