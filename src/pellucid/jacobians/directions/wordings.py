"""A text said otherwise: from the embeddings of its words to those of other words, where they stand at the same places."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.case import Boxes, Case, Phrase
from pellucid.jacobians.directions.base import Direction, Made, Skipped, family, straight
from pellucid.jacobians.directions.scene import Scene
from pellucid.rewording import Context, Reworded, finding_swap, negation, severity, side_swap
from pellucid.rewording.base import Rewording
from pellucid.units import sentences

_REWORDINGS: tuple[Rewording, ...] = (side_swap, negation, finding_swap, severity)
_NOWHERE = Boxes(np.zeros((0, 4)))
_LONGEST = 40  # characters of a change that a unit can show


@family("wording", "text", "language", "a sentence said otherwise: the other side, not there, another finding, more or less")
def wording(scene: Scene) -> Made:
    """`(1 - t) e + t e'`, e and e' the embeddings before and after one sentence is reworded: one step is the new sentence.

    Positions and words around a word are part of some embeddings; both texts are therefore embedded whole. A sentence that
    becomes longer or shorter moves all that follows, and is skipped.
    """
    found = sentences(scene.case.text)
    for rewording in _REWORDINGS:
        applied = False
        for number, (start, stop) in enumerate(found.offsets.tolist()):
            phrase = Phrase(scene.case.text[start:stop], _NOWHERE)
            new = rewording(phrase, Context(case=scene.case.id, index=number))
            if new is not None:
                applied = True
                yield _said(scene, f"{rewording.name} in sentence {number + 1}", new, (start, stop))
        if not applied:
            yield Skipped(rewording.name, "it applies to no sentence of the text")


def _said(scene: Scene, name: str, new: Reworded, place: tuple[int, int]) -> Direction | Skipped:
    text = scene.case.text
    made = replace(
        scene.case, inputs={**scene.case.inputs, "text": text[: place[0]] + new.text + text[place[1] :]}, evidence=()
    )
    embedded = _embedded(scene, made)
    if embedded is None:
        return Skipped(name, "the new words are more or fewer tokens than the old ones, so that no token stands where it stood")
    return straight(name, _shown(new), scene.at, embedded - scene.at, "one step is the new wording")


def _embedded(scene: Scene, made: Case) -> Float[Tensor, "L d"] | None:
    """The features of another text; None where its tokens do not stand in the rows of the first one's."""
    before, after = (scene.predictor.encode([case]) for case in (scene.case, made))
    features = scene.predictor.features(after).detach()[0].to("cpu", torch.float64)
    alike = np.array_equal(before.rows[0], after.rows[0]) and features.shape == scene.at.shape
    return features if alike else None


def _shown(new: Reworded) -> str:
    """What became what, where that is short."""
    said = ", ".join(f"{change.before.strip()} -> {change.after.strip()}" for change in new.changes)
    return said if len(said) <= _LONGEST else "reworded"
