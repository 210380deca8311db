"""Figures as people and programs read them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from pellucid.crossed import Estimate
from pellucid.files import finite


def cell(estimate: Estimate) -> str:
    """A figure, its interval, and its standard deviation between seeds."""
    if np.isnan(estimate.value):
        return "–"
    interval = "" if np.isnan(estimate.low) else f" [{estimate.low:.3f}, {estimate.high:.3f}]"
    return f"{estimate.value:.3f}{interval}" + (f" ±{estimate.run_sd:.3f}" if estimate.runs > 1 else "")


def cut(figure: Estimate, low: float = 0.0, high: float = 1.0) -> Estimate:
    """A figure with its interval cut to the range in which all of it lies; that of a share if none is given."""
    ends = np.clip([figure.low, figure.high], low, high).tolist()
    return replace(figure, low=ends[0], high=ends[1])


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a table."""
    for line in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(line)} |"


def plain(estimate: Estimate) -> dict[str, Any]:
    """As JSON values; NaN is null."""
    values: dict[str, Any] = finite(asdict(estimate))
    return values
