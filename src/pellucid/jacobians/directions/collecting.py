"""The directions of one case, from all families that fit what the model reads."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from pellucid.errors import PellucidError, UnknownNameError
from pellucid.jacobians.directions.base import FAMILIES, Direction, Family, Skipped
from pellucid.jacobians.directions.scene import Scene
from pellucid.jacobians.function import Function
from pellucid.predictor import missing_capabilities, require

if TYPE_CHECKING:
    from pellucid.datasets.derived import Derived

Item = TypeVar("Item", bound=Direction | Skipped)


@dataclass(frozen=True, eq=False)
class Collected:
    """What a case offers.

    Attributes:
        directions: with names that differ.
        skipped: what it does not offer, with reasons.
    """

    directions: tuple[Direction, ...]
    skipped: tuple[Skipped, ...]


def collected(
    function: Function,
    names: Sequence[str] | None = None,
    *,
    window: tuple[float, float] | None = None,
    derived: Sequence[Derived] | None = None,
) -> Collected:
    """The directions of the case of a function.

    Args:
        names: of families, of groups, or of single directions; None for all that fit what the model reads.
        window: Hounsfield units (centre, width) that black to white of an image stand for.
        derived: how measurements of a row follow from others; None for what its data set says.

    Raises:
        PellucidError: the function is that of no model and case.
        UnknownNameError: there is no such family, group or direction.
        CapabilityError: the model of images, signals or rows does not say what it reads in units that a person knows.
    """
    from pellucid.datasets.derived import derived_in

    if function.predictor is None or function.case is None:
        raise PellucidError("Named directions are made from a model and a case; give directions of your own for a function.")
    if function.modality != "text":
        require(function.predictor, ("measured_inputs",), "A named direction")
    wanted = [names] if isinstance(names, str) else names
    follow = derived_in(function.case) if derived is None else derived
    scene = Scene.of(function, function.case, function.predictor, window=window, derived=tuple(follow))
    fitting = [family for family in FAMILIES.values() if family.modality == function.modality]
    found = _named(scene, fitting, wanted)
    return Collected(
        tuple(item for item in found if isinstance(item, Direction)),
        (*(item for item in found if isinstance(item, Skipped)), *(_unread(function) if wanted is None else ())),
    )


def _named(scene: Scene, families: Sequence[Family], names: Sequence[str] | None) -> list[Direction | Skipped]:
    """What families make that is asked for: whole families and groups, or single directions of them."""
    wanted = set(names or ())
    whole = [family for family in families if names is None or {family.name, family.group} & wanted]
    single = wanted - {name for family in families for name in (family.name, family.group)}
    made = [(family, item) for family in (families if single else whole) for item in family.make(scene)]
    items = numbered([replace(item, group=family.group) for family, item in made])
    known = [family.name for family in families] + [item.name for item in items]
    unknown = single - set(known)
    if unknown:
        raise UnknownNameError(_unknown(min(unknown), known))
    return [item for (family, _), item in zip(made, items, strict=True) if family in whole or item.name in single]


def _unknown(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, dict.fromkeys(known), n=3, cutoff=0.4)
    hint = f"did you mean {', '.join(near)}?" if near else "leave `names` out for all."
    return f"This case has no direction named {name!r}; {hint}"


def _unread(function: Function) -> Iterator[Skipped]:
    """What a model of images and sentences reads beside the image is no part of its input here."""
    if function.modality == "image" and not missing_capabilities(function.predictor, ("sentence_alignment",)):
        yield Skipped(
            "wording", "the Jacobian is that of the image; sentences are labels here, so compare their rows", "language"
        )


def numbered(items: Sequence[Item]) -> tuple[Item, ...]:
    """The same, with numbers behind names that occur more than once."""
    often, seen = Counter(item.name for item in items), Counter[str]()
    found = []
    for item in items:
        seen[item.name] += 1
        found.append(replace(item, name=f"{item.name} {seen[item.name]}") if often[item.name] > 1 else item)
    return tuple(found)
