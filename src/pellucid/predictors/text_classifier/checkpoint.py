"""A text classifier on disk: a folder that transformers can read as well, with a manifest beside its files."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pellucid._version import __version__
from pellucid.errors import CheckpointError, PellucidError
from pellucid.files import digest, digest_json, replacing_directory, write_json
from pellucid.predictors.encoders import quiet
from pellucid.predictors.manifest import MANIFEST, Fields, read_manifest
from pellucid.predictors.neural import tokenizer_part, weight_parts
from pellucid.predictors.text_classifier import making

if TYPE_CHECKING:
    from pellucid.predictors.text_classifier.model import TextClassifier

M = TypeVar("M", bound="TextClassifier")
FORMAT = "pellucid.text_classifier/1"
_PARTS = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
_SETTINGS: Fields = {
    "exclusive": bool,
    "window": int,
    "max_windows": (int, type(None)),
    "pooling": str,
    "threshold": (int, float),
}
_FIELDS: Fields = {"fingerprint": str, "labels": list, "about": dict, **_SETTINGS}


def save(model: TextClassifier, path: Path) -> None:
    """Write the folder, whole or not at all."""
    with replacing_directory(path) as folder:
        weights = {name: value.detach().cpu().contiguous() for name, value in model.module.state_dict().items()}
        module: Any = model.module
        with quiet():
            module.save_pretrained(folder, state_dict=weights, max_shard_size="1000GB")  # one file, whatever its size
        config = copy.deepcopy(module.config)
        making.name_outputs(config, model.labels, model.exclusive)
        config.architectures = [type(module).__name__]
        config.save_pretrained(folder)
        model.tokenizer.save_pretrained(folder)
        write_json(folder / MANIFEST, _manifest(model))


def load(kind: type[M], path: Path) -> M:
    """Read the folder, checking all that can be wrong with it."""
    manifest = read_manifest(path, FORMAT, _FIELDS)
    for part in _PARTS:
        if not (path / part).is_file():
            raise CheckpointError(f"{path / part} is missing; copy the model again.")
    module, tokenizer = making.opened(str(path))
    said = {name: manifest[name] for name in ("about", *_SETTINGS)}
    try:
        model = kind(module, tokenizer, manifest["labels"], **said)
    except PellucidError as error:
        raise CheckpointError(f"{path} does not fit its {MANIFEST}; copy or train the model again. {error}") from error
    if model.fingerprint != manifest["fingerprint"]:
        raise CheckpointError(f"{path} was changed after it was saved (its fingerprint differs); copy or train it again.")
    return model


def fingerprint(model: TextClassifier) -> str:
    """SHA-256 over all that decides a prediction."""
    parts = [type(model.module).__name__, *weight_parts(model.module)]
    return digest(*parts, digest_json([list(model.labels), *settings(model)]), tokenizer_part(model.tokenizer))


def settings(model: TextClassifier) -> list[Any]:
    """What decides a prediction beside weights, tokenizer and labels."""
    return [getattr(model, name) for name in _SETTINGS]


def _manifest(model: TextClassifier) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "predictor": "text_classifier",
        "version": __version__,
        "fingerprint": model.fingerprint,
        "labels": list(model.labels),
        "about": model.about,
        **{name: getattr(model, name) for name in _SETTINGS},
    }
