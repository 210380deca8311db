"""Predictors that Pellucid can train, save and load."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from pellucid.errors import CheckpointError
from pellucid.files import read_json
from pellucid.predictor import Predictor
from pellucid.predictors import plm_ca as plm_ca
from pellucid.predictors.device import device_of as device_of
from pellucid.registry import predictors

MANIFEST = "pellucid.json"


def load(path: Path | str, device: str = "cpu") -> Predictor:
    """Open a saved predictor.

    Args:
        path: the folder that `pellucid train` wrote.
        device: where to run it, in PyTorch's words.

    Raises:
        CheckpointError: the folder is missing, is not a saved predictor, or is damaged.
        CapabilityError: there is no such device.
    """
    device_of(device)
    manifest = Path(path) / MANIFEST
    if not manifest.is_file():
        raise CheckpointError(
            f"{path} is not a saved model (it has no {MANIFEST}); give the folder that `pellucid train` wrote."
        )
    found = read_json(manifest)
    kind = found.get("predictor") if isinstance(found, dict) else None
    if not isinstance(kind, str) or kind not in predictors:
        raise CheckpointError(
            f"{manifest} names the predictor {kind!r}, which is not known here; copy or train the model again."
        )
    return cast(Predictor, predictors.factory(kind).load(Path(path), device))  # type: ignore[attr-defined]
