"""What a phantom report says of a picture: all that is there, and some of what is not.

A report names a finding so that its sentence fits one place alone: two of a kind in one zone are named together, and of two in
one lung the zones are said. What cannot be seen is neither named nor denied: a finding that a shortcut has replaced, or a heart
that was to be wide and is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pellucid.datasets.phantom.chest.anatomy import SIDES, Side
from pellucid.datasets.phantom.chest.findings import FindingName
from pellucid.datasets.phantom.chest.wordings import NORMAL, Density, Fact, Severity
from pellucid.datasets.phantom.dice import Dice

LUNG: tuple[FindingName, ...] = ("opacity", "nodule", "effusion", "pneumothorax")
ENLARGED = 0.5
"""Width over that of the chest beyond which a heart is called enlarged."""

_SEVERITIES = {  # below the first "small", from the second on "large": size of the mask, or width of the heart
    "cardiomegaly": (0.52, 0.535),
    "effusion": (0.10, 0.14),
    "nodule": (0.07, 0.085),
    "opacity": (0.23, 0.29),
    "pneumothorax": (0.19, 0.225),
}
_DENSITIES = {"nodule": (0.145, 0.175), "opacity": (0.075, 0.10)}  # below the first "faint", from the second on "dense"
_TOPICS = ("opacity", "nodule", NORMAL, "effusion", "pneumothorax", "cardiomegaly")
_PARTS = {"effusion": 1, "pneumothorax": 1, "cardiomegaly": 2}  # lungs, pleura, heart
# Chances of being said: zone, severity and density of what is there; one sentence for both sides; what is not there.
_ZONE, _SEVERITY, _DENSITY, _BILATERAL = 0.6, 0.5, 0.4, 0.5
_DENIED, _ON_ONE_SIDE, _OTHER_SIDE, _NORMAL_HEART, _CLEAR = 0.4, 0.25, 0.3, 0.5, 0.4

_Instance = tuple[int, Mapping[str, Any]]


@dataclass(frozen=True)
class Statement:
    """A fact, and the numbers of the findings that it names (none where it names what is not there)."""

    fact: Fact
    findings: tuple[int, ...] = ()


@dataclass(frozen=True)
class Shown:
    """What is known about a picture.

    Attributes:
        findings: as ``meta`` has them.
        heart_ratio: width of the heart over that of the chest.
        labels: of the case. One of which there is no finding has been replaced.
    """

    findings: Sequence[Mapping[str, Any]]
    heart_ratio: float
    labels: frozenset[str]

    def visible(self) -> list[_Instance]:
        """The findings that can be seen, with their numbers."""
        return [
            (number, finding)
            for number, finding in enumerate(self.findings)
            if finding["box"] is not None and (finding["label"] != "cardiomegaly" or self.heart_ratio > ENLARGED)
        ]

    def free(self, label: str) -> list[Side]:
        """The sides that surely do not have the finding."""
        there = [f["side"] for f in self.findings if f["label"] == label]
        return [] if label in self.labels and not there else [side for side in SIDES if side not in there]

    @property
    def normal_heart(self) -> bool:
        """Whether the heart surely has a normal size."""
        return "cardiomegaly" not in self.labels and self.heart_ratio <= ENLARGED


def statements(shown: Shown, dice: Dice) -> list[Statement]:
    """One or more, in the order in which they are dictated: lungs, pleura, heart, and of each first what is there."""
    found = [_named(group, shown, dice) for group in _groups(shown.visible(), dice)]
    options = list(_denials(shown, dice))
    chosen = [Statement(fact) for chance, fact in options if dice.chance(chance)]
    extra = Statement(dice.pick(options)[1])  # drawn in any case, so that nothing after it depends on whether it is needed
    return sorted([*found, *chosen] or [extra], key=_place)


def severity(finding: Mapping[str, Any], heart_ratio: float) -> Severity | None:
    """By its size. Of nodules and opacities nobody says "moderate": there it is None."""
    label = finding["label"]
    low, high = _SEVERITIES[label]
    size = heart_ratio if label == "cardiomegaly" else finding["size"]
    middle: Severity | None = None if label in _DENSITIES else "moderate"
    return "small" if size < low else "large" if size >= high else middle


def density(finding: Mapping[str, Any]) -> Density | None:
    """By its contrast; None in between, and for findings that are not called faint or dense."""
    if finding["label"] not in _DENSITIES:
        return None
    low, high = _DENSITIES[finding["label"]]
    return "faint" if finding["contrast"] < low else "dense" if finding["contrast"] >= high else None


def _groups(instances: Sequence[_Instance], dice: Dice) -> list[list[_Instance]]:
    """What is said in one sentence: all of a kind in one zone; by dice, all of a kind where both sides have it."""
    groups: dict[tuple[str, ...], list[_Instance]] = {}
    together = {label: dice.chance(_BILATERAL) for label in LUNG}
    for number, finding in instances:
        label = finding["label"]
        sides = {f["side"] for _, f in instances if f["label"] == label}
        key: tuple[str, ...] = (label,) if together.get(label) and len(sides) > 1 else (label, finding["side"], finding["zone"])
        groups.setdefault(key, []).append((number, finding))
    return list(groups.values())


def _named(group: Sequence[_Instance], shown: Shown, dice: Dice) -> Statement:
    numbers, found = zip(*group, strict=True)
    first, sides = found[0], {f["side"] for f in found}
    severities, densities = {severity(f, shown.heart_ratio) for f in found}, {density(f) for f in found}
    zone, size, contrast = dice.chance(_ZONE), dice.chance(_SEVERITY), dice.chance(_DENSITY)
    heart, both = first["label"] == "cardiomegaly", len(sides) > 1
    alike = [n for n, f in shown.visible() if (f["label"], f["side"]) == (first["label"], first["side"])]
    fact = Fact(
        finding=first["label"],
        present=True,
        side=None if heart else "both" if both else first["side"],
        zone=first["zone"] if not heart and not both and (zone or not set(alike) <= set(numbers)) else None,
        severity=severities.pop() if size and len(severities) == 1 else None,
        density=densities.pop() if contrast and len(densities) == 1 else None,
        several=len(found) > 1,
    )
    return Statement(fact, numbers)


def _denials(shown: Shown, dice: Dice) -> Iterator[tuple[float, Fact]]:
    """What is truly not there, or normal, and the chance that it is said."""
    for label in LUNG:
        free, narrow, side = shown.free(label), dice.chance(_ON_ONE_SIDE), dice.pick(SIDES)
        if label == "opacity":  # a nodule is an opacity too, to many who read
            free = [s for s in free if s in shown.free("nodule")]
        if len(free) == 2:
            yield _DENIED, Fact(label, False, side if narrow else None)
        elif free:
            yield _OTHER_SIDE, Fact(label, False, free[0])
    clear = [side for side in SIDES if all(side in shown.free(label) for label in LUNG)]
    narrow, side = dice.chance(_ON_ONE_SIDE), dice.pick(SIDES)
    if clear:
        yield _CLEAR, Fact(NORMAL, True, clear[0] if len(clear) == 1 else side if narrow else "both")
    if shown.normal_heart:
        yield _NORMAL_HEART, Fact("cardiomegaly", False)


def _place(statement: Statement) -> tuple[int, bool, bool, int]:
    fact = statement.fact
    return _PARTS.get(fact.finding, 0), not statement.findings, fact.finding != NORMAL, _TOPICS.index(fact.finding)
