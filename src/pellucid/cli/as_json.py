"""Explanations as JSON values, as `pellucid explain --json` writes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from pellucid.api import Explanation, ImageExplanation
    from pellucid.api.scored import Scored
    from pellucid.units import TextUnits


def of(explanation: Explanation | ImageExplanation | Scored) -> dict[str, Any]:
    """An explanation of whatever was read."""
    from pellucid.api import Explanation, ImageExplanation

    if isinstance(explanation, Explanation):
        return of_text(explanation)
    return of_image(explanation) if isinstance(explanation, ImageExplanation) else of_numbers(explanation)


def of_text(explanation: Explanation) -> dict[str, Any]:
    """Offsets are half-open and count characters of the note."""
    signed = explanation.attribution.signed

    def spans(label: str) -> dict[str, Any]:
        against = explanation.against(label) if signed else []
        return {"for": [vars(h) for h in explanation.spans(label)], "against": [vars(h) for h in against]}

    offsets = cast("TextUnits", explanation.attribution.units).offsets.tolist()
    return {**_about(explanation), "labels": _labels(explanation, spans), "offsets": offsets}


def of_image(explanation: ImageExplanation) -> dict[str, Any]:
    """Scores are in row-major order of (depth,) height, width.

    A label has a "probability", a sentence that was asked a "fit".
    """
    size = list(explanation.picture.size)
    labels = _labels(explanation, number=explanation.number)
    return {**_about(explanation), "size": size, "labels": labels}


def of_numbers(explanation: Scored) -> dict[str, Any]:
    """What was read, and the scores of each label: of a signal in row-major order of time, lead."""
    return {**_about(explanation), **_read(explanation), "labels": _labels(explanation)}


def _about(explanation: Explanation | ImageExplanation | Scored) -> dict[str, Any]:
    """What was explained, by what and of which model."""
    given = explanation.attribution
    return {
        "format": "pellucid.explanation/1",
        "case": given.case,
        "method": given.method,
        "settings": dict(given.settings),
        "model": given.predictor,
        "unit": given.units.kind,
        "notes": list(explanation.notes),
    }


def _labels(
    explanation: Explanation | ImageExplanation | Scored,
    more: Callable[[str], dict[str, Any]] = lambda label: {},
    number: str = "probability",
) -> list[dict[str, Any]]:
    """Each label with its scores.

    Args:
        more: what else is said of a label.
        number: what its probability is called.
    """
    facts = explanation.attribution.facts.items()
    return [
        {
            "label": label,
            number: probability,
            **more(label),
            "facts": {name: float(values[row]) for name, values in facts},
            "scores": explanation.scores(label).tolist(),
        }
        for row, (label, probability) in enumerate(explanation.probabilities.items())
    ]


def _read(explanation: Scored) -> dict[str, Any]:
    """The signal's shape, or the row's values."""
    from pellucid.api import SignalExplanation, TableExplanation

    if isinstance(explanation, SignalExplanation):
        signal = explanation.signal
        return {"size": list(signal.samples.shape), "rate": signal.rate, "leads": list(signal.leads)}
    if isinstance(explanation, TableExplanation):
        row = explanation.measurements
        return {"features": list(row.names), "values": row.values.tolist(), "units": list(row.units)}
    return {}
