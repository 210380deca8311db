"""The words of phantom reports: every way in which a fact about a picture is put.

All wordings of a fact say the same and nothing more, so one of them is a true paraphrase of any other. The vocabulary is small:
a little text encoder can learn it from a thousand pictures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Literal, NamedTuple

from pellucid.datasets.phantom.chest.anatomy import Side
from pellucid.datasets.phantom.chest.findings import FINDINGS, FindingName, Zone
from pellucid.errors import DataError

NORMAL: Final = "normal"
Severity = Literal["small", "moderate", "large"]
Density = Literal["faint", "dense"]


@dataclass(frozen=True)
class Fact:
    """What one sentence says, and no more.

    Attributes:
        finding: what it speaks of; "normal" for lungs in which nothing is wrong.
        present: whether that is there.
        side: where; "both" on each side. None for the heart, and for what is denied everywhere.
        zone: third of the lung; None where it is not said, as are the two that follow.
        severity: of the heart these are mild, moderate and marked enlargement.
        density: how well it is seen.
        several: whether it speaks of more than one.
    """

    finding: FindingName | Literal["normal"]
    present: bool
    side: Side | Literal["both"] | None = None
    zone: Zone | None = None
    severity: Severity | None = None
    density: Density | None = None
    several: bool = False

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Fact:
        """The fact of a mapping that has its fields, among others.

        Raises:
            DataError: it lacks one, or its finding is unknown.
        """
        names = [field.name for field in fields(cls)]
        if not set(names) <= set(values) or values["finding"] not in (*FINDINGS, NORMAL):
            raise DataError(f"This is no fact of a phantom report; give one of meta['sentences'], with {', '.join(names)}.")
        return cls(**{name: values[name] for name in names})


class _Noun(NamedTuple):
    one: str
    many: str
    counted: bool = True


_NOUNS: Mapping[str, tuple[_Noun, ...]] = {
    "effusion": (
        _Noun("pleural effusion", "pleural effusions"),
        _Noun("effusion", "effusions"),
        _Noun("pleural fluid", "pleural fluid", counted=False),
    ),
    "nodule": (_Noun("nodule", "nodules"), _Noun("round lesion", "round lesions")),
    "opacity": (
        _Noun("opacity", "opacities"),
        _Noun("focal opacity", "focal opacities"),
        _Noun("consolidation", "consolidations"),
    ),
    "pneumothorax": (_Noun("pneumothorax", "pneumothoraces"), _Noun("pleural air", "pleural air", counted=False)),
}
_IN_LUNG = ("nodule", "opacity")  # the others lie around it
_ENLARGED = {"small": ("mild", "mildly"), "moderate": ("moderate", "moderately"), "large": ("marked", "markedly")}
_POINTS = {"upper": ("apical", "apex"), "lower": ("basal", "base")}


def wordings(fact: Fact) -> list[str]:
    """All sentences that say this fact and nothing more: six at least, no two alike, always in the same order."""
    if fact.finding == "cardiomegaly":
        said = _heart(fact)
    elif fact.finding == NORMAL:
        said = _clear(fact)
    else:
        said = _seen(fact) if fact.present else _denied(fact)
    return list(dict.fromkeys(f"{words[0].upper()}{words[1:]}." for words in said))


def other_wordings(fact: Mapping[str, Any]) -> list[str]:
    """True paraphrases of a sentence: the same fact in other words.

    Args:
        fact: an item of ``meta["sentences"]``, which stands for the sentence of the same number in ``case.sentences``. Without
            the key "wording" it stands for none of its wordings, and all come back.

    Raises:
        DataError: it is no such item.
    """
    return [words for number, words in enumerate(wordings(Fact.of(fact))) if number != fact.get("wording")]


def _seen(fact: Fact) -> Iterator[str]:
    for noun in _NOUNS[fact.finding]:
        if fact.severity and not noun.counted:
            continue  # there is no small fluid
        many = fact.several and noun.counted
        name, verb = (noun.many, "are") if many else (noun.one, "is")
        what = _joined(fact.severity, fact.density)
        for before in _before(fact):
            yield _joined(what, before, name)
            yield f"there {verb} {_counted(_joined(what, before, name), noun.counted and not many)}"
        thing = _counted(_joined(what, name), noun.counted and not many)
        for place in _after(fact):
            yield _joined(what, name, place)
            yield f"there {verb} {thing} {place}"
            yield f"{thing} {verb} seen {place}"
            yield f"{place} there {verb} {thing}"


def _denied(fact: Fact) -> Iterator[str]:
    places = _after(fact) if fact.side else [""]
    for noun in _NOUNS[fact.finding]:
        for before in _before(fact) if fact.side else []:
            yield f"no {before} {noun.one}"
        for place in places:
            yield _joined("no", noun.one, place)
            yield _joined("there is no", noun.one, place)
            yield _joined("no", noun.one, "is seen", place)
            yield _joined("no sign of", _counted(noun.one, noun.counted), place)


def _clear(fact: Fact) -> Iterator[str]:
    for word in ("clear", "normal"):
        if fact.side == "both":
            yield from (f"the lungs are {word}", f"both lungs are {word}", f"{word} lungs", f"lungs are {word} on both sides")
        else:
            lung = f"{fact.side} lung"
            yield from (f"the {lung} is {word}", f"{word} {lung}", f"{lung} is {word}", f"{word} lung on the {fact.side}")


def _heart(fact: Fact) -> Iterator[str]:
    if not fact.present:
        yield from ("heart size is normal", "normal heart size", "the heart is not enlarged", "the heart is normal in size")
        yield from ("no cardiomegaly", "there is no cardiomegaly", "the cardiac silhouette is not enlarged")
        return
    how, so = _ENLARGED[fact.severity] if fact.severity else (None, None)
    yield _joined(how, "cardiomegaly")
    yield _joined("there is", how, "cardiomegaly")
    yield _joined(how, "enlargement of the heart")
    yield _joined(so, "enlarged heart")
    yield _joined("the heart is", so, "enlarged")
    yield _joined("the cardiac silhouette is", so, "enlarged")


def _before(fact: Fact) -> list[str]:
    """How its place is said before the noun."""
    if fact.side == "both":
        return ["bilateral"]
    if fact.zone is None:
        return [f"{fact.side}", f"{fact.side}-sided"]
    if fact.zone == "middle":
        return [f"{fact.side} middle zone", f"{fact.side} mid zone"]
    return [f"{fact.side} {fact.zone} zone", f"{fact.side} {_POINTS[fact.zone][0]}"]


def _after(fact: Fact) -> list[str]:
    """How its place is said after the noun."""
    inside = fact.finding in _IN_LUNG
    if fact.side == "both":
        return ["on both sides", "in both lungs"] if inside else ["on both sides"]
    if fact.zone is None:
        return [f"on the {fact.side}", f"in the {fact.side} lung" if inside else f"on the {fact.side} side"]
    zone = f"in the {fact.side} {fact.zone} zone"
    return [zone, f"in the {fact.side} mid zone" if fact.zone == "middle" else f"at the {fact.side} {_POINTS[fact.zone][1]}"]


def _counted(name: str, counted: bool) -> str:
    """With its article."""
    return name if not counted else f"an {name}" if name[0] in "aeiou" else f"a {name}"


def _joined(*words: str | None) -> str:
    return " ".join(word for word in words if word)
