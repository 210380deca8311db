"""The models of the study: what each is trained to do, and by which map it is judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

OURS_OBJECTIVE = "contrastive + optout + 4 * laterality(mass=0.9) + boxes"
"""What our own model minimises; weight and mass of laterality were chosen on validation cases of phantoms."""

SHOTS = {"epochs": 20, "patience": 20, "keep": "last", "learning_rate": 5e-4, "schedule": "constant", "warmup": 0.0}
"""How a trained model goes on from a few boxes: twenty times through them, each time one step a box or so.

The last epoch is kept, as published. The best one by matching would be the one that learnt least: boxes do not ask for it.
Published are up to 500 steps of all thirty at a tenth of the rate.
"""

WHOLE_MAP, WORD_MAP = "local_attention_mean", "local_attention"
"""The mean over all items of a sentence, as published; and over the words that name something."""


@dataclass(frozen=True)
class Variant:
    """One way to train.

    Attributes:
        about: in words.
        objective: what is minimised.
        attention: how words attend to regions, as a recipe calls it.
        method: the map by which the variant is judged.
        after: the variant whose model of the same seed it goes on from; None for a new model.
        pace: fields of the recipe in place of the study's own.
        helped: whether it also learns what the study gives to all new models.
    """

    about: str
    objective: str
    attention: str = "published"
    method: str = WHOLE_MAP
    after: str | None = None
    pace: Mapping[str, Any] = field(default_factory=dict)
    helped: bool = True


RETRAINED, SHOT, RANDOM, JOINT, OURS = "retrained", "shots", "random_sentences", "joint", "ours"
REMEDIES = ("abnormal", "word_masking", "clinical_masking", "no_attn", SHOT)
"""What the paper tries against the failure of the retrained model."""

VARIANTS: dict[str, Variant] = {
    RETRAINED: Variant("the published attention, trained as published", "contrastive"),
    "abnormal": Variant("trained on sentences that say that something is abnormal", "contrastive(sentences=abnormal)"),
    "word_masking": Variant("30 % of the words hidden", "contrastive(masked=0.3)"),
    "clinical_masking": Variant("50 % of the clinical words hidden", "contrastive(clinical=0.5)"),
    "no_attn": Variant("a token that words may look at in place of the image", "contrastive", "published_null"),
    SHOT: Variant(
        "the retrained model, gone on from 30 sentences with boxes",
        "boxes(published=true, shots=30)",
        after=RETRAINED,
        pace=SHOTS,
        helped=False,
    ),
    RANDOM: Variant("trained on sentences about other images, as a control", "contrastive(sentences=random)", helped=False),
    JOINT: Variant("one transformer over boxes and words (UNITER's kind)", "contrastive", "joint"),
    OURS: Variant("attention in which opting out is possible, taught what a side is", OURS_OBJECTIVE, "corrected", WORD_MAP),
}
"""By name, in the order of the tables; what goes on from another stands behind it."""
