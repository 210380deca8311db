"""Predictors that Pellucid can explain: its own saved models, and classifiers and dual encoders of transformers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

from pellucid.errors import CheckpointError, PellucidError
from pellucid.files import read_json
from pellucid.predictor import Predictor
from pellucid.predictors import image_classifier as image_classifier
from pellucid.predictors import image_text as image_text
from pellucid.predictors import numeric as numeric
from pellucid.predictors import plm_ca as plm_ca
from pellucid.predictors import text_classifier as text_classifier
from pellucid.predictors.device import device_of as device_of
from pellucid.predictors.manifest import MANIFEST as MANIFEST
from pellucid.registry import predictors

_HUB_ID = re.compile(r"\w[\w.-]*/[\w.-]+", re.ASCII)


def load(source: Path | str, device: str = "cpu", **settings: Any) -> Predictor:
    """Open a model.

    Args:
        source: a folder that `pellucid train` wrote, a folder with a classifier of texts or images, or with a dual encoder
            of both (CLIP, SigLIP), saved by transformers, or its hub id ("org/name"). A name whose first part is a folder here
            is taken for a path, never for an id.
        device: where to run it, in PyTorch's words.
        settings: how a model of transformers is to be read, as in
            :meth:`pellucid.predictors.text_classifier.TextClassifier.from_transformers` (`multi_label`, `window`, ...),
            :meth:`pellucid.predictors.image_classifier.ImageClassifier.from_transformers` (`multi_label`, `threshold`) and
            :meth:`pellucid.predictors.image_text.ImageText.from_transformers` (`labels`, `questions`, `threshold`).

    Raises:
        CheckpointError: there is no model, or it is damaged.
        PellucidError: there are settings, but the model has its own.
        CapabilityError: there is no such device, or the classifier's architecture does not allow explanations.
    """
    device_of(device)
    folder = Path(source)
    if not (folder / MANIFEST).is_file():
        return _classifier(str(source), device, settings)
    if settings:
        raise PellucidError(f"The model in {folder} was saved with its own settings; leave out {', '.join(settings)}.")
    return _saved(folder, device)


def _saved(folder: Path, device: str) -> Predictor:
    found = read_json(folder / MANIFEST)
    kind = found.get("predictor") if isinstance(found, dict) else None
    if not isinstance(kind, str) or kind not in predictors:
        raise CheckpointError(
            f"{folder / MANIFEST} names the predictor {kind!r}, which is not known here; copy or train the model again."
        )
    return cast(Predictor, predictors.factory(kind).load(folder, device))  # type: ignore[attr-defined]


def _classifier(source: str, device: str, settings: dict[str, Any]) -> Predictor:
    """A classifier of transformers; a mistyped path is not asked for on the hub."""
    folder = Path(source)
    is_id = not folder.exists() and not folder.parent.exists() and _HUB_ID.fullmatch(source)
    if not is_id and not (folder / "config.json").is_file():
        raise CheckpointError(
            f"{folder} is not a saved model (it has no {MANIFEST} or config.json); give the folder that `pellucid train` or "
            "transformers wrote, or a hub id."
        )
    if image_text.is_dual(source):
        return _opened(image_text.ImageText, "An image-text model", source, device, settings)
    if image_classifier.is_of_images(source):
        return _opened(image_classifier.ImageClassifier, "An image classifier", source, device, settings)
    return _opened(text_classifier.TextClassifier, "A text classifier", source, device, settings)


def _opened(kind: Any, what: str, source: str, device: str, settings: dict[str, Any]) -> Predictor:
    try:
        return cast(Predictor, kind.from_transformers(source, device, **settings))
    except TypeError as error:
        raise PellucidError(f"{what} does not take these settings: {error}.") from error
