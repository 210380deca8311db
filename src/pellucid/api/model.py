"""A trained model, ready to be asked what it predicts and why."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

import numpy as np

from pellucid import predictors, registry
from pellucid.api.explanation import Explanation
from pellucid.attribution import Attribution
from pellucid.case import Case
from pellucid.errors import DataError, PellucidError
from pellucid.explainers.base import Explainer
from pellucid.explainers.spreading import cut
from pellucid.predictor import Batch, Predictor, predicted, require
from pellucid.target import Target
from pellucid.units import TextKind


class Prediction(NamedTuple):
    """A label and its probability, in [0, 1]."""

    label: str
    probability: float


class Model:
    """A predictor with the two questions people ask of it.

    Args:
        predictor: any predictor of texts (:class:`pellucid.predictor.Predictor`).
    """

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels that the model knows."""
        return self.predictor.labels

    @property
    def threshold(self) -> float:
        """Probability above which a label counts as predicted."""
        return self.predictor.threshold

    def predict(self, text: str | Case) -> list[Prediction]:
        """Every label with its probability, the most probable first.

        Raises:
            DataError: the text is empty.
        """
        return self._predict(self.predictor.encode([as_case(text)]))

    def explain(
        self,
        text: str | Case,
        method: str | Explainer = "attingrad",
        labels: str | Sequence[str] | None = None,
        unit: TextKind = "word",
    ) -> Explanation:
        """Say which parts of the text made the model predict each label.

        Args:
            text: a note, or a case that holds one.
            method: registered name of an explainer (`pellucid list explainers`), or an explainer.
            labels: what to explain; None for every predicted label, or, where the model predicts none, for the most probable
                one (the explanation's `notes` then say so).
            unit: what one score is about.

        Raises:
            DataError: the text is empty.
            UnknownNameError: there is no such method.
            PellucidError: the model does not know a label.
            CapabilityError: the method cannot explain this model.
        """
        explainer = _explainer(method)
        require(self.predictor, explainer.needs, f"The explainer {explainer.name!r}")
        batch = self.predictor.encode([as_case(text)])
        ranked = self._predict(batch)
        chosen, notes = self._chosen(ranked, labels)
        targets = [Target.label(p.label) for p in chosen]
        attribution = explainer(self.predictor, batch, targets)[0]
        return Explanation(_in_units(attribution, unit), dict(chosen), (*notes, *_unread(batch)))

    def _predict(self, batch: Batch) -> list[Prediction]:
        found = self.predictor.probabilities(batch)[0].tolist()
        return sorted(map(Prediction, self.labels, found), key=lambda p: -p.probability)

    def _chosen(self, ranked: list[Prediction], labels: str | Sequence[str] | None) -> tuple[list[Prediction], tuple[str, ...]]:
        if labels is not None:
            wanted = {labels} if isinstance(labels, str) else set(labels)
            _check_known(wanted, self.labels)
            return [p for p in ranked if p.label in wanted], ()
        assigned = predicted(self.predictor, np.array([p.probability for p in ranked]))
        if assigned.any():
            return [p for p, taken in zip(ranked, assigned, strict=True) if taken], ()
        none = f"The model predicts no label for this text (none is above {self.threshold:.2f})"
        return ranked[:1], (f"{none}; the most probable one is explained.",)

    def __repr__(self) -> str:
        return f"<Model of {len(self.labels)} labels, threshold {self.threshold:.2f}, {self.predictor.fingerprint[:12]}>"


def load(source: Path | str, device: str = "cpu", **settings: Any) -> Model:
    """Open a model: a folder of Pellucid, or any text classifier of transformers by folder or hub id ("org/name").

    Args:
        settings: how a classifier of transformers is to be read: `multi_label`, `window`, `max_windows`, `pooling`, `threshold`
            (see :class:`pellucid.predictors.text_classifier.TextClassifier`).

    Raises:
        CheckpointError: there is none at `source`, or it is damaged.
        CapabilityError: the classifier's architecture does not allow explanations.
    """
    return Model(predictors.load(source, device, **settings))


def as_case(text: str | Case) -> Case:
    """The text as a case.

    Raises:
        DataError: it holds no visible character.
    """
    case = text if isinstance(text, Case) else Case("text", "", {"text": text}, frozenset())
    if not case.text.strip():
        raise DataError(f"The text of case {case.id} is empty; give a note with at least one word.")
    return case


def _explainer(method: str | Explainer) -> Explainer:
    explainer: Explainer = registry.explainers.create(method) if isinstance(method, str) else method
    return explainer


def _check_known(wanted: set[str], known: Sequence[str]) -> None:
    import difflib

    if not wanted:
        raise PellucidError("There is nothing to explain: give at least one label, or leave `labels` out.")
    for label in sorted(wanted - set(known)):
        near = difflib.get_close_matches(label, known, n=3, cutoff=0.4) or list(known[:3])
        raise PellucidError(f"The model does not know the label {label!r}; near ones of its {len(known)}: {', '.join(near)}.")


def _in_units(attribution: Attribution, unit: TextKind) -> Attribution:
    if unit not in get_args(TextKind):
        raise PellucidError(f"{unit!r} is not a unit of text; choose token, word, sentence or section.")
    return attribution if unit == "token" else attribution.project(cut(attribution.units, unit))


def _unread(batch: Batch) -> tuple[str, ...]:
    """A note if the end of the text did not fit the model."""
    dropped = sum(getattr(batch.data, "truncated", ()))  # a predictor without a limit has no such count
    if not dropped:
        return ()
    return (f"The text is longer than the model reads: its last {dropped:,} tokens were left out and have no scores.",)
