"""Boxes: the map of a sentence is to lie where a person, or another program, said that it speaks of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pellucid.case import Case, Phrase
from pellucid.randomness import stream
from pellucid.registry import objectives
from pellucid.training.objectives.pairs.drawing import aligner, chosen, seen
from pellucid.training.objectives.pairs.maps import log_of, own, shares
from pellucid.training.objectives.pairs.paired import Paired, looks_away, nothing
from pellucid.training.objectives.pairs.placing import area_of, covered, placed
from pellucid.training.step import Step
from pellucid.training.trainable import Trainable


@objectives.register("boxes")
@dataclass(frozen=True)
class Boxed(Paired):
    """`-log sum_r a_r m_r + 1 - Dice(a / max a, m)` of sentences that have a place, and `-log n` of those of what is absent.

    a is the map of a sentence on its image, the mean over its clinical words, and n the share that it leaves to the null; m is
    the share of each region that its mask or boxes cover. Dice is `2 sum a m / (sum a + sum m)`. The second term is for models
    that have a null. One sentence of each case is drawn; the mean over each kind counts alike, however few there are.

    Attributes:
        shots: so many training sentences with a place are learnt from at most, and as many of what is absent, chosen by a hash
            of case, number and `seed`, so that fewer are always among more.
        seed: of that choice.
        published: `-log` of the mass inside alone, of maps over all items of a sentence, without the share of the null;
            whatever has a place has it, what is absent too.
    """

    name: ClassVar[str] = "boxes"
    alone = True  # few boxes may be all that a trained model goes on with
    cites = "McInerney et al. 2022 (30-shot training, published=true); Milletari et al. 2016 (Dice)"

    shots: int | None = None
    seed: int = 0
    published: bool = False

    def __post_init__(self) -> None:
        self._demand("shots", "a number of sentences, at least 1", self.shots is None or self.shots >= 1)

    @property
    def wanted(self) -> str:
        return "a sentence with boxes or a mask"

    def uses(self, case: Case, index: int) -> bool:
        phrase = case.sentences[index]
        return placed(phrase) and (self.published or not phrase.absent)

    def helper(self, model: Trainable, cases: Sequence[Case]) -> nn.Module:
        """Which sentences are learnt from."""
        said = [(case, index) for case in cases for index in range(len(case.sentences))]
        marked = [(case.id, index) for case, index in said if self.uses(case, index)]
        absent = [(case.id, index) for case, index in said if case.sentences[index].absent]
        away = not self.published and looks_away(model, cases)
        return Learnt(self._lucky(marked) | (self._lucky(absent) if away else frozenset()))

    def _lucky(self, sentences: Sequence[tuple[str, int]]) -> frozenset[tuple[str, int]]:
        return frozenset(sentences if self.shots is None else sorted(sentences, key=self._luck)[: self.shots])

    def _luck(self, sentence: tuple[str, int]) -> float:
        return float(stream(self.seed, "shots", sentence[0], str(sentence[1])).random())

    def __call__(self, step: Step) -> Float[Tensor, ""]:
        learnt = cast(Learnt, step.helpers[self.name])
        rows, phrases = chosen(step, f"{self!r}", learnt.holds)
        if not phrases:
            return nothing(step)
        texts = aligner(step).read([phrase.text for phrase in phrases])
        maps, null = own(step, texts, rows, "all" if self.published else "entities")
        kinds: dict[bool, list[Tensor]] = {}
        for row, phrase, found, share in zip(rows.tolist(), phrases, maps, null, strict=True):
            away = phrase.absent and not self.published
            kinds.setdefault(away, []).append(-log_of(share) if away else self._placed(step, row, phrase, found))
        return torch.stack([torch.stack(costs).mean() for costs in kinds.values()]).sum()

    def _placed(self, step: Step, row: int, phrase: Phrase, found: Float[Tensor, " R"]) -> Float[Tensor, ""]:
        """One sentence on its image; 0 where its boxes lie outside of that."""
        area = area_of(phrase, step.batch.cases[row])
        marks = covered(area, seen(step), step.batch.units[row].shape).to(found)
        inside = -log_of(((shares(found) if self.published else found) * marks).sum())
        return (inside if self.published else inside + 1 - dice(found, marks)) * float(area.any())


def dice(found: Float[Tensor, " R"], marks: Float[Tensor, " R"]) -> Float[Tensor, ""]:
    """Of a map scaled to its maximum, and marks in [0, 1]: 1 where they are the same, 0 where they share nothing."""
    scaled = found / found.amax().clamp(min=torch.finfo(torch.float32).tiny)
    return 2 * (scaled * marks).sum() / (scaled.sum() + marks.sum())


class Learnt(nn.Module):
    """Which sentences of the training cases are learnt from; it has no weights.

    Args:
        sentences: as id of the case and number.
    """

    def __init__(self, sentences: frozenset[tuple[str, int]]) -> None:
        super().__init__()
        self.sentences = sentences

    def holds(self, case: Case, index: int) -> bool:
        """Whether the sentence of that number is one of them."""
        return (case.id, index) in self.sentences
