"""Whether a Jacobian can be believed at this input: how far it reaches, what it lacks, and what rounding does to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.errors import PellucidError
from pellucid.files import finite
from pellucid.jacobians.checking import SATURATED
from pellucid.jacobians.function import Function
from pellucid.jacobians.kinks import FEW_NUMBERS, AffineBall, Kinks, affine_radius, kinks
from pellucid.jacobians.operator import Operator
from pellucid.jacobians.precision import Condition, adjoint_gap, condition, precision_gap, stability
from pellucid.jacobians.validity import Radius, random_directions, steepest, validity

_T = TypeVar("_T")

CONFIDENT = 0.999
"""A probability beyond this is said to be flat: that of the label moves little, whatever the logit does."""


@dataclass(frozen=True)
class Reliability:
    """What to know before believing a Jacobian.

    Attributes:
        unit: of steps, in words.
        tolerance: share by which a linear prediction may err within a radius.
        steepest: how far it holds along the direction that moves outputs most; None where the Jacobian is zero.
        random: how far it holds along random directions.
        saturated: outputs whose probability is within 1e-6 of 0 or 1.
        confident: others, above 0.999 or below 0.001.
        vanished: outputs whose row is zero.
        kinks: units that bend, and the first of them along the random directions and the steepest, in this order; None where
            that was not found, for the reason in `notes`.
        ball: the ball in which the function is proven to be affine; None likewise. Its radius is in the input's own unit.
        precision_gap: relative difference of the Jacobian between float32 and float64; None likewise.
        adjoint_gap: relative difference between both ways of making products.
        stability: lowest cosine of a row with itself after a change of the input by `noise` of its norm.
        condition: how relative errors can grow.
        notes: what could not be found, and why; and what the Jacobian itself has to say.
    """

    unit: str
    tolerance: float
    steepest: Radius | None
    random: tuple[Radius, ...]
    saturated: tuple[str, ...]
    confident: tuple[str, ...]
    vanished: tuple[str, ...]
    kinks: Kinks | None
    ball: AffineBall | None
    precision_gap: float | None
    adjoint_gap: float
    stability: float
    noise: float
    condition: Condition
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The same as values of JSON; what is not a finite number becomes None, and "known" says which radius is infinite."""
        found: dict[str, Any] = finite(asdict(self))
        return found

    def text(self) -> str:
        """The same in sentences, one a line."""
        from pellucid.jacobians.reliability_text import sentences

        return "\n".join(sentences(self))


def reliability(
    jacobian: Operator,
    seed: int = 0,
    *,
    tolerance: float = 0.1,
    directions: int = 5,
    noise: float = 1e-3,
    ball: int = FEW_NUMBERS,
    scale: Float[Tensor, "*S"] | None = None,
) -> Reliability:
    """Try a Jacobian at its input.

    Costs as much as some 400 passes forwards of one version (measured with 14 outputs), and one more for every number of the
    input where these are no more than `ball`.

    Args:
        seed: of everything random.
        tolerance: relative error of a linear prediction that is still good.
        directions: random ones, 1 or more.
        noise: norm of the change for `stability`, as a share of that of the input.
        ball: numbers of the input up to which the nearest kink is looked for in all directions.
        scale: what counts as a step of 1 in each number of the input, where these have units of their own; None for 1, or the
            standard deviations of the training cases where the model of a table knows them.

    Raises:
        PellucidError: a scale is not above 0, or no random directions are asked for.
    """
    if directions < 1:
        raise PellucidError(f"{directions} random directions are too few; ask for 1 or more.")
    function = jacobian.function
    scale, unit = _measure(function) if scale is None else (scale.to(function.at), "step of the given scale")
    top = steepest(jacobian, seed, scale=scale)
    along = random_directions(function.at, directions, seed) * (1 if scale is None else scale)
    tried = torch.cat([along, top[None]]) if bool(top.any()) else along
    radii = validity(jacobian, tried, tolerance=tolerance, scale=scale)
    bending, unseen = _tried("Kinks were not looked for", lambda: kinks(function, tried))
    proven, unproven = _tried("No ball was proven to be affine", lambda: affine_radius(function, most=ball))
    gap, ungapped = _tried("Precisions were not compared", lambda: precision_gap(jacobian, seed))
    saturated, confident = _flat(function, jacobian.value)
    size = float((function.at if scale is None else function.at / scale).double().norm())
    return Reliability(
        unit=unit,
        tolerance=tolerance,
        steepest=radii[-1] if len(radii) > directions else None,
        random=tuple(radii[:directions]),
        saturated=saturated,
        confident=confident,
        vanished=_vanished(jacobian),
        kinks=bending,
        ball=proven,
        precision_gap=gap,
        adjoint_gap=adjoint_gap(jacobian, seed=seed),
        stability=stability(jacobian, noise, seed=seed, scale=scale),
        noise=noise,
        condition=condition(jacobian, float(jacobian.jvp(top).double().norm()), size, scale),
        notes=(*jacobian.notes, *unseen, *unproven, *ungapped),
    )


def _measure(function: Function) -> tuple[Tensor | None, str]:
    """What counts as a step of 1 in each number of the input, and in words."""
    if not isinstance(function.unit, tuple):
        return None, function.unit or "unit of the input"
    spread = function.deviations
    return spread, "unit of each feature" if spread is None else "standard deviation"


def _tried(what: str, find: Callable[[], _T]) -> tuple[_T | None, tuple[str, ...]]:
    """What is found, or the reason why it cannot be, as a note."""
    try:
        return find(), ()
    except PellucidError as error:
        return None, (f"{what}: {error}",)


def _flat(function: Function, values: Float[Tensor, " m"]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Outputs whose probability is as good as 0 or 1, and those that are nearly so."""
    if function.predictor is None or function.output not in ("logits", "probabilities"):
        return (), ()
    logits = values.double()
    if function.output == "probabilities":
        found = torch.minimum(logits, 1 - logits)
    elif function.exclusive:
        found = torch.minimum(torch.softmax(logits, -1), 1 - torch.softmax(logits, -1))
    else:
        found = torch.sigmoid(-logits.abs())
    near = found.tolist()
    named = list(zip(function.outputs, near, strict=True))
    return (
        tuple(name for name, p in named if p < SATURATED),
        tuple(name for name, p in named if SATURATED <= p < 1 - CONFIDENT),
    )


def _vanished(jacobian: Operator) -> tuple[str, ...]:
    zero = torch.cat([(block == 0).flatten(1).all(1) for block in jacobian.blocks()])
    return tuple(name for name, gone in zip(jacobian.outputs, zero.tolist(), strict=True) if gone)
