"""Metrics: one number about one explanation. Importing this room registers all of them."""

from pellucid.metrics import (
    budget,
    complexity,
    evidence_use,
    faithfulness,
    matches,
    others,
    ranking,
    spans,
    tokens,
    top,
)

__all__ = [
    "budget",
    "complexity",
    "evidence_use",
    "faithfulness",
    "matches",
    "others",
    "ranking",
    "spans",
    "tokens",
    "top",
]
