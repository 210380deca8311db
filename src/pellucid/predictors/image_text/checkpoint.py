"""An image-text model on disk: weights, tokenizer, configuration and a manifest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from safetensors.torch import save_file

from pellucid._version import __version__
from pellucid.errors import CheckpointError, PellucidError
from pellucid.files import digest, digest_json, replacing_directory, write_json
from pellucid.predictors.image_classifier.masking import storing
from pellucid.predictors.image_text.dual import Dual
from pellucid.predictors.image_text.gloria import Gloria
from pellucid.predictors.image_text.joint import Joint
from pellucid.predictors.image_text.pairing import Pairing
from pellucid.predictors.image_text.towers import Towers
from pellucid.predictors.manifest import MANIFEST, Fields, read_manifest
from pellucid.predictors.neural import weight_parts
from pellucid.predictors.weights import fill, precision, read_weights

if TYPE_CHECKING:
    from pellucid.predictors.image_text.model import ImageText

M = TypeVar("M", bound="ImageText")
FORMAT = "pellucid.image_text/1"
WEIGHTS = "model.safetensors"
KINDS: dict[str, type[Pairing]] = {kind.kind: kind for kind in (Towers, Joint, Dual, Gloria)}
_SETTINGS: Fields = {"size": list, "mean": list, "std": list, "threshold": (int, float), "questions": list}
_FIELDS: Fields = {"fingerprint": str, "labels": list, "about": dict, "kind": str, "network": dict, **_SETTINGS}


def save(model: ImageText, path: Path) -> None:
    """Write the folder, whole or not at all."""
    with replacing_directory(path) as folder:
        weights = {name: value.detach().cpu().contiguous() for name, value in model.module.state_dict().items()}
        save_file(weights, folder / WEIGHTS)
        model.module.write(folder)
        storing.write(model.maskers, folder, model.fingerprint)
        write_json(folder / MANIFEST, _manifest(model))


def load(kind: type[M], path: Path) -> M:
    """Read the folder, checking all that can be wrong with it."""
    found = read_manifest(path, FORMAT, _FIELDS)
    if found["kind"] not in KINDS:
        raise CheckpointError(f"{path / MANIFEST} names the network {found['kind']!r}, which does not exist; train it again.")
    if not (path / WEIGHTS).is_file():
        raise CheckpointError(f"{path / WEIGHTS} is missing; copy the model again.")
    weights = read_weights(path / WEIGHTS)
    try:
        module = KINDS[found["kind"]].empty(path, found["network"]).to(precision(weights.values()))
        fill(module, weights, path / WEIGHTS)
        said = {name: found[name] for name in ("about", *_SETTINGS)}
        model = kind(module.eval(), found["labels"], **said)
    except CheckpointError:
        raise
    except (PellucidError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} does not fit its {MANIFEST}; copy or train the model again. {error}") from error
    if model.fingerprint != found["fingerprint"]:
        raise CheckpointError(f"{path} was changed after it was saved (its fingerprint differs); copy or train it again.")
    model.maskers = storing.read(found.get("maskers"), path, model.module, model.fingerprint)
    return model


def fingerprint(model: ImageText) -> str:
    """SHA-256 over all that decides a prediction."""
    settings = [model.module.kind, model.module.described(), list(model.labels), *_settings(model).values()]
    return digest(*weight_parts(model.module), digest_json(settings), *model.module.identity_parts())


def _settings(model: ImageText) -> dict[str, Any]:
    return {
        "size": list(model.size),
        "mean": list(model.mean),
        "std": list(model.std),
        "threshold": model.threshold,
        "questions": [list(question) for question in model.questions],
    }


def _manifest(model: ImageText) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "predictor": "image_text",
        "version": __version__,
        "fingerprint": model.fingerprint,
        "labels": list(model.labels),
        "about": model.about,
        "kind": model.module.kind,
        "network": model.module.described(),
        **_settings(model),
        **({"maskers": storing.entries(model.maskers, model.fingerprint)} if model.maskers else {}),
    }
