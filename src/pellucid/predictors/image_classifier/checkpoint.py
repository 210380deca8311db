"""An image classifier on disk: weights, manifest and mask networks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from torch import nn

from pellucid.files import replacing_directory
from pellucid.predictors import stored_network
from pellucid.predictors.image_classifier import architectures
from pellucid.predictors.image_classifier.masking import storing
from pellucid.predictors.manifest import Fields

if TYPE_CHECKING:
    from pellucid.predictors.image_classifier.model import ImageClassifier

M = TypeVar("M", bound="ImageClassifier")
KIND = "image_classifier"
_SETTINGS: Fields = {
    "architecture": str,
    "exclusive": bool,
    "size": list,
    "mean": list,
    "std": list,
    "threshold": (int, float),
}


def save(model: ImageClassifier, path: Path) -> None:
    """Write the folder, whole or not at all."""
    stored_network.check_can_be_stored(model)
    with replacing_directory(path) as folder:
        storing.write(model.maskers, folder)
        more = {"maskers": storing.entries(model.maskers)} if model.maskers else {}
        stored_network.write_network(model, KIND, tuple(_SETTINGS), folder, more)


def load(kind: type[M], path: Path) -> M:
    """Read the folder, checking all that can be wrong with it."""
    model, found = stored_network.read_network(kind, KIND, _SETTINGS, path, _empty)
    model.maskers = storing.read(found.get("maskers"), path, model.module)
    return model


def _empty(said: dict[str, Any]) -> nn.Module:
    shape = {"channels": len(said["mean"]), "axes": len(said["size"]), "labels": len(said["labels"])}
    return architectures.empty(said["architecture"], **shape)


def fingerprint(model: ImageClassifier) -> str:
    """SHA-256 over all that decides a prediction."""
    return stored_network.fingerprint(model, tuple(_SETTINGS))


def settings(model: ImageClassifier) -> list[Any]:
    """What decides a prediction beside weights and labels."""
    return stored_network.settings(model, tuple(_SETTINGS))
