"""What an audit of alignment is about, written before it begins, and compared before it goes on."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pellucid._version import __version__
from pellucid.alignment.job import Job
from pellucid.alignment.plan import IMAGES
from pellucid.datasets.base import Dataset
from pellucid.errors import DataError
from pellucid.files import make_folder, read_json, write_json
from pellucid.rewording import REWORDINGS

FORMAT = "pellucid.alignment/1"
MANIFEST, FINDINGS, COUNTS, TABLES, TABLES_TEXT = "align.json", "findings.parquet", "counts.json", "tables.json", "tables.md"
CASES, PAGE, SENSITIVITY = "cases", "report.html", "sensitivity.npz"


def check_free(out: Path) -> None:
    """Refuse a folder that holds things which no audit of alignment wrote. The manifest is its first file.

    Raises:
        DataError: `out` is a file, or there is something, but no such audit.
    """
    if out.exists() and not out.is_dir():
        raise DataError(f"{out} is a file; give a folder.")
    if out.is_dir() and not (out / MANIFEST).exists() and any(not f.name.startswith(f".{MANIFEST}.") for f in out.iterdir()):
        raise DataError(f"{out} holds other things than an audit of alignment, which would be mixed; choose another folder.")


def check_same(out: Path, identity: dict[str, Any]) -> None:
    """Refuse a folder that holds an audit of something else.

    Raises:
        DataError: the message says in what it differs.
    """
    check_free(out)
    if not (out / MANIFEST).exists():
        return
    found = read_json(out / MANIFEST)
    there = found.get("identity", {}) if isinstance(found, dict) else {}
    differs = [name for name, value in identity.items() if there.get(name) != value]
    if differs:
        raise DataError(
            f"{out} holds an audit with another {' and another '.join(differs)}; choose another folder, or delete this one."
        )


def begin(out: Path, identity: dict[str, Any], job: Job, dataset: Dataset) -> None:
    """Say what is audited, and clear what a killed run left half-written."""
    if not (out / MANIFEST).exists():
        write_json(out / MANIFEST, _about(identity, job, dataset))
    for folder in (out, out / CASES):
        make_folder(folder)
        for rest in folder.glob(".*.part"):
            rest.unlink()


def _about(identity: dict[str, Any], job: Job, dataset: Dataset) -> dict[str, Any]:
    plan = job.plan
    return {
        "format": FORMAT,
        "identity": identity,
        "plan": plan.to_json(),
        "model": {"kind": type(job.model).__name__, "about": getattr(job.model, "about", None) or {}, "seed": job.seed},
        "data": {"name": dataset.name, "cases": len(dataset), "about": dict(dataset.about)},
        "methods": job.methods,
        "skipped": [asdict(s) for s in job.skipped],
        "prior sentences": job.prior.sentences if job.prior else 0,
        "rewordings": {n: {"expected": REWORDINGS[n].expected, "about": REWORDINGS[n].about} for n in plan.rewordings},
        "images": {name: IMAGES[name] for name in plan.images},
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": __version__,
    }
