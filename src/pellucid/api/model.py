"""A trained model, ready to be asked what it predicts and why."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast, get_args, overload

import numpy as np
from torch import Tensor

from pellucid import predictors, registry
from pellucid.api.explanation import Explanation
from pellucid.api.image_explanation import ImageExplanation
from pellucid.api.items import as_case as as_case
from pellucid.attribution import Attribution
from pellucid.case import Case
from pellucid.errors import CapabilityError, PellucidError
from pellucid.explainers.base import Explainer, refusals
from pellucid.explainers.spreading import cut
from pellucid.imaging import resized
from pellucid.picture import Picture
from pellucid.predictor import Batch, Modality, Predictor, missing_capabilities, modality_of, predicted
from pellucid.target import Target
from pellucid.units import TextKind, TextUnits

USUAL: dict[Modality, str] = {"text": "attingrad", "image": "layer_cam"}
USUAL_OF_SENTENCES = "local_attention"
"""The method of explanation where none is asked for; the latter of models that hold images against sentences."""


def usual_method(predictor: Predictor) -> str:
    """The method that explains a model where none is asked for."""
    return USUAL_OF_SENTENCES if _reads_sentences(predictor) else USUAL[modality_of(predictor)]


class Prediction(NamedTuple):
    """A label and its probability, in [0, 1]."""

    label: str
    probability: float


class Model:
    """A predictor with the two questions people ask of it.

    Args:
        predictor: any predictor of texts or images (:class:`pellucid.predictor.Predictor`).
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
            item: a text, an image (see :func:`as_case`), or a case.

        Raises:
            DataError: the text is empty, or the image cannot be read.
        """
        return self._predict(self.predictor.encode([as_case(item, modality_of(self.predictor))]))

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
    ) -> Explanation | ImageExplanation:
        """Say which parts of a text, or which pixels of an image, made the model predict each label.

        Args:
            item: a note; an image (see :func:`as_case`); or a case that holds one.
            labels: what to explain; None for every predicted label, or, where the model predicts none, for the most probable
                one (the explanation's `notes` then say so). A model that holds images against sentences takes sentences of
                your own as well: where one of these is no label, all are asked as they stand.
            method: registered name of an explainer (`pellucid list explainers`), or an explainer; None for "attingrad" of text,
                "layer_cam" of images and "local_attention" of images for sentences.
            unit: what one score of a text is about; those of an image are about pixels.

        Raises:
            DataError: the text is empty, or the image cannot be read.
            DataError: a sentence has no word.
            UnknownNameError: there is no such method.
            PellucidError: the model does not know a label.
            CapabilityError: the method cannot explain this model.
        """
        modality = modality_of(self.predictor)
        if labels is not None and _reads_sentences(self.predictor):
            said = [labels] if isinstance(labels, str) else list(labels)
            if not set(said) <= set(self.labels):
                explained: ImageExplanation = self._asked(said).explain(item, method=method)
                return explained
        explainer = _explainer(usual_method(self.predictor) if method is None else method)
        _check(self.predictor, explainer)
        batch = self.predictor.encode([as_case(item, modality)])
        ranked = self._predict(batch)
        chosen, notes = self._chosen(ranked, labels)
        targets = [Target.label(p.label) for p in chosen]
        attribution = explainer(self.predictor, batch, targets)[0]
        if isinstance(attribution.units, TextUnits):
            return Explanation(_in_units(attribution, unit), dict(chosen), (*notes, *_unread(batch)))
        picture = batch.cases[0].picture
        read = resized(picture, attribution.units.shape)
        return ImageExplanation(attribution, dict(chosen), read, (*notes, *_resampled(picture, read)), self._number)

    def _asked(self, sentences: Sequence[str]) -> _Asked:
        return _Asked(cast(Any, self.predictor).ask(sentences))

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
        none = f"The model predicts no label for this {modality_of(self.predictor)} (none is above {self.threshold:.2f})"
        return ranked[:1], (f"{none}; the most probable one is explained.",)

    def __repr__(self) -> str:
        return f"<Model of {len(self.labels)} labels, threshold {self.threshold:.2f}, {self.predictor.fingerprint[:12]}>"


class _Asked(Model):
    """A model whose labels are the sentences that somebody asks about: all are explained, and none is predicted."""

    _number = "fit"

    def _chosen(self, ranked: list[Prediction], labels: str | Sequence[str] | None) -> tuple[list[Prediction], tuple[str, ...]]:
        return ranked, ("The fit of a sentence, in (0, 1), tells how well it suits the image; it is no probability.",)


def load(source: Path | str, device: str = "cpu", **settings: Any) -> Model:
    """Open a model: a folder of Pellucid, or a classifier or dual encoder (CLIP, SigLIP) of transformers by folder or hub id.

    A network of your own that classifies images is wrapped instead:
    ``Model(ImageClassifier(network, labels, exclusive=..., size=...))``.

    Args:
        settings: how a model of transformers is to be read: `multi_label`, `window`, `max_windows`, `pooling`, `threshold`, or
            `labels` and `questions` of a dual encoder (see :func:`pellucid.predictors.load`).

    Raises:
        CheckpointError: there is none at `source`, or it is damaged.
        CapabilityError: the classifier's architecture does not allow explanations.
    """
    return Model(predictors.load(source, device, **settings))


def _resampled(picture: Picture, read: Picture) -> tuple[str, ...]:
    """A note if the model read the image at another resolution."""
    if picture.size == read.size:
        return ()
    before, after = (" x ".join(map(str, p.size)) for p in (picture, read))
    return (f"The image of {before} pixels was resampled to the {after} that the model reads; the scores are about those.",)


def _reads_sentences(predictor: Predictor) -> bool:
    return not missing_capabilities(predictor, ("sentence_alignment",))


def _check(predictor: Predictor, explainer: Explainer) -> None:
    """Refuse a method that cannot explain the model.

    Raises:
        CapabilityError: it lacks something that the method needs.
    """
    missing = refusals(predictor, explainer)
    if missing:
        raise CapabilityError(
            f"The explainer {explainer.name!r} needs a model with {missing[0]}; choose another method for this model."
        )


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
    return attribution if unit == "token" else attribution.project(cut(cast(TextUnits, attribution.units), unit))


def _unread(batch: Batch) -> tuple[str, ...]:
    """A note if the end of the text did not fit the model."""
    dropped = sum(getattr(batch.data, "truncated", ()))  # a predictor without a limit has no such count
    if not dropped:
        return ()
    return (f"The text is longer than the model reads: its last {dropped:,} tokens were left out and have no scores.",)
