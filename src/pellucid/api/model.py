"""A trained model, ready to be asked what it predicts and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import numpy as np
from torch import Tensor

from pellucid import predictors
from pellucid.api.asking import asked, check_known, explainer_for
from pellucid.api.explanation import Explanation
from pellucid.api.image_explanation import ImageExplanation
from pellucid.api.items import as_case
from pellucid.api.presenting import Shown, presented
from pellucid.api.signal_explanation import SignalExplanation
from pellucid.api.table_explanation import TableExplanation
from pellucid.case import Case
from pellucid.errors import CheckpointError
from pellucid.explainers.base import Explainer
from pellucid.measurements import Measurements
from pellucid.picture import Picture
from pellucid.predictor import Batch, Predictor, modality_of, predicted
from pellucid.signals import Signal
from pellucid.target import Target
from pellucid.units import TextKind

if TYPE_CHECKING:
    from pellucid.jacobians import Jacobian

FIT = "The fit of a sentence, in (0, 1), tells how well it suits the image; it is no probability."


class Prediction(NamedTuple):
    """A label and its probability, in [0, 1]."""

    label: str
    probability: float


class Model:
    """A predictor with the two questions people ask of it.

    Args:
        predictor: any predictor of texts, images, rows or signals (:class:`pellucid.predictor.Predictor`).
    """

    _number = "probability"

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

    def predict(self, item: Any) -> list[Prediction]:
        """Every label with its probability, the most probable first.

        Args:
            item: a text, an image, a row, a signal (see :func:`as_case`), or a case.

        Raises:
            DataError: the text is empty, or the image, row or signal cannot be read.
        """
        return self._predict(self.predictor.encode([self._case(item)]))

    @overload
    def explain(
        self,
        item: str,
        labels: str | Sequence[str] | None = None,
        *,
        method: str | Explainer | None = None,
        unit: TextKind = "word",
    ) -> Explanation: ...
    @overload
    def explain(
        self,
        item: Picture | Path | np.ndarray | Tensor,
        labels: str | Sequence[str] | None = None,
        *,
        method: str | Explainer | None = None,
        unit: TextKind = "word",
    ) -> ImageExplanation: ...
    @overload
    def explain(
        self,
        item: Mapping[str, float] | Measurements,
        labels: str | Sequence[str] | None = None,
        *,
        method: str | Explainer | None = None,
        unit: TextKind = "word",
    ) -> TableExplanation: ...
    @overload
    def explain(
        self,
        item: Signal,
        labels: str | Sequence[str] | None = None,
        *,
        method: str | Explainer | None = None,
        unit: TextKind = "word",
    ) -> SignalExplanation: ...
    @overload
    def explain(
        self,
        item: Case,
        labels: str | Sequence[str] | None = None,
        *,
        method: str | Explainer | None = None,
        unit: TextKind = "word",
    ) -> Any: ...
    def explain(
        self,
        item: Any,
        labels: str | Sequence[str] | None = None,
        *,
        method: str | Explainer | None = None,
        unit: TextKind = "word",
    ) -> Shown:
        """Say which parts of a text, pixels of an image, measurements or samples made the model predict each label.

        Args:
            item: a note; an image, a row or a signal (see :func:`as_case`); or a case that holds one.
            labels: what to explain; None for every predicted label, or, where the model predicts none, for the most probable
                one (the explanation's `notes` then say so). A model that holds images against sentences takes sentences of
                your own as well: where one of these is no label, all are asked as they stand.
            method: registered name of an explainer (`pellucid list explainers`), or an explainer; None for "attingrad" of text,
                "layer_cam" of images, "local_attention" of images for sentences and "integrated_gradients" of rows and signals.
            unit: what one score of a text is about; those of an image are about pixels, of a row about measurements, of a
                signal about samples.

        Raises:
            DataError: the text is empty, a sentence has no word, or the image, row or signal cannot be read.
            UnknownNameError: there is no such method.
            PellucidError: the model does not know a label.
            CapabilityError: the method cannot explain this model.
        """
        predictor = asked(self.predictor, [labels] if isinstance(labels, str) else labels)
        if predictor is not self.predictor:
            explained: ImageExplanation = _Asked(predictor).explain(item, method=method)
            return explained
        explainer = explainer_for(predictor, method)
        batch = predictor.encode([self._case(item)])
        ranked = self._predict(batch)
        chosen, notes = self._chosen(ranked, labels)
        targets = [Target.label(p.label) for p in chosen]
        attribution = explainer(predictor, batch, targets)[0]
        return presented(predictor, batch, attribution, dict(chosen), notes, unit=unit, number=self._number)

    def jacobian(self, item: Any, **options: Any) -> Jacobian:
        """How every output answers to every number of the input, at one case: :func:`pellucid.jacobian`."""
        from pellucid.api.differentiating import jacobian

        return jacobian(self, item, **options)

    def _case(self, item: Any) -> Case:
        return as_case(item, modality_of(self.predictor), self.predictor)

    def _predict(self, batch: Batch) -> list[Prediction]:
        found = self.predictor.probabilities(batch)[0].tolist()
        return sorted(map(Prediction, self.labels, found), key=lambda p: -p.probability)

    def _chosen(self, ranked: list[Prediction], labels: str | Sequence[str] | None) -> tuple[list[Prediction], tuple[str, ...]]:
        if labels is not None:
            wanted = {labels} if isinstance(labels, str) else set(labels)
            check_known(wanted, self.labels)
            return [p for p in ranked if p.label in wanted], ()
        assigned = predicted(self.predictor, np.array([p.probability for p in ranked]))
        if assigned.any():
            return [p for p, taken in zip(ranked, assigned, strict=True) if taken], ()
        what = {"table": "row"}.get(modality_of(self.predictor), modality_of(self.predictor))
        none = f"The model predicts no label for this {what} (none is above {self.threshold:.2f})"
        return ranked[:1], (f"{none}; the most probable one is explained.",)

    def __repr__(self) -> str:
        return f"<Model of {len(self.labels)} labels, threshold {self.threshold:.2f}, {self.predictor.fingerprint[:12]}>"


class _Asked(Model):
    """A model whose labels are the sentences that somebody asks about: all are explained, and none is predicted."""

    _number = "fit"

    def _chosen(self, ranked: list[Prediction], labels: str | Sequence[str] | None) -> tuple[list[Prediction], tuple[str, ...]]:
        return ranked, (FIT,)


def load(source: Path | str, device: str = "cpu", **settings: Any) -> Model:
    """Open a model: a folder of Pellucid, or a classifier or dual encoder (CLIP, SigLIP) of transformers by folder or hub id.

    A network of your own that classifies images, rows or signals is wrapped instead:
    ``Model(ImageClassifier(network, labels, exclusive=..., size=...))``, or a :class:`~pellucid.TableClassifier` or
    :class:`~pellucid.SignalClassifier` likewise.

    Args:
        settings: how a model of transformers is to be read: `multi_label`, `window`, `max_windows`, `pooling`, `threshold`, or
            `labels` and `questions` of a dual encoder (see :func:`pellucid.predictors.load`).

    Raises:
        CheckpointError: there is none at `source`, or it is damaged; or `source` is a network, and not where one lies.
        CapabilityError: the classifier's architecture does not allow explanations.
    """
    if not isinstance(source, str | Path):
        raise CheckpointError(
            f"A model is loaded from a folder or by a hub id, and this is of the kind {type(source).__name__}; wrap a network "
            "of your own: Model(ImageClassifier(network, labels, exclusive=..., size=...))."
        )
    return Model(predictors.load(source, device, **settings))
