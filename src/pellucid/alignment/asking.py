"""What is asked about one picture: its sentences, and every rewording of them that applies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pellucid.alignment.plan import AlignmentPlan
from pellucid.alignment.sentences import ABSENT, Sentence, readable
from pellucid.case import Case, Phrase
from pellucid.rewording import REWORDINGS, Context, swapped, swapped_regions

TRUE = ""
"""The setting of the sentence as the report has it."""


@dataclass(frozen=True)
class Asked:
    """One text about one picture.

    Attributes:
        target: the sentence that it came from.
        setting: the rewording; :data:`TRUE` for the sentence itself.
        regions: of which the text speaks.
    """

    target: str
    setting: str
    text: str
    regions: tuple[str, ...]


@dataclass(frozen=True)
class Battery:
    """All texts about one picture, and how often a rewording did not apply, by its name."""

    asked: tuple[Asked, ...]
    unfit: Counter[str]


def battery(case: Case, found: Sequence[Sentence], others: tuple[Phrase, ...], plan: AlignmentPlan, mask_token: str) -> Battery:
    """Every sentence with its rewordings. Those that only say what is absent are asked as they are.

    Args:
        others: sentences of other patients.
    """
    asked: list[Asked] = []
    unfit: Counter[str] = Counter()
    for sentence in found:
        asked.append(Asked(sentence.target, TRUE, sentence.phrase.text, sentence.phrase.regions))
        if sentence.stratum == ABSENT:
            continue
        siblings = tuple(phrase for i, phrase in enumerate(case.sentences) if i != sentence.index)
        context = Context(siblings, others, plan.seed, case.id, sentence.index, mask_token)
        made = list(_reworded(sentence, context, plan.rewordings))
        asked += made
        unfit.update(set(plan.rewordings) - {one.setting for one in made})
    return Battery(tuple(asked), unfit)


def twin(sentence: Sentence) -> Asked:
    """The sentence with its sides exchanged, as it would be said of the flipped picture; itself where it names no side."""
    text = swapped(sentence.phrase.text)
    if text is None:
        return Asked(sentence.target, TRUE, sentence.phrase.text, sentence.phrase.regions)
    regions = swapped_regions(sentence.phrase.regions)
    return Asked(sentence.target, "side_swap", text, sentence.phrase.regions if regions is None else regions)


def _reworded(sentence: Sentence, context: Context, names: Sequence[str]) -> Iterator[Asked]:
    for name in names:
        made = REWORDINGS[name](sentence.phrase, context)
        if made is not None and readable(made.text):
            regions = sentence.phrase.regions if made.regions is None else made.regions
            yield Asked(sentence.target, name, made.text, regions)
