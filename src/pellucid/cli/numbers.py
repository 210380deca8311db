"""Explanations of rows and signals on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.errors import PellucidError

if TYPE_CHECKING:
    from pellucid.api.scored import Scored


def show(explanation: Scored, html: Path | None, png: Path | None) -> None:
    """Print the tables of an explanation, and write its picture."""
    from rich.console import Console

    if html:
        raise PellucidError("Signals and rows are written with --png; pages are for texts.")
    Console().print(explanation)
    if png:
        Console().print(f"Picture: {explanation.to_png(png)}", markup=False, soft_wrap=True)


def as_json(explanation: Scored) -> dict[str, Any]:
    """What was read, and the scores of each label: of a signal in row-major order of time, lead."""
    given = explanation.attribution
    return {
        **_read(explanation),
        "labels": [
            {
                "label": label,
                "probability": probability,
                "facts": {name: float(values[row]) for name, values in given.facts.items()},
                "scores": explanation.scores(label).tolist(),
            }
            for row, (label, probability) in enumerate(explanation.probabilities.items())
        ],
    }


def _read(explanation: Scored) -> dict[str, Any]:
    from pellucid.api import SignalExplanation, TableExplanation

    if isinstance(explanation, SignalExplanation):
        signal = explanation.signal
        return {"size": list(signal.samples.shape), "rate": signal.rate, "leads": list(signal.leads)}
    row = explanation.measurements if isinstance(explanation, TableExplanation) else None
    if row is None:
        return {}
    return {"features": list(row.names), "values": row.values.tolist(), "units": list(row.units)}
