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
        baseline: the objective where none is named.
    """

    common: Mapping[str, Any]
    objectives: Mapping[str, tuple[str, Mapping[str, Any]]]
    notes: tuple[str, ...]
    cites: str
    baseline: str = "bce"

    def recipe(self, objective: str | None = None, **given: Any) -> Recipe:
        """The recipe of an objective; `given` fields go before the preset's.

        Args:
            objective: a name that the preset knows, None for the baseline; any other text is taken as it is, with the common
                fields.

        Raises:
            PellucidError: a given value is not allowed.
        """
        name = objective or self.baseline
        text, fields = self.objectives.get(name, (name, {}))
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


_WRONGLUNG2022 = (
    "All: the encoders are yours to give, where the paper has a ResNet-50 trained on ImageNet (--encoder) and Bio_ClinicalBERT "
    "(--set text_encoder=DIR). Without them the model is far smaller, and a learning rate of 5e-5 too low for random weights.",
    "All: AdamW with its usual averages, and a rate that rises and falls; the paper has Adam (0.5, 0.999), and halves the rate "
    "when the validation loss stands still. An epoch is all of the training cases; there it is a fifth of the batches.",
    "All: a case gives one sentence a step, drawn anew in every epoch; in the released code every sentence is an instance, so "
    "that a batch may hold the same image twice, as its own negative.",
    "All: the epoch is chosen by how well sentences find their own images (matching); in the paper by the validation loss.",
    "All: images are stretched to the model's size and not cropped. In the released code training crops image and boxes apart.",
    "All: regions come from the last layer with maps and know their place; in the paper from the last but one, without.",
    'masked: the mask token reaches the encoder; in the released code the word "mask" does. Sentences of validation are whole.',
    "clinical: clinical words are those of a list, one by one, and not what scispaCy takes for an entity.",
    "boxes: give the retrained baseline (--start DIR). One sentence of each case is learnt from in a step, where the paper has "
    "one batch of all 30. The last epoch is kept, as there; matching says when to stop, there the loss of 30 more sentences.",
)


@presets.register("wronglung2022")
def wronglung2022() -> Preset:
    """The trainings of McInerney et al. 2022: contrastive, abnormal, masked, clinical, random, boxes, optout, optout_penalty.

    The second opt-out has the penalty beside the token.
    """
    null = {"attention": "published_null"}
    return Preset(
        common={
            "model": "image_text",
            "attention": "published",
            "epochs": 50,
            "batch_size": 48,
            "learning_rate": 5e-5,
            "weight_decay": 1e-6,
            "clip": 0.25,
            "patience": 10,
            "precision": "auto",
        },
        objectives={
            "contrastive": ("contrastive(spare=false)", {}),
            "abnormal": ("contrastive(spare=false, sentences=abnormal)", {}),
            "masked": ("contrastive(spare=false, masked=0.3)", {}),
            "clinical": ("contrastive(spare=false, clinical=0.5)", {}),
            "optout": ("contrastive(spare=false)", null),
            "optout_penalty": ("contrastive(spare=false) + optout(published=true)", null),
            "boxes": (
                "boxes(shots=30, published=true)",
                {"epochs": 500, "batch_size": 30, "patience": 25, "keep": "last", "schedule": "constant"},
            ),
            "random": ("contrastive(sentences=random)", {}),
        },
        notes=_WRONGLUNG2022,
        cites="McInerney et al. 2022 (That's the Wrong Lung!), and its released configuration",
        baseline="contrastive",
    )
