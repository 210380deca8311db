"""Occlusion: what the logit loses when a piece of text goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pellucid.attribution import Attribution
from pellucid.explainers.base import Facts, attribute
from pellucid.explainers.spreading import Kind, members, spread
from pellucid.predictor import Batch, Filler, Predictor
from pellucid.registry import explainers
from pellucid.target import Target


@explainers.register("occlusion_section", unit="section")
@explainers.register("occlusion_sentence", unit="sentence")
@explainers.register("occlusion_word", unit="word")
@explainers.register("occlusion_token", unit="token")
@dataclass(frozen=True)
class Occlusion(Facts):
    """What the logit loses when a token, word, sentence or section goes: `f(x) - f(x without the unit)`.

    Positive where the text speaks for the label, negative where it speaks against it.

    The effect of a unit is shared evenly among its tokens. Text that no token stands for (cut off at the model's
    limit) has no effect.

    Cost: one perturbed version a unit, for all targets together.

    Args:
        unit: "token", "word", "sentence" or "section".
        filler: "mask" or "delete".
    """

    unit: Kind = "word"
    filler: Filler = "mask"
    signed = True
    cites = "Zeiler and Fergus 2014; Li et al. 2016 (erasure in text)"

    @property
    def name(self) -> str:
        return f"occlusion_{self.unit}"

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        groups = [members(units, self.unit) for units in batch.units]
        # Only pieces that hold a token are left out one at a time; row 0 is the whole note.
        present = [np.unique(group[group >= 0]) for group in groups]
        keep = [np.concatenate([group[None] >= -1, group != p[:, None]]) for group, p in zip(groups, present, strict=True)]
        scores = predictor.perturbed_scores(batch, keep, self.filler, targets)
        results = []
        for i, (group, pieces, values) in enumerate(zip(groups, present, scores, strict=True)):
            effect = np.zeros((len(targets), int(pieces.max(initial=-1)) + 1))
            effect[:, pieces] = (values[0] - values[1:]).T
            results.append(attribute(self, predictor, batch, i, targets, spread(effect, group)))
        return results
