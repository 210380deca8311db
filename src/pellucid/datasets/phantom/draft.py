"""From what is true to the items of a note, at the length asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pellucid.datasets.phantom.condition import Condition, Said
from pellucid.datasets.phantom.distractors import copied, deniable, distractors
from pellucid.datasets.phantom.filler import DAY, FILLER, OF_SEX
from pellucid.datasets.phantom.item import Item, Writer
from pellucid.datasets.phantom.sections import FORMS, Section
from pellucid.datasets.phantom.template import Segment
from pellucid.datasets.phantom.truths import mentions

_WORD = re.compile(r"\w+(?:['.,-]\w+)*|[^\w\s]+")  # as pellucid.units.words cuts, near enough for a length
_COPIED = Segment("[copied forward] ", False)
_LINES_A_DAY = (7, 14)
_COPY, _COPY_DAILY = 0.35, 0.7  # chance that something is copied forward into the course, and into the note of a day
_FIRST_COPY = 10_000  # copies are mentions of their own, numbered from here
_OVERHEAD = 4 * len(FORMS)  # words and marks of headings and bullets, roughly


@dataclass(frozen=True)
class Stay:
    """One admission: what is true of it, and the acute conditions of the one before."""

    conditions: Sequence[Condition]
    before: Sequence[Condition]
    sex: str


def draft(stay: Stay, catalogue: Sequence[Condition], length: int, misleading: int, writer: Writer) -> list[Item]:
    """The items of a note in reading order, about `length` words and punctuation marks long.

    What is true and what misleads is never left out, so that a note cannot be shorter than that.
    """
    items = mentions(stay.conditions, writer)
    items += distractors(misleading, stay.conditions, catalogue, stay.sex, writer, first=len(items))
    items += copied(deniable(stay.before, stay.conditions, stay.sex), writer, first=len(items))
    if (quotable := [i for i in _quotable(items) if i.section is not Section.COURSE]) and writer.dice.chance(_COPY):
        items.append(_quoted(writer.dice.pick(quotable), Section.COURSE, _FIRST_COPY))
    missing = length - _length(items) - _OVERHEAD
    fillers = _fillers(items, stay.sex, missing, writer)
    body = _ordered(writer.dice.shuffled([*items, *fillers]))
    return [*body, *_days(missing - _length(fillers), _quotable(body), writer)]


def _length(items: Sequence[Item]) -> int:
    return sum(len(_WORD.findall(item.text)) for item in items)


def _ordered(items: Sequence[Item]) -> list[Item]:
    """By section; items of a section keep their order."""
    rank = {section: i for i, section in enumerate(Section)}
    return sorted(items, key=lambda item: rank[item.section])


def _fillers(items: Sequence[Item], sex: str, missing: int, writer: Writer) -> list[Item]:
    """Filler sentences until nothing is missing or all sections are full.

    A section in which nothing is said gets one in any case. No template is used twice.
    """
    said = {item.section for item in items}
    needed: list[Said] = []
    spare: list[Said] = []
    for section, templates in FILLER.items():
        pool = [(section, template) for template in writer.dice.shuffled(templates + OF_SEX[sex].get(section, ()))]
        first = 0 if section in said else 1
        needed += pool[:first]
        spare += pool[first : first + FORMS[section].filler]
    result = [writer.write(*one) for one in needed]
    missing -= _length(result)
    for section, template in writer.dice.shuffled(spare):
        if missing <= 0:
            break
        result.append(writer.write(section, template))
        missing -= _length(result[-1:])
    return result


def _days(missing: int, quotable: Sequence[Item], writer: Writer) -> list[Item]:
    """Daily notes until nothing is missing; most repeat, word for word, something said elsewhere in the note."""
    result: list[Item] = []
    day = 0
    while missing > 0:
        day += 1
        today = [Item(Section.PROGRESS, (Segment(f"Hospital day {day}.", False),))]
        templates = writer.dice.shuffled(DAY)[: writer.dice.between(*_LINES_A_DAY)]
        today += [writer.write(Section.PROGRESS, template) for template in templates]
        if quotable and writer.dice.chance(_COPY_DAILY):
            today.append(_quoted(writer.dice.pick(quotable), Section.PROGRESS, _FIRST_COPY + day))
        missing -= _length(today)
        result += today
    return result


def _quotable(items: Sequence[Item]) -> list[Item]:
    """Whole sentences with a claim: no parts of a mention, no entries of lists, no copies."""
    claims = [item.claim for item in items]
    prose = (Section.HPI, Section.COURSE, Section.IMAGING)
    whole = [i for i in items if i.section in prose and i.claim and claims.count(i.claim) == 1]
    return [item for item in whole if not item.text.startswith(_COPIED.text)]


def _quoted(item: Item, section: Section, mention: int) -> Item:
    claim = item.claim and item.claim._replace(mention=mention)
    return Item(section, (_COPIED, *item.segments), claim)
