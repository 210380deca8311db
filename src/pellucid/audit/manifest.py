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
from pellucid.files import make_folder, read_json, write_json
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
        **_mask_networks(predictor),
        "decision threshold": float(predictor.threshold),
        "data set": dataset.fingerprint,
        "plan": plan.digest,
        "version of Pellucid": __version__,
    }


def _mask_networks(predictor: Predictor) -> dict[str, Any]:
    """What is attached to a model to explain it, and is no part of its fingerprint; nothing where there is nothing."""
    networks = getattr(predictor, "maskers", {})
    return {"mask networks": {name: network.digest for name, network in sorted(networks.items())}} if networks else {}


def check_same(out: Path, identity: dict[str, Any]) -> None:
    """Refuse a folder that holds another audit.

    Raises:
        DataError: `out` is a file, or its audit differs from `identity`; the message says in what.
    """
    if out.exists() and not out.is_dir():
        raise DataError(f"{out} is a file; give a folder for the audit.")
    if not (out / MANIFEST).exists():
        return
    manifest = read_json(out / MANIFEST)
    there = manifest.get("identity") if isinstance(manifest, dict) else None
    if not isinstance(there, dict):
        raise DataError(f"{out / MANIFEST} does not say what was audited; choose another folder, or delete this one.")
    differs = [name for name, value in identity.items() if there.get(name) != value]
    if differs:
        raise DataError(
            f"{out} holds an audit with another {' and another '.join(differs)}; choose another folder, or delete this one."
        )


def check_free(out: Path) -> None:
    """Refuse a folder that holds things which no audit wrote. The manifest is the first file of an audit.

    Raises:
        DataError: there is something, but no audit.
    """
    if (out / MANIFEST).exists() or not out.is_dir():
        return
    if any(not file.name.startswith(f".{MANIFEST}.") for file in out.iterdir()):
        raise DataError(f"{out} holds other things than an audit, which would be mixed with it; choose another folder.")


def check_labels(predictor: Predictor, dataset: Dataset) -> None:
    """Refuse a model and a data set that have no label in common; gold labels unknown to the model are counted later.

    Raises:
        DataError: the model knows none of the labels.
    """
    if dataset.labels and not set(dataset.labels) & set(predictor.labels):
        theirs, ours = dataset.labels[0], predictor.labels[0]
        raise DataError(
            f"The model knows none of the {len(dataset.labels)} labels of the data set {dataset.name!r} (it has {theirs!r} "
            f"and so on, the model {ours!r} and so on); give a data set with labels of the model."
        )


def training_seed(predictor: Predictor) -> int:
    """The seed that the model was trained with, as its report says; 0 where it does not say."""
    about = getattr(predictor, "about", None) or {}
    seed = about.get("seed", about.get("recipe", {}).get("seed", 0))
    return int(seed)


def begin(out: Path, identity: dict[str, Any], predictor: Predictor, dataset: Dataset, plan: Plan, lineup: Lineup) -> None:
    """Say what is audited, and clear what a killed run left half-written."""
    if not (out / MANIFEST).exists():
        write_json(out / MANIFEST, _about(identity, predictor, dataset, plan, lineup))
    for folder in (out, out / CASES, out / VALIDATION):
        make_folder(folder)
        for rest in folder.glob(".*.part"):
            rest.unlink()


def _about(identity: dict[str, Any], predictor: Predictor, dataset: Dataset, plan: Plan, lineup: Lineup) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "identity": identity,
        "plan": plan.to_json(),
        "model": {
            "kind": type(predictor).__name__,
            "labels": list(predictor.labels),
            "exclusive": bool(getattr(predictor, "exclusive", False)),
            "about": getattr(predictor, "about", None) or {},
            "seed": training_seed(predictor),
        },
        "data": {"name": dataset.name, "cases": len(dataset), "about": dict(dataset.about)},
        "explainers": {name: {"signed": e.signed, "cites": e.cites} for name, e in lineup.explainers.items()},
        "skipped": [asdict(s) for s in lineup.skipped],
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": _versions(),
    }


def _versions() -> dict[str, str]:
    found = {"pellucid": __version__, "python": platform.python_version(), "system": platform.platform()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
