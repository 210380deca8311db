"""What an objective is, and how objectives are added up."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor, nn

from pellucid.case import Case
from pellucid.errors import PellucidError
from pellucid.registry import objectives
from pellucid.training.step import Step
from pellucid.training.trainable import Trainable

BASE, BASE_OF_PAIRS = "bce", "contrastive"
"""What is added to objectives that cannot stand alone: they say nothing of the labels, or of whose a sentence is."""


class Objective(Protocol):
    """Something to minimise: a frozen dataclass of its parameters with one call.

    Random numbers, where an objective needs them, come from PyTorch's global generator: the loop seeds it, keeps it with its
    state and restores it afterwards.

    Attributes:
        name: registered name.
        alone: whether it can be all that is minimised; if not, it is added to "bce".
        weight: its weight in a sum that gives none.
        teacher: whether it learns from another model (:attr:`Step.teacher`): the one that the recipe names as teacher, else the
            one that the run starts from.
        apart: whether that must be a model which the recipe names, as learning from where it starts would teach nothing.
        ramp: share of the run over which its weight rises; no epoch that begins before is chosen as the best.
        placed: whether it reads where something lies in an image, so that images must not be moved in training.
        pairs: whether it learns from images and sentences, so that it needs an image-text model.
        twice: whether it differentiates gradients of the shared pass once more (:attr:`Step.twice`).
        cites: where the formula comes from.
    """

    @property
    def name(self) -> str: ...
    @property
    def alone(self) -> bool: ...
    @property
    def weight(self) -> float: ...
    @property
    def teacher(self) -> bool: ...
    @property
    def apart(self) -> bool: ...
    @property
    def ramp(self) -> float: ...
    @property
    def placed(self) -> bool: ...
    @property
    def pairs(self) -> bool: ...
    @property
    def twice(self) -> bool: ...
    @property
    def cites(self) -> str: ...

    def __call__(self, step: Step) -> Float[Tensor, ""]:
        """The loss, a mean over the cases of the step, differentiable with respect to the weights of its model."""


@runtime_checkable
class Inspecting(Protocol):
    """An objective that looks at model and training cases before the first step."""

    def inspect(self, model: Trainable, cases: Sequence[Case]) -> Mapping[str, Any]:
        """What it found, as JSON values that are kept with the model.

        Raises:
            CapabilityError: the model lacks what the objective needs.
            PellucidError: the cases do not hold what it learns from.
        """


@runtime_checkable
class Helped(Protocol):
    """An objective that has weights or tables of its own, beside the model's: a discriminator, a decoder, a mean over cases.

    They are made before the first step, learnt with the model at the rate of its head, kept with the state of a run, and
    forgotten with it.
    """

    @property
    def name(self) -> str: ...

    def helper(self, model: Trainable, cases: Sequence[Case]) -> nn.Module:
        """What it needs (:attr:`Step.helpers`), on the device of the model; `cases` are those of training."""


class Facts:
    """Defaults of an objective's facts."""

    alone = False
    weight = 1.0
    teacher = False
    apart = False
    ramp = 0.0
    placed = False
    pairs = False
    twice = False
    cites = ""


def risen(progress: float, ramp: float) -> float:
    """The share of its full weight that a term has: explanations of what has not been learnt yet mean nothing."""
    return min(1.0, progress / ramp) if ramp else 1.0


