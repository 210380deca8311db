"""Distractors: phrases that look like evidence and are none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pellucid.datasets.phantom.condition import Condition, Kind, Said
from pellucid.datasets.phantom.conditions import WEIGHT, undeniable_beside
from pellucid.datasets.phantom.frames import BESIDE_TRUTH, EARLIER_NEGATIVE, FALSE, OF_NATURE
from pellucid.datasets.phantom.item import Claim, Item, Writer

_ABOUT_TRUTH = 0.15  # share of distractors about a condition that the patient does have

Misled = tuple[Kind, Said]


def distractors(
    count: int, stay: Sequence[Condition], catalogue: Sequence[Condition], sex: str, writer: Writer, first: int
) -> list[Item]:
    """Up to `count` distractors, at most one a code; mentions are numbered from `first`.

    Most are about conditions that the patient does not have, and that the stay does not make absurd to deny; some stand beside
    the truth (the patient's father had it too).
    """
    absent = deniable(catalogue, stay, sex)
    present, items = list(stay), list[Item]()
    for number in range(first, first + count):
        pool = present if present and writer.dice.chance(_ABOUT_TRUTH) else absent
        if not pool:
            continue
        condition = writer.dice.weighted(pool, [WEIGHT[c.code] for c in pool])
        options = _beside_truth(condition) if pool is present else _of_absent(condition, writer)
        pool.remove(condition)
        if options:
            items.append(_written(condition, writer.dice.pick(options), number, writer))
    return items


def copied(before: Iterable[Condition], writer: Writer, first: int) -> list[Item]:
    """What was copied forward from the patient's previous note: about half of its acute conditions, since resolved."""
    options: list[Misled] = [("copied", said) for said in FALSE["copied"]]
    gone = [c for c in before if writer.dice.chance(0.5)]
    return [_written(c, writer.dice.pick(options), first + i, writer) for i, c in enumerate(gone)]


def deniable(conditions: Iterable[Condition], stay: Sequence[Condition], sex: str) -> list[Condition]:
    """Those of the conditions that are not true of the stay and that a note about it may deny."""
    barred = {c.code for c in stay}.union(*(undeniable_beside(c.code) for c in stay))
    return [c for c in conditions if c.code not in barred and c.sex in (None, sex)]


def _of_absent(condition: Condition, writer: Writer) -> list[Misled]:
    """The condition's own misleading phrases or the general ones, as likely as each other where it has both."""
    own: list[Misled] = [(kind, (section, template)) for kind, section, template in condition.misleads]
    general = [kind for kind in OF_NATURE[condition.nature] if kind not in condition.unfit]
    if own and (not general or writer.dice.chance(0.5)):
        return own
    kind = writer.dice.pick(general)
    return [(kind, said) for said in FALSE[kind]]


def _beside_truth(condition: Condition) -> list[Misled]:
    """What may be said although the patient has the condition."""
    own: list[Misled] = [(kind, (section, template)) for kind, section, template in condition.misleads if kind in BESIDE_TRUTH]
    kinds = (set(OF_NATURE[condition.nature]) & BESIDE_TRUTH) - condition.unfit
    general: list[Misled] = [(kind, said) for kind in sorted(kinds) for said in FALSE[kind]]
    earlier: list[Misled] = [("negation", said) for said in EARLIER_NEGATIVE] if condition.nature == "acute" else []
    return own + general + earlier


def _written(condition: Condition, misled: Misled, number: int, writer: Writer) -> Item:
    kind, (section, template) = misled
    filled = writer.named(template, condition) if "{x}" in template or "{X}" in template else template
    return writer.write(section, filled, Claim(kind, condition.code, number))
