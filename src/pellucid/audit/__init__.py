"""Audits: every explainer of a plan, on every case of a split, by every metric; and the report that a clinician can read."""

from __future__ import annotations

from pathlib import Path

from pellucid.audit.aggregate import Row
from pellucid.audit.combining import combined
from pellucid.audit.manifest import check_free
from pellucid.audit.plan import Plan, check_plan, usual_plan
from pellucid.audit.runner import Event, run

__all__ = ["Event", "Plan", "Row", "check_free", "check_plan", "combined", "report", "run", "usual_plan"]


def report(out: Path, *, command: str = "") -> Path:
    """Write `report.html`, one self-contained file, from a finished audit.

    Args:
        out: the folder that :func:`run` wrote.
        command: what reproduces the audit, shown in the report.

    Returns:
        The path of the report.

    Raises:
        DataError: the folder holds no finished audit.
    """
    from pellucid.audit.page import write_report  # here, since drawing is slow to import

    return write_report(Path(out), command)
