"""Reliability in plain sentences."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator

from pellucid.jacobians.reliability import CONFIDENT, Reliability
from pellucid.jacobians.validity import Radius

_UNSTABLE, _ROUNDED = 0.9, 1e-3


def sentences(found: Reliability) -> Iterator[str]:
    """What a reader should know, the most important first."""
    yield from _reach(found)
    yield from _outputs(found)
    yield from _bends(found)
    yield from _numbers(found)
    yield from found.notes


def _reach(found: Reliability) -> Iterator[str]:
    share = f"{found.tolerance:.0%}"
    if found.steepest is None:
        yield "The Jacobian is zero at this input: to first order, nothing that is changed changes any output."
    else:
        yield f"Along the steepest direction the linear prediction {_within(found.steepest, share, found.unit)}."
    steps = sorted(radius.step for radius in found.random)
    if all(radius.known == "linear" for radius in found.random):
        yield f"Along {len(steps)} random directions no step shows an error: the function is linear there."
        return
    middle = min(found.random, key=lambda radius: abs(radius.step - statistics.median_low(steps)))
    yield (
        f"Along {len(steps)} random directions the middle one {_within(middle, share, found.unit)} "
        f"(all: {steps[0]:.3g} to {steps[-1]:.3g})."
    )


def _within(radius: Radius, share: str, unit: str) -> str:
    if radius.known == "linear":
        return "shows no error at any step that was tried: the function is linear there"
    known = "" if math.isnan(radius.share) else f" ({radius.share:.2g} of the norm of the input)"
    size = f"{radius.step:.3g} {unit}{known}"
    if radius.known == "at most":
        return f"errs by more than {share} already at the smallest step that was tried, {size}"
    far = "the largest that was tried" if radius.known == "at least" else "and no farther"
    return f"errs by at most {share} up to a step of {size}, {far}"


def _outputs(found: Reliability) -> Iterator[str]:
    if found.saturated:
        yield f"Saturated: {_listed(found.saturated)}; the derivative of the probability is lost to rounding, so read logits."
    if found.confident:
        yield f"Above {CONFIDENT} or below {1 - CONFIDENT:.3f}: {_listed(found.confident)}; the probability moves little."
    if found.vanished:
        yield f"Without any derivative at this input: {_listed(found.vanished)}."


def _bends(found: Reliability) -> Iterator[str]:
    if found.kinks is None:
        return
    if not found.kinks.layers:
        yield "No unit with a kink was met."
        return
    if not math.isnan(found.kinks.off):
        yield f"{found.kinks.off:.0%} of the units of ReLU and its kin are off here, and what enters them has no derivative."
    if found.kinks.hit:
        yield f"{found.kinks.hit} units are at a kink exactly, where the derivative is that of one side."
    yield f"The first unit bends after a step of {min(found.kinks.first):.3g} along the directions that were tried."
    if found.ball is not None:
        yield f"Within {found.ball.radius:.3g} of the input in any direction no unit bends, and the function is affine."


def _numbers(found: Reliability) -> Iterator[str]:
    if found.precision_gap is not None:
        judged = "rounding matters: use float64" if found.precision_gap > _ROUNDED else "rounding does not matter"
        yield f"Between 32 and 64 bits the Jacobian differs by {found.precision_gap:.1e} of its norm; {judged}."
    judged = "not stable" if found.stability < _UNSTABLE else "stable"
    yield (
        f"After a random change of {found.noise:g} of the norm of the input, rows have a cosine of {found.stability:.3f} or "
        f"more with themselves: {judged}."
    )
    yield (
        f"Both ways of making products agree to {found.adjoint_gap:.1e}; a relative error of the input grows at most "
        f"{found.condition.relative:.3g}-fold, to first order."
    )


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
