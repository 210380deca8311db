"""Runs of training that come to grief in the last step of an epoch."""

from __future__ import annotations

from typing import Any

import pytest
import torch


def break_in_epoch(kind: type, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last step of that epoch, whose loss was still a number, leaves weights that are none.

    Args:
        kind: of the runs, with a position, an optimiser and a close of the epoch.
    """
    plain = kind._close_epoch  # type: ignore[attr-defined]

    def close(run: Any, tell: Any) -> None:
        if run.position.epoch + 1 == number:
            with torch.no_grad():
                for weight in (w for group in run.optimiser.param_groups for w in group["params"]):
                    weight.fill_(float("nan"))
        plain(run, tell)

    monkeypatch.setattr(kind, "_close_epoch", close)
