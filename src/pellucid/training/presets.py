"""Presets: the settings of published trainings, as data.

A preset says what a recipe holds for each objective that was published, and in which respects a run with it still differs
from the published run. Whatever the user sets goes before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pellucid.registry import presets
from pellucid.training.recipe import Recipe


@dataclass(frozen=True)
class Preset:
    """Settings of a published training.

    Attributes:
        common: fields of the recipe, whatever the objective.
        objectives: by the objective's name the text that stands for it in the recipe, and the fields that differ from `common`.
        notes: what differs from the published run, and why; a sentence each.
        cites: the publication.
    """

    common: Mapping[str, Any]
    objectives: Mapping[str, tuple[str, Mapping[str, Any]]]
    notes: tuple[str, ...]
    cites: str

    def recipe(self, objective: str = "bce", **given: Any) -> Recipe:
        """The recipe of an objective; `given` fields go before the preset's.

        Args:
            objective: a name that the preset knows; any other text is taken as it is, with the common fields.

        Raises:
            PellucidError: a given value is not allowed.
        """
        text, fields = self.objectives.get(objective, (objective, {}))
        return Recipe(**{**self.common, **fields, **given, "objective": text})


_EDIN2024 = (
    "The encoder is yours to give: the paper's RoBERTa-base-PM-M3-Voc is a folder (--encoder DIR). Without it the model is "
    "far smaller, and a learning rate of 5e-5 is too low for one with random weights.",
    "igr: the penalty is taken at the output of the embedding block, of each case's own loss. The released code takes it at "
    "the word table, where repeated words and the notes of a batch melt into one row.",
    "pgd: a radius of 1e-5 is the published one. It moves a logit by less than half precision resolves, so that the published "
    "run is nearly clean training with a weight of 1.5; the objective's default is a radius that matters. The steps are fixed "
    "in number, and computed in full precision.",
    "tm: tokens give way to the mask token of the tokenizer; the released code has the id 50001 written into it. The search "
    "takes all of its 20 steps, and does not stop by the loss of the whole batch; the objective's default takes 5.",
    "tm: the teacher is trained first, with the settings of bce, unless --start names it.",
    "evidence: labels and evidence meet by name; in the released code nine tenths of the rows taught the evidence of another.",
    "evidence: the released code divides by the number of labels and the padded length; its 2.5 is about 0.001 here for notes "
    "of 2,500 tokens. The preset keeps the number, and is thus far stronger; the objective's default is 0.1.",
    "All: padding receives no attention, batches hold notes of like length, the learning rate falls until the last step, and "
    "the threshold is the best of all, not of 100.",
)


@presets.register("edin2024")
def edin2024() -> Preset:
    """The trainings of Edin et al. 2024, for all five objectives: bce, igr, pgd, tm and evidence."""
    return Preset(
        common={
            "decoder": "plm_ca",
            "chunk": 128,
            "max_tokens": 6000,
            "epochs": 20,
            "batch_size": 16,
            "learning_rate": 5e-5,
            "warmup": 0.1,
            "schedule": "linear",
            "weight_decay": 0.0,
            "clip": 1.0,
            "patience": 3,
            "precision": "auto",
        },
        objectives={
            "bce": ("bce", {}),
            "igr": ("bce + 1e-5 * igr", {"micro_batch_size": 4}),
            "pgd": ("bce + 0.5 * pgd(radius=1e-5)", {"micro_batch_size": 4}),
            "tm": (
                "tm(masks=learned, masked=1.0, distance=l1, steps=20, rate=0.1, preserve=0.01)",
                {"learning_rate": 1e-5, "schedule": "constant", "epochs": 1, "micro_batch_size": 8},
            ),
            "evidence": ("bce + 2.5 * evidence", {}),
        },
        notes=_EDIN2024,
        cites="Edin et al. 2024, and its released configuration",
    )
