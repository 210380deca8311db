"""Predictors that Pellucid can train, save and load."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from pellucid.errors import CheckpointError
from pellucid.files import read_json
from pellucid.predictor import Predictor
from pellucid.predictors import plm_ca as plm_ca
from pellucid.registry import predictors

MANIFEST = "pellucid.json"


def load(path: Path | str, device: str = "cpu") -> Predictor:
    """Open a saved predictor.

    Args:
        path: the folder that `pellucid train` wrote.
        device: where to run it, in PyTorch's words.

    Raises:
        CheckpointError: the folder is missing, is not a saved predictor, or is damaged.
    """
    manifest = Path(path) / MANIFEST
    if not manifest.is_file():
        raise CheckpointError(
            f"{path} is not a saved model (it has no {MANIFEST}); give the folder that `pellucid train` wrote."
        )
    kind = read_json(manifest).get("predictor", "")
    return cast(Predictor, predictors.factory(kind).load(Path(path), device))  # type: ignore[attr-defined]
