"""An image classifier on disk: weights and a manifest, from which the network is made anew."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from safetensors.torch import save_file

from pellucid._version import __version__
from pellucid.errors import CheckpointError, PellucidError
from pellucid.files import digest, digest_json, replacing_directory, write_json
from pellucid.predictors.image_classifier import architectures
from pellucid.predictors.image_classifier.masking import storing
from pellucid.predictors.manifest import MANIFEST, Fields, read_manifest
from pellucid.predictors.neural import weight_parts
from pellucid.predictors.weights import fill, precision, read_weights

if TYPE_CHECKING:
    from pellucid.predictors.image_classifier.model import ImageClassifier

M = TypeVar("M", bound="ImageClassifier")
FORMAT = "pellucid.image_classifier/1"
WEIGHTS = "model.safetensors"
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")  # of functions that a part names; another one in each process
_SETTINGS: Fields = {
    "architecture": str,
    "exclusive": bool,
    "size": list,
    "mean": list,
    "std": list,
    "threshold": (int, float),
}
_FIELDS: Fields = {"fingerprint": str, "labels": list, "about": dict, **_SETTINGS}


def save(model: ImageClassifier, path: Path) -> None:
    """Write the folder, whole or not at all."""
    if model.architecture is None:
        raise PellucidError(
            "A network of your own cannot be saved with Pellucid, which stores no code; save its state_dict and wrap it again."
        )
    with replacing_directory(path) as folder:
        save_file(
            {name: value.detach().cpu().contiguous() for name, value in model.module.state_dict().items()}, folder / WEIGHTS
        )
        storing.write(model.maskers, folder)
        write_json(folder / MANIFEST, manifest(model))


def load(kind: type[M], path: Path) -> M:
    """Read the folder, checking all that can be wrong with it."""
    found = read_manifest(path, FORMAT, _FIELDS)
    if not (path / WEIGHTS).is_file():
        raise CheckpointError(f"{path / WEIGHTS} is missing; copy the model again.")
    said: dict[str, Any] = {name: found[name] for name in ("labels", "about", *_SETTINGS)}
    weights = read_weights(path / WEIGHTS)
    try:
        shape = {"channels": len(said["mean"]), "axes": len(said["size"]), "labels": len(said["labels"])}
        module = architectures.empty(said["architecture"], **shape).to(precision(weights.values()))
        fill(module, weights, path / WEIGHTS)
        model = kind(module.eval(), **said)
    except CheckpointError:
        raise
    except PellucidError as error:
        raise CheckpointError(f"{path} does not fit its {MANIFEST}; copy or train the model again. {error}") from error
    if model.fingerprint != found["fingerprint"]:
        raise CheckpointError(f"{path} was changed after it was saved (its fingerprint differs); copy or train it again.")
    model.maskers = storing.read(found.get("maskers"), path, module)
    return model


def fingerprint(model: ImageClassifier) -> str:
    """SHA-256 over all that decides a prediction."""
    return digest(_structure(model), *weight_parts(model.module), digest_json([list(model.labels), *settings(model)]))


def _structure(model: ImageClassifier) -> str:
    """How weights are used, which they do not say themselves: the network's kind; of one of your own its parts as well."""
    said = getattr(model.module, "identity", None)
    if said is None and model.architecture is None:
        return _ADDRESS.sub("", str(model.module))
    return str(said or type(model.module).__name__)


def settings(model: ImageClassifier) -> list[Any]:
    """What decides a prediction beside weights and labels."""
    values = [getattr(model, name) for name in _SETTINGS]
    return [list(v) if isinstance(v, tuple) else v for v in values]


def manifest(model: ImageClassifier) -> dict[str, Any]:
    """What the folder says of itself."""
    return {
        "format": FORMAT,
        "predictor": "image_classifier",
        "version": __version__,
        "fingerprint": model.fingerprint,
        "labels": list(model.labels),
        "about": model.about,
        **dict(zip(_SETTINGS, settings(model), strict=True)),
        **({"maskers": storing.entries(model.maskers)} if model.maskers else {}),
    }
