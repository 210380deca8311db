"""What an explainer is, and the helpers that all of them share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, ClassVar, Protocol, Self, cast, runtime_checkable

import numpy as np
from jaxtyping import Float
from torch import Tensor

from pellucid.attribution import Attribution
from pellucid.case import Case
from pellucid.errors import DataError
from pellucid.predictor import Batch, Modality, Predictor, missing_capabilities, modality_of
from pellucid.target import Target


class Explainer(Protocol):
    """A method of explanation: a frozen dataclass of its parameters with one pure call.

    The facts below are data: the command line lists them, the audit skips a method whose needs a model does not meet, and
    :func:`pellucid.testing.check_explainer` tests what they promise.

    Attributes:
        name: registered name.
        signed: scores may be negative (evidence against).
        stochastic: draws random numbers (from its own `seed`, per case and target, never from a global generator).
        complete: scores sum to f(x) - f(reference), up to the fact `completeness_gap`.
        needs: capabilities that the predictor must have.
        cites: where the formula comes from.

    An explainer that is not about text alone says so in a class attribute `modalities`, such as ("text", "image").
    """

    @property
    def name(self) -> str: ...
    @property
    def signed(self) -> bool: ...
    @property
    def stochastic(self) -> bool: ...
    @property
    def complete(self) -> bool: ...
    @property
    def needs(self) -> tuple[str, ...]: ...
    @property
    def cites(self) -> str: ...

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        """Explain all targets on every case of the batch; one attribution a case, over the batch's finest units."""


@runtime_checkable
class Fittable(Protocol):
    """An explainer that must see other cases first (never those it will explain)."""

    def fit(self, cases: Sequence[Case]) -> Self:
        """A copy that has seen the cases."""


@runtime_checkable
class Choosy(Protocol):
    """An explainer whose rules do not fit every model that has what it needs, and that can tell without a case."""

    def lacking(self, predictor: Predictor) -> str | None:
        """What it would need of the model and this one lacks, in words; None if it can be explained."""


class Facts:
    """Defaults of an explainer's facts; a method overrides what differs."""

    signed: ClassVar[bool] = False
    stochastic: ClassVar[bool] = False
    complete: ClassVar[bool] = False
    needs: ClassVar[tuple[str, ...]] = ()
    modalities: ClassVar[tuple[Modality, ...]] = ("text",)
    cites: ClassVar[str] = ""


def modalities_of(explainer: object) -> tuple[Modality, ...]:
    """What kinds of model the explainer explains; text where it says nothing."""
    known: tuple[Modality, ...] = getattr(explainer, "modalities", ("text",))
    return known


def refusals(predictor: Predictor, explainer: Explainer) -> list[str]:
    """What the explainer would need of a model and this one lacks, in words; empty where it can be explained."""
    if modality_of(predictor) not in modalities_of(explainer):
        return [f"inputs of the kind {' or '.join(modalities_of(explainer))}"]
    return missing_capabilities(predictor, explainer.needs)


def refusals_when_tried(predictor: Predictor, explainer: Explainer) -> list[str]:
    """The refusals, and what an explainer finds lacking when it tries the model: a few passes, spent once before many cases.

    Who explains one case needs no trial, as the explainer itself refuses.
    """
    missing = refusals(predictor, explainer)
    if not missing and isinstance(explainer, Choosy):
        missing = [said for said in [explainer.lacking(predictor)] if said is not None]
    return missing


def attribute(
    explainer: Explainer,
    predictor: Predictor,
    batch: Batch,
    case: int,
    targets: Sequence[Target],
    scores: Float[Tensor, "K L"] | Float[np.ndarray, "K U"],
    facts: Mapping[str, Float[np.ndarray, " K"]] | None = None,
) -> Attribution:
    """Wrap scores of one case as an :class:`Attribution`.

    Args:
        scores: over feature rows (a tensor, from which the rows of units are taken) or over units (an array).

    Raises:
        DataError: a score is not a finite number.
    """
    values = over_units(batch, case, scores) if isinstance(scores, Tensor) else np.asarray(scores, dtype=np.float64)
    if not np.isfinite(values).all():
        raise DataError(
            f"The method {explainer.name!r} gave scores on case {batch.cases[case].id} that are not finite numbers; check the "
            "model's weights and what it reads."
        )
    return Attribution(
        scores=values,
        units=batch.units[case],
        targets=tuple(targets),
        method=explainer.name,
        signed=explainer.signed,
        settings=settings(explainer),
        predictor=predictor.fingerprint,
        case=batch.cases[case].id,
        facts=dict(facts or {}),
    )


def over_units(batch: Batch, case: int, scores: Float[Tensor, "K L"]) -> Float[np.ndarray, "K U"]:
    """Scores of the rows that units of one case stand in; float64."""
    return scores.detach().double().cpu().numpy()[:, batch.rows[case]]


def settings(explainer: Explainer) -> dict[str, Any]:
    """The explainer's parameters as JSON values (arrays as lists)."""
    values = {f.name: getattr(explainer, f.name) for f in fields(cast(Any, explainer))}
    return {name: v.tolist() if isinstance(v, np.ndarray) else v for name, v in values.items()}
