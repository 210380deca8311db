"""Metrics: one number about one explanation. Importing this room registers all of them."""

from pellucid.metrics import complexity, faithfulness, matches, ranking, spans, tokens, top

__all__ = ["complexity", "faithfulness", "matches", "ranking", "spans", "tokens", "top"]
