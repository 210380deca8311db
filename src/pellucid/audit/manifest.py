"""What an audit is about, written before it begins, and compared before it goes on."""

from __future__ import annotations

import platform
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pellucid._version import __version__
from pellucid.audit.lineup import Lineup
from pellucid.audit.plan import Plan
from pellucid.datasets.base import Dataset
from pellucid.errors import DataError
from pellucid.files import read_json, write_json
from pellucid.predictor import Predictor

FORMAT = "pellucid.audit/1"
MANIFEST, FINDINGS, THRESHOLDS, COST, COUNTS = (
    "audit.json", "findings.parquet", "thresholds.json", "cost.json", "counts.json"
)  # fmt: skip
CASES, VALIDATION = "cases", "validation"
PACKAGES = ("torch", "transformers", "tokenizers", "numpy", "scipy", "pyarrow")


def identify(predictor: Predictor, dataset: Dataset, plan: Plan) -> dict[str, Any]:
    """What makes two audits the same, as JSON values."""
    return {
        "model": predictor.fingerprint,
        "decision threshold": float(predictor.threshold),
        "data set": dataset.fingerprint,
        "plan": plan.digest,
        "version of Pellucid": __version__,
    }


def check_same(out: Path, identity: dict[str, Any]) -> None:
    """Refuse a folder that holds another audit.

    Raises:
        DataError: the folder's audit differs from `identity`; the message says in what.
    """
    if not (out / MANIFEST).exists():
        return
    there = read_json(out / MANIFEST).get("identity", {})
    differs = [name for name, value in identity.items() if there.get(name) != value]
    if differs:
        raise DataError(
            f"{out} holds an audit with another {' and another '.join(differs)}; choose another folder, or delete this one."
        )


def training_seed(predictor: Predictor) -> int:
    """The seed that the model was trained with, as its report says; 0 where it does not say."""
    about = getattr(predictor, "about", None) or {}
    seed = about.get("seed", about.get("recipe", {}).get("seed", 0))
    return int(seed)


def begin(out: Path, identity: dict[str, Any], predictor: Predictor, dataset: Dataset, plan: Plan, lineup: Lineup) -> None:
    """Say what is audited, and clear what a killed run left half-written."""
    for folder in (out / CASES, out / VALIDATION):
        folder.mkdir(parents=True, exist_ok=True)
        for rest in folder.glob(".*.part"):
            rest.unlink()
    if (out / MANIFEST).exists():
        return
    about = {
        "format": FORMAT,
        "identity": identity,
        "plan": plan.to_json(),
        "model": {
            "kind": type(predictor).__name__,
            "labels": list(predictor.labels),
            "about": getattr(predictor, "about", None) or {},
            "seed": training_seed(predictor),
        },
        "data": {"name": dataset.name, "cases": len(dataset), "about": dict(dataset.about)},
        "explainers": {name: {"signed": e.signed, "cites": e.cites} for name, e in lineup.explainers.items()},
        "skipped": [asdict(s) for s in lineup.skipped],
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": _versions(),
    }
    write_json(out / MANIFEST, about)


def _versions() -> dict[str, str]:
    found = {"pellucid": __version__, "python": platform.python_version(), "system": platform.platform()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
