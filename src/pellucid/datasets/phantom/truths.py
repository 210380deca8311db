"""Evidence: how a note speaks of what is true."""

from __future__ import annotations

from collections.abc import Iterable

from pellucid.datasets.phantom.condition import Condition, Said
from pellucid.datasets.phantom.frames import TRUE
from pellucid.datasets.phantom.item import Claim, Item, Writer
from pellucid.datasets.phantom.sections import Section

_MENTIONS = ((1, 2, 3, 4), (0.15, 0.35, 0.3, 0.2))
_DIRECT, _OWN, _SPREAD = 0.65, 0.22, 0.13  # how likely: by name, in the condition's own words, over two sections


def mentions(stay: Iterable[Condition], writer: Writer) -> list[Item]:
    """One to four mentions of each condition, each in sections of its own."""
    items: list[Item] = []
    for condition in stay:
        for parts in _chosen(condition, writer):
            number = len(items)
            claim = Claim("evidence", condition.code, number)
            items += [writer.write(section, _filled(template, condition, writer), claim) for section, template in parts]
    return items


def _chosen(condition: Condition, writer: Writer) -> list[tuple[Said, ...]]:
    """The mentions to make, each as its parts. No two of them share a section."""
    possible = _possible(condition)
    chosen: list[tuple[Said, ...]] = []
    used: set[Section] = set()
    for _ in range(writer.dice.weighted(*_MENTIONS)):
        open_ = [(parts, weight) for parts, weight in possible if used.isdisjoint(section for section, _ in parts)]
        if not open_:
            break
        parts = writer.dice.weighted(*zip(*open_, strict=True))
        chosen.append(parts)
        used |= {section for section, _ in parts}
    return chosen


def _possible(condition: Condition) -> list[tuple[tuple[Said, ...], float]]:
    """Every mention that the grammar has for the condition, with its weight."""
    direct = [(said,) for said in TRUE[condition.nature]]
    own = [((section, template),) for section, templates in condition.says.items() for template in templates]
    groups = ((direct, _DIRECT), (own, _OWN), (list(condition.spread), _SPREAD))
    return [(parts, weight / len(group)) for group, weight in groups for parts in group]


def _filled(template: str, condition: Condition, writer: Writer) -> str:
    return writer.named(template, condition) if condition.names else template