@dataclass(frozen=True)
class Sum:
    """A weighted sum of objectives."""

    parts: tuple[tuple[float, Objective], ...]
    alone = True
    weight = 1.0

    @property
    def name(self) -> str:
        return " + ".join(f"{weight:g} * {described(part)}" for weight, part in self.parts)

    @property
    def teacher(self) -> bool:
        return any(part.teacher for _, part in self.parts)

    @property
    def apart(self) -> bool:
        return any(part.apart for _, part in self.parts)

    @property
    def ramp(self) -> float:
        return max(part.ramp for _, part in self.parts)

    @property
    def placed(self) -> bool:
        return any(part.placed for _, part in self.parts)

    @property
    def pairs(self) -> bool:
        return any(part.pairs for _, part in self.parts)

    @property
    def twice(self) -> bool:
        return any(part.twice for _, part in self.parts)

    @property
    def cites(self) -> str:
        return "; ".join(part.cites for _, part in self.parts)

    def __call__(self, step: Step) -> Float[Tensor, ""]:
        return sum((weight * part(step) for weight, part in self.parts), start=step.truth.new_zeros(()))

    def inspect(self, model: Trainable, cases: Sequence[Case]) -> Mapping[str, Any]:
        """What the parts found, by name."""
        return {part.name: dict(part.inspect(model, cases)) for _, part in self.parts if isinstance(part, Inspecting)}

    def helpers(self, model: Trainable, cases: Sequence[Case]) -> dict[str, nn.Module]:
        """What the parts have of their own, by name."""
        return {part.name: part.helper(model, cases) for _, part in self.parts if isinstance(part, Helped)}


def described(objective: Objective) -> str:
    """The objective's name, with those of its parameters that differ from their defaults."""
    known: tuple[Any, ...] = fields(objective) if is_dataclass(objective) else ()
    defaults = {f.name: f.default for f in known}
    differing = [f"{name}={getattr(objective, name)}" for name, value in defaults.items() if getattr(objective, name) != value]
    return f"{objective.name}({', '.join(differing)})" if differing else objective.name


def objective(text: str) -> Sum:
    """The objective that a recipe names.

    Terms are joined by "+". A term is a registered name, with its weight before it and parameters behind it where they are not
    the defaults: "bce + 0.1 * igr", "pgd(steps=2, radius=0.05)". Where no term can stand alone, "bce" is added, or
    "contrastive" where one learns from pairs.

    Raises:
        UnknownNameError: a name is not registered.
        PellucidError: the text is not a sum of such terms.
    """
    parts = tuple(_term(term) for term in _terms(text))
    if not any(part.alone for _, part in parts):
        parts = (_term(BASE_OF_PAIRS if any(part.pairs for _, part in parts) else BASE), *parts)
    return Sum(parts)


def named(text: str) -> list[str]:
    """The names of the terms of a sum, whether they are registered or not; what cannot be read has none."""
    return [match["name"] for match in map(_TERM.fullmatch, _terms(text)) if match is not None]


_TERM = re.compile(r"\s*(?:(?P<weight>[^*()]+?)\s*\*)?\s*(?P<name>\w+)\s*(?:\((?P<settings>[^()]*)\))?\s*")


def _terms(text: str) -> list[str]:
    """The text between the plus signs that are not part of a number or of parameters."""
    return re.split(r"\+(?![^(]*\))(?<!\d[eE]\+)", text)


def _term(term: str) -> tuple[float, Objective]:
    match = _TERM.fullmatch(term)
    if match is None:
        raise _unreadable(term)
    made = objectives.create(match["name"], **dict(_settings(match["settings"], term)))
    try:
        weight = float(match["weight"]) if match["weight"] else made.weight
    except ValueError as error:
        raise _unreadable(term) from error
    if not 0 < weight < float("inf"):
        raise _unreadable(term)
    return weight, made


def _settings(text: str | None, term: str) -> list[tuple[str, Any]]:
    pairs = [part.partition("=") for part in (text or "").split(",") if part.strip()]
    if any(not equals or not name.strip().isidentifier() for name, equals, _ in pairs):
        raise _unreadable(term)
    return [(name.strip(), _value(value.strip())) for name, _, value in pairs]


def _value(text: str) -> Any:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _unreadable(term: str) -> PellucidError:
    return PellucidError(
        f"{term.strip()!r} is not an objective; write 'name', 'weight * name' or 'name(parameter=value)', joined by '+', with "
        "weights above 0."
    )
