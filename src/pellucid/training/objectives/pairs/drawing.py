"""The pairs of a training step: one sentence an image, drawn once and shared by all objectives of a sum."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from pellucid.case import Case, Phrase
from pellucid.predictor import Alignment, ImageSide, SentenceAlignment, TextSide, require
from pellucid.rewording import Change, applied, entities, masked
from pellucid.rewording.entities import spoken
from pellucid.training.step import Step

Which = Literal["all", "abnormal", "random"]
Drawn = tuple[Int[Tensor, " S"], tuple[Phrase, ...]]
"""Sentences, and for each the case of the batch that it stands beside."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """Sentences of a step, and all its images held against them.

    Attributes:
        rows: for each sentence the case of the batch that it stands beside.
        phrases: the sentences as they stand in the report.
        texts: as the model read them; some words may be hidden.
        images: of the whole batch.
        found: every image with every sentence.
    """

    rows: Int[Tensor, " S"]
    phrases: tuple[Phrase, ...]
    texts: TextSide
    images: ImageSide
    found: Alignment


def aligner(step: Step) -> SentenceAlignment:
    """The model as one of images and sentences.

    Raises:
        CapabilityError: it is none.
    """
    require(step.model, ("sentence_alignment",), "An objective of pairs")
    return cast(SentenceAlignment, step.model)


def seen(step: Step) -> ImageSide:
    """The images of the step, inside the graph, encoded once."""
    if "seen" not in step.batch.memo:
        step.batch.memo["seen"] = aligner(step).see(step.batch)
    return cast(ImageSide, step.batch.memo["seen"])


def drawn(step: Step, which: Which) -> Drawn:
    """One sentence of each case, from PyTorch's global generator; cases without one are left out.

    Args:
        which: "abnormal" draws from sentences that say that something is there which is not normal; "random" takes the sentence
            of another case of the batch, which the image does not show (a control that should learn nothing). A batch in which
            one case alone has a sentence has no random ones.
    """
    if which == "abnormal":
        return chosen(step, which, lambda case, index: case.sentences[index].abnormal)
    rows, phrases = chosen(step, "all", lambda case, index: True)
    return _rotated(step, rows, phrases) if which == "random" else (rows, phrases)


def chosen(step: Step, name: str, allowed: Callable[[Case, int], bool]) -> Drawn:
    """One sentence of each case that has any of the allowed ones, which are given as a case and a number.

    Objectives that ask under the same name share what is drawn.
    """
    if ("drawn", name) not in step.batch.memo:
        found = {}
        for row, case in enumerate(step.batch.cases):
            options = [phrase for index, phrase in enumerate(case.sentences) if allowed(case, index)]
            if options:
                found[row] = options[int(torch.randint(len(options), ()))]
        rows = torch.tensor(list(found), dtype=torch.long, device=step.truth.device)
        step.batch.memo["drawn", name] = rows, tuple(found.values())
    return cast(Drawn, step.batch.memo["drawn", name])


def pairs_of(step: Step, which: Which = "all", masked: float = 0.0, clinical: float = 0.0) -> Pairs | None:
    """The pairs of a step; None where no case has a sentence. Objectives that ask for the same share them.

    Args:
        masked, clinical: shares of the words, and of the clinical words, that are hidden behind the model's mask token.
    """
    name = ("pairs", which, masked, clinical)
    if name not in step.batch.memo:
        step.batch.memo[name] = _pairs(step, which, masked, clinical)
    found: Pairs | None = step.batch.memo[name]
    return found


def hidden(text: str, token: str, words: float = 0.0, clinical: float = 0.0) -> str:
    """The sentence with some words hidden: of n words max(1, floor(share * n)), at most n - 1, drawn from the global generator.

    Args:
        token: what the encoder reads as its mask.
        words, clinical: shares of all words, and of the clinical ones; 0 hides none.
    """
    said = [(int(start), int(stop)) for start, stop in spoken(text).offsets]
    changes: dict[int, Change] = {}
    for share, candidates in ((words, said), (clinical, entities(text))):
        if share:
            generator = np.random.default_rng(int(torch.randint(2**31, ())))
            changes |= {change.start: change for change in masked(text, candidates, share, token, generator)}
    return applied(text, [changes[start] for start in sorted(changes)])


def _pairs(step: Step, which: Which, masked: float, clinical: float) -> Pairs | None:
    rows, phrases = drawn(step, which)
    if not phrases:
        return None
    model, images = aligner(step), seen(step)
    said = [phrase.text for phrase in phrases]
    if masked or clinical:  # only then a mask token is asked for, which not every model has
        said = [hidden(text, model.mask_token, masked, clinical) for text in said]
    texts = model.read(said)
    return Pairs(rows, phrases, texts, images, model.align(images, texts))


def _rotated(step: Step, rows: Int[Tensor, " S"], phrases: Sequence[Phrase]) -> Drawn:
    """The sentences moved on to other cases, so that none keeps its own."""
    if len(rows) < 2:
        return rows[:0], ()
    if ("drawn", "random") not in step.batch.memo:
        by = int(torch.randint(1, len(rows), ()))
        step.batch.memo["drawn", "random"] = rows, (*phrases[by:], *phrases[:by])
    return cast(Drawn, step.batch.memo["drawn", "random"])
