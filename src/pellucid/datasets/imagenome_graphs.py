"""The scene graphs of Chest ImaGenome: where the anatomical regions of an image lie, and what the report says of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pellucid.datasets.base import Exclusion
from pellucid.datasets.image_files import number
from pellucid.datasets.mimic_cxr import LeftOut
from pellucid.datasets.phrases import ABNORMAL, Box, Condition, Draft
from pellucid.datasets.sources import Source
from pellucid.errors import DataError

UNREADABLE = "the scene graph cannot be read"
FLAT = "the box of a region is empty (the region is left without a place)"
TWICE = "a region has two boxes (it is left without a place)"
UNPLACED = "a region that a sentence names has no box (it is named, without a place)"
PUBLISHED = "published"
"""The source of what was found by a detector and by rules: no person."""

_CATEGORIES = ("anatomicalfinding", "disease", "technicalassessment", "tubesandlines", "device")
_CONTEXTS = {"yes": True, "no": False}
_SMALL = ("x1", "y1", "x2", "y2")
_ORIGINAL = tuple(f"original_{edge}" for edge in _SMALL)
_SIDE = 224  # to which the longer side of the image was brought for the detector


@dataclass(frozen=True)
class Graph:
    """What is known of an image.

    Attributes:
        regions: name to box.
        drafts: sentences by their ids, in the order of the report.
        longest: the longer side of the image that the boxes are about, to some percent; None where nothing tells it.
    """

    regions: Mapping[str, Box]
    drafts: Mapping[str, Draft]
    longest: float | None = None

    def fits(self, size: tuple[int, int]) -> bool:
        """Whether the boxes can be about an image of (height, width): copies of other sizes are common."""
        return self.longest is None or abs(self.longest / max(size) - 1) <= 0.05


def parsed(source: Source, image: str, exclusions: list[Exclusion]) -> Graph:
    """A scene graph of the silver part; boxes that are none are counted, once an image.

    Raises:
        LeftOut: it is no scene graph, or cannot be read from its archive.
    """
    try:
        content = json.loads(source.read())
        objects = list(content["objects"])
        regions = dict(placed(((str(item["bbox_name"]), box(item)) for item in objects), image, exclusions))
        drafts = dict(_ordered(_drafts(content["attributes"], regions, image, exclusions)))
        return Graph(regions, drafts, longest_side(objects))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, DataError):
        # The cause is not shown: it may quote the report.
        raise LeftOut(UNREADABLE) from None


def box(item: Mapping[str, Any]) -> Box:
    """The box in pixels of the original image.

    Raises:
        KeyError: an edge is missing.
        DataError: an edge is no number.
    """
    x0, y0, x1, y1 = (number(str(item[name]), name) for name in _ORIGINAL)
    return x0, y0, x1, y1


def placed(boxes: Iterable[tuple[str, Box]], image: str, exclusions: list[Exclusion]) -> Iterator[tuple[str, Box]]:
    """The regions with a box that is one, and no other one: which of two is meant, nobody knows."""
    found: dict[str, set[Box]] = {}
    for name, place in boxes:
        found.setdefault(name, set()).add(place)
    faults = {name: _fault(places) for name, places in found.items()}
    exclusions.extend(Exclusion(image, fault) for fault in sorted({fault for fault in faults.values() if fault}))
    for name, places in found.items():
        if not faults[name]:
            yield name, places.pop()


def _fault(places: set[Box]) -> str | None:
    if len(places) > 1:
        return TWICE
    ((x0, y0, x1, y1),) = places
    return None if x0 < x1 and y0 < y1 else FLAT


def longest_side(items: Iterable[Mapping[str, Any]]) -> float | None:
    """From boxes that are given in both frames, the longer side of the original; None where they are not."""
    both = [item for item in items if all(str(item.get(name, "")) for name in (*_SMALL, *_ORIGINAL))]
    small, original = (sum(_perimeter(item, names) for item in both) for names in (_SMALL, _ORIGINAL))
    return _SIDE * original / small if small > 0 and original > 0 else None


def _perimeter(item: Mapping[str, Any], names: tuple[str, ...]) -> float:
    x0, y0, x1, y1 = (number(str(item[name]), name) for name in names)
    return (x1 - x0) + (y1 - y0)


def condition(category: str, context: str, label: str) -> Iterator[Condition]:
    """What an attribute says; nothing for words about a finding (texture, severity, comparison ...).

    A region that is normal is one that is not abnormal: a sentence which says that alone shows nothing.

    Raises:
        KeyError: the context is neither yes nor no.
    """
    there = _CONTEXTS[context]
    if category == "nlp":
        yield ABNORMAL, there == (label == ABNORMAL)
    elif category in _CATEGORIES:
        yield label, there


def _drafts(
    entries: Iterable[Mapping[str, Any]], regions: Mapping[str, Box], image: str, exclusions: list[Exclusion]
) -> dict[str, Draft]:
    """Sentences by id: the same one is listed under every region that it speaks of."""
    found: dict[str, Draft] = {}
    for entry in entries:
        name = str(entry["bbox_name"])
        for key, text, said in zip(entry["phrase_IDs"], entry["phrases"], entry["attributes"], strict=True):
            conditions = [made for item in said for made in condition(*item.split("|"))]
            place = [regions[name]] if name in regions else []
            found.setdefault(key, Draft(text.strip(), PUBLISHED)).add(place, [name], conditions)
    if any(name not in regions for draft in found.values() for name in draft.regions):
        exclusions.append(Exclusion(image, UNPLACED))
    return found


def _ordered(drafts: Mapping[str, Draft]) -> list[tuple[str, Draft]]:
    """By number: ids are those of the study, with the number of the sentence behind."""
    return sorted(drafts.items(), key=lambda item: (len(item[0]), item[0]))
