"""A network classifier on disk: weights and a manifest, from which the network is made anew."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from safetensors.torch import save_file
from torch import nn

from pellucid._version import __version__
from pellucid.errors import CheckpointError, PellucidError
from pellucid.files import digest, digest_json, write_json
from pellucid.predictors.manifest import MANIFEST, Fields, read_manifest
from pellucid.predictors.network import NetworkClassifier
from pellucid.predictors.neural import weight_parts
from pellucid.predictors.weights import fill, precision, read_weights

M = TypeVar("M", bound=NetworkClassifier)
WEIGHTS = "model.safetensors"
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")  # of functions that a part names; another one in each process
_ALWAYS: Fields = {"fingerprint": str, "labels": list, "about": dict}


def write_network(
    model: NetworkClassifier, kind: str, fields: Sequence[str], folder: Path, more: Mapping[str, Any] | None = None
) -> None:
    """Write weights and manifest into a folder that is put into its place afterwards.

    Args:
        kind: registered name of the predictor.
        fields: attributes of the model that decide a prediction beside weights and labels.
        more: what else the manifest says.
    """
    state = {name: value.detach().cpu().contiguous() for name, value in model.module.state_dict().items()}
    save_file(state, folder / WEIGHTS)
    said = {
        "format": f"pellucid.{kind}/1",
        "predictor": kind,
        "version": __version__,
        "fingerprint": model.fingerprint,
        "labels": list(model.labels),
        "about": model.about,
        **dict(zip(fields, settings(model, fields), strict=True)),
        **(more or {}),
    }
    write_json(folder / MANIFEST, said)


def check_can_be_stored(model: NetworkClassifier) -> None:
    """Refuse a network that no name stands for.

    Raises:
        PellucidError: the network is the user's own.
    """
    if model.architecture is None:
        raise PellucidError(
            "A network of your own cannot be saved with Pellucid, which stores no code; save its state_dict and wrap it again."
        )


def read_network(
    cls: type[M], kind: str, fields: Fields, path: Path, empty: Callable[[dict[str, Any]], nn.Module]
) -> tuple[M, dict[str, Any]]:
    """The model in a folder, and its manifest; all that can be wrong with it is checked.

    Args:
        fields: what the manifest must hold beside labels, and of which type; given to the class by name.
        empty: makes the network, given what the manifest holds.

    Raises:
        CheckpointError: a file is missing or damaged, or weights are not finite or do not fit.
    """
    found = read_manifest(path, f"pellucid.{kind}/1", {**_ALWAYS, **fields})
    if not (path / WEIGHTS).is_file():
        raise CheckpointError(f"{path / WEIGHTS} is missing; copy the model again.")
    said: dict[str, Any] = {name: found[name] for name in ("labels", "about", *fields)}
    weights = read_weights(path / WEIGHTS)
    make: Any = cls
    try:
        module = empty(said).to(precision(weights.values()))
        fill(module, weights, path / WEIGHTS)
        model: M = make(module.eval(), **said)
    except CheckpointError:
        raise
    except PellucidError as error:
        raise CheckpointError(f"{path} does not fit its {MANIFEST}; copy or train the model again. {error}") from error
    if model.fingerprint != found["fingerprint"]:
        raise CheckpointError(f"{path} was changed after it was saved (its fingerprint differs); copy or train it again.")
    return model, found


def fingerprint(model: NetworkClassifier, fields: Sequence[str]) -> str:
    """SHA-256 over all that decides a prediction."""
    return digest(_structure(model), *weight_parts(model.module), digest_json([list(model.labels), *settings(model, fields)]))


def settings(model: NetworkClassifier, fields: Sequence[str]) -> list[Any]:
    """What decides a prediction beside weights and labels, as JSON values."""
    values = [getattr(model, name) for name in fields]
    return [list(v) if isinstance(v, tuple) else v for v in values]


def _structure(model: NetworkClassifier) -> str:
    """How weights are used, which they do not say themselves: the network's kind; of one of your own its parts as well."""
    said = getattr(model.module, "identity", None)
    if said is None and model.architecture is None:
        return _ADDRESS.sub("", str(model.module))
    return str(said or type(model.module).__name__)
