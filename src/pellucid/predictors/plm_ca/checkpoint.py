"""A PLM-CA model on disk: one folder that holds all it needs, and nothing that can run code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import torch
from safetensors.torch import save_file
from torch import Tensor

from pellucid._version import __version__
from pellucid.errors import CheckpointError
from pellucid.files import digest, digest_json, replacing_directory, write_json
from pellucid.predictors.manifest import MANIFEST, Fields, read_manifest
from pellucid.predictors.neural import tokenizer_part, weight_parts
from pellucid.predictors.plm_ca.coder import Coder
from pellucid.predictors.plm_ca.decoders import DECODERS
from pellucid.predictors.stored_encoder import empty_encoder, read_tokenizer
from pellucid.predictors.weights import fill, read_weights

if TYPE_CHECKING:
    from pellucid.predictors.plm_ca.model import PlmCa

M = TypeVar("M", bound="PlmCa")
WEIGHTS, TOKENIZER, ENCODER = "model.safetensors", "tokenizer", "encoder"
FORMAT = "pellucid.plm_ca/1"
_PARTS = (WEIGHTS, f"{TOKENIZER}/tokenizer.json", f"{TOKENIZER}/tokenizer_config.json", f"{ENCODER}/config.json")
_FIELDS: Fields = {
    "fingerprint": str,
    "decoder": str,
    "chunk": int,
    "max_tokens": int,
    "threshold": (int, float),
    "labels": list,
    "about": dict,
}


def save(model: PlmCa, path: Path) -> None:
    """Write the folder, whole or not at all."""
    with replacing_directory(path) as folder:
        weights = {name: value.detach().cpu().contiguous() for name, value in model.module.state_dict().items()}
        save_file(weights, folder / WEIGHTS)
        model.tokenizer.save_pretrained(folder / TOKENIZER)
        cast(Any, model.module.encoder).config.save_pretrained(folder / ENCODER)
        write_json(folder / MANIFEST, _manifest(model))


def load(kind: type[M], path: Path) -> M:
    """Read the folder, checking all that can be wrong with it."""
    manifest = read_manifest(path, FORMAT, _FIELDS)
    for part in _PARTS:
        if not (path / part).is_file():  # told here, as transformers would look for a missing folder on the hub
            raise CheckpointError(f"{path / part} is missing; copy the model again.")
    weights = _floating(read_weights(path / WEIGHTS), path / WEIGHTS)
    labels = manifest["labels"]
    _check_labels(weights, labels, path)
    module = _empty_module(path, manifest).to(next(iter(weights.values())).dtype).eval()
    fill(module, weights, path / WEIGHTS)
    settings = {name: manifest[name] for name in ("decoder", "chunk", "max_tokens", "threshold", "about")}
    model = kind(module, read_tokenizer(path / TOKENIZER), labels, **settings)
    if model.fingerprint != manifest["fingerprint"]:
        raise CheckpointError(f"{path} was changed after it was saved (its fingerprint differs); copy or train it again.")
    return model


def fingerprint(model: PlmCa) -> str:
    """SHA-256 over all that decides a prediction."""
    settings = [model.decoder_name, model.chunk, model.max_tokens, model.threshold, list(model.labels)]
    return digest(*weight_parts(model.module), digest_json(settings), tokenizer_part(model.tokenizer))


def _manifest(model: PlmCa) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "predictor": "plm_ca",
        "version": __version__,
        "fingerprint": model.fingerprint,
        "decoder": model.decoder_name,
        "chunk": model.chunk,
        "max_tokens": model.max_tokens,
        "threshold": model.threshold,
        "labels": list(model.labels),
        "about": model.about,
    }


def _floating(weights: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    for name, value in weights.items():
        if not value.is_floating_point():
            raise CheckpointError(f"{path} holds weights that are no floating-point numbers (in {name}); copy the model again.")
    return weights


def _check_labels(weights: dict[str, Tensor], labels: list[str], path: Path) -> None:
    per_label = weights.get("decoder.queries", weights.get("decoder.second"))
    if per_label is None or len(per_label) != len(labels):
        found = "no" if per_label is None else str(len(per_label))
        raise CheckpointError(
            f"{path} has weights for {found} labels but lists {len(labels)}; the label list belongs to another model."
        )


def _empty_module(path: Path, manifest: dict[str, Any]) -> Any:
    if manifest["decoder"] not in DECODERS:
        raise CheckpointError(
            f"{path / MANIFEST} names the decoder {manifest['decoder']!r}, which does not exist; train it again."
        )
    with torch.random.fork_rng(devices=[]):  # the weights drawn here are overwritten; the global generator stays as it is
        encoder = empty_encoder(path / ENCODER)
        hidden = cast(Any, encoder).config.hidden_size
        return Coder(encoder, DECODERS[manifest["decoder"]](hidden, len(manifest["labels"])))
