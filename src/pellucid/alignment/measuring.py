"""One case measured, and what the page may show of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from pellucid.alignment.battery import Heard, run
from pellucid.alignment.findings import SWAP
from pellucid.alignment.job import Job
from pellucid.alignment.plan import BASELINES
from pellucid.alignment.sentences import Sentence, diversity, readable
from pellucid.alignment.view import View, look
from pellucid.audit.measuring import Measured
from pellucid.case import Case
from pellucid.errors import DataError
from pellucid.imaging import resized
from pellucid.metrics.base import shares
from pellucid.picture import Picture
from pellucid.units import PixelUnits

KEPT = 56
"""Pixels along the longest side of the maps that are kept for the page."""


def measure(job: Job, case: Case) -> Measured:
    """Ask everything about one case; a case with nothing to ask says why."""
    head = {"case": case.id, "patient": case.patient}
    try:
        view = look(job, case)
    except DataError as error:
        return Measured({**head, "excluded": "the model cannot read it", "detail": str(error)})
    if isinstance(view, str):
        return Measured({**head, "excluded": view})
    before = encoded(job)
    heard = run(job, view)
    facts = {**head, "excluded": "", **_facts(view), "images encoded": encoded(job) - before}
    return Measured(facts, _arrays(view, heard), heard.findings)


def encoded(job: Job) -> int:
    """How many pictures the model has read so far; 0 for a model that does not count."""
    return int(getattr(getattr(job.model, "cost", None), "images", 0))


def _facts(view: View) -> dict[str, Any]:
    truncated = dict(zip(view.texts.unique, view.texts.side.truncated, strict=True))
    return {
        "sentences": [_sentence(view, sentence, truncated) for sentence in view.found],
        "wordless": [f"s{i}" for i, phrase in enumerate(view.case.sentences) if not readable(phrase.text)],
        "diversity": diversity(view.places),
        "lungs known": view.areas.known,
        "unfit": dict(view.battery.unfit),
        "other patient": view.stranger is not None,
    }


def _sentence(view: View, sentence: Sentence, truncated: dict[str, int]) -> dict[str, Any]:
    swapped = view.rows.get((sentence.target, SWAP))
    return {
        "target": sentence.target,
        "text": sentence.phrase.text,
        "swapped": "" if swapped is None else view.battery.asked[swapped].text,
        "stratum": sentence.stratum,
        "side": sentence.side or "",
        "placed": sentence.truth is not None,
        "lost": sentence.lost,
        "abnormal": sentence.phrase.abnormal,
        "one lung": sentence.one_lung,
        "truncated": truncated[sentence.phrase.text],
    }


def _arrays(view: View, heard: Heard) -> dict[str, np.ndarray]:
    """The picture, and for sentences that name one side the maps for them and for their swapped twins."""
    shown = resized(view.case.picture, view.units.shape)
    arrays: dict[str, np.ndarray] = {"picture": (shown.unit() * 255).round().astype(np.uint8)}
    for sentence in view.found:
        rows = {"map": view.rows[sentence.target, ""], "twin": view.rows.get((sentence.target, SWAP))}
        if rows["twin"] is None:
            continue
        if sentence.truth is not None:
            arrays[f"truth/{sentence.target}"] = sentence.truth
        for name, maps in heard.maps.scores.items():
            if name not in BASELINES:
                arrays |= {f"{kind}/{name}/{sentence.target}": small(maps[row], view.units) for kind, row in rows.items()}
    return arrays


def small(scores: Float[np.ndarray, " U"], units: PixelUnits) -> Float[np.ndarray, "h w"]:
    """The positive part of a map, its strongest pixel 1, with at most :data:`KEPT` pixels along a side; half precision."""
    share = shares(scores)
    part = (share / (share.max() or 1.0)).reshape(*units.shape, 1).astype(np.float32)
    times = min(1.0, KEPT / max(units.shape))
    size = tuple(max(1, round(n * times)) for n in units.shape)
    return resized(Picture(part), size).pixels[..., 0].astype(np.float16)
