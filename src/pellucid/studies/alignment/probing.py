"""What an audit of alignment does not ask: whose a sentence is among all images, and where sentences usually lie."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from jaxtyping import Float

from pellucid import registry
from pellucid.alignment.job import Model
from pellucid.alignment.plan import AlignmentPlan
from pellucid.alignment.prior import SentencePrior
from pellucid.alignment.sentences import Sentence, sentences
from pellucid.audit import shard
from pellucid.audit.lineup import Chosen
from pellucid.case import Case
from pellucid.datasets.base import Dataset
from pellucid.errors import DataError
from pellucid.files import digest
from pellucid.metrics.base import Reading, Undefined
from pellucid.predictor import Predictor
from pellucid.training.evaluate import auroc
from pellucid.training.objectives.pairs.knowing import holds, known
from pellucid.units import PixelUnits

USUAL = "data-set mean"
"""The mean place of all training sentences: it knows neither sentence nor image nor model."""

PLACES = ("auroc", "average_precision")
"""Metrics by which the usual place is judged."""

_AT_ONCE = 64  # sentences held against an image together

Told = Callable[[int, int], None]
Asked = tuple[Case, PixelUnits, list[Sentence]]


@dataclass(frozen=True, eq=False)
class Probe:
    """Of N sentences of the audited cases.

    Attributes:
        items: case and name of each sentence, as the audit has them.
        retrieval: the probability that the sentence's own image has a higher score than one of another patient of which it is
            not known to be true, ties counting half; NaN where there is no other.
        usual: by metric, what the usual place is worth; NaN for sentences without a place.
    """

    items: Sequence[tuple[str, str]]
    retrieval: Float[np.ndarray, " N"]
    usual: Mapping[str, Float[np.ndarray, " N"]]


def probe(plan: AlignmentPlan, predictor: Predictor, dataset: Dataset, path: Path, tell: Told = lambda done, all: None) -> None:
    """Ask it of the cases of the audit, and keep the answers, unless that was done.

    Raises:
        DataError: no case can be read and has a sentence with a word.
    """
    identity = digest(predictor.fingerprint, dataset.fingerprint, plan.digest)
    if shard.is_whole(path, identity):
        return
    model = cast(Model, predictor)
    asked = list(_asked(plan, model, dataset))
    if not asked:
        raise DataError(
            f"No {plan.split} case of {dataset.name} that was asked about has a sentence with a word; ask about more."
        )
    items = [(case.id, sentence.target) for case, _, found in asked for sentence in found]
    arrays = {f"usual/{name}": values for name, values in _usual(plan, dataset, asked).items()}
    shard.write(path, identity, {"items": items}, {"retrieval": _retrieval(model, asked, tell), **arrays})


def read(path: Path) -> Probe:
    """What :func:`probe` kept.

    Raises:
        DataError: there is nothing, or it is damaged.
    """
    whole = shard.read(path)
    items = [(case, target) for case, target in whole.facts["items"]]
    return Probe(items, whole.array("retrieval"), {name: whole.array(f"usual/{name}") for name in PLACES})


def _asked(plan: AlignmentPlan, model: Model, dataset: Dataset) -> Iterator[Asked]:
    """The cases of the audit with their sentences; one that the model cannot read is counted there."""
    for case in Chosen(dataset.split(plan.split), plan.cases, plan.seed):
        try:
            units: PixelUnits = model.encode([case]).units[0]
        except DataError:
            continue
        found = sentences(case, units, plan.max_sentences, plan.seed)
        if found:
            yield case, units, found


@torch.no_grad()
def _retrieval(model: Model, asked: Sequence[Asked], tell: Told) -> Float[np.ndarray, " N"]:
    phrases = [sentence.phrase for _, _, found in asked for sentence in found]
    rows = np.repeat(np.arange(len(asked)), [len(found) for _, _, found in asked])
    patients = np.array([case.patient for case, _, _ in asked], dtype=object)
    others = (patients[:, None] != patients[rows]) & ~known(holds, phrases, [case for case, _, _ in asked])
    own = np.arange(len(asked))[:, None] == rows
    unique = list(dict.fromkeys(phrase.text for phrase in phrases))
    blocks = [model.read(unique[i : i + _AT_ONCE]) for i in range(0, len(unique), _AT_ONCE)]
    scores = []
    for done, (case, _, _) in enumerate(asked):
        images = model.see(model.encode([case]))
        scores.append(torch.cat([model.match(images, block) for block in blocks], 1)[0].double().cpu().numpy())
        tell(done + 1, len(asked))
    place = {text: i for i, text in enumerate(unique)}
    fits = np.stack(scores)[:, [place[phrase.text] for phrase in phrases]]
    ranked = [auroc(s[a | b], a[a | b]) for s, a, b in zip(fits.T, own.T, others.T, strict=True)]
    return np.array([np.nan if value is None else value for value in ranked])


def _usual(plan: AlignmentPlan, dataset: Dataset, asked: Sequence[Asked]) -> dict[str, Float[np.ndarray, " N"]]:
    """The usual place against the marks of each sentence; NaN without training sentences that have a place."""
    units = asked[0][1]
    try:
        usual = SentencePrior.of(Chosen(dataset.split("train"), plan.fit_cases, plan.seed), units).usual
    except DataError:
        usual = None
    truths = [sentence.truth for _, _, found in asked for sentence in found]
    return {name: np.array([_worth(name, usual, units, truth) for truth in truths]) for name in PLACES}


def _worth(name: str, usual: np.ndarray | None, units: PixelUnits, truth: np.ndarray | None) -> float:
    if usual is None or truth is None:
        return np.nan
    try:
        return float(registry.metrics.create(name)(Reading(usual, False, units, truth)))
    except Undefined:  # the sentence speaks of the whole picture
        return np.nan
