"""All certificates of one case, those that do not fit its model left out with the reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from pellucid.errors import PellucidError
from pellucid.jacobians.certificates.attack import attack
from pellucid.jacobians.certificates.base import Certificate, decisions
from pellucid.jacobians.certificates.first_order import affine_region, first_order
from pellucid.jacobians.certificates.linear_bounds import propagated
from pellucid.jacobians.certificates.lirpa import by_auto_lirpa
from pellucid.jacobians.certificates.restricted import restricted
from pellucid.jacobians.certificates.smoothing import smoothed
from pellucid.jacobians.function import DEVIATION, Function

Method = Callable[[Function], list[Certificate]]

METHODS = ("first_order", "attack", "affine_region", "smoothing", "bounds", "auto_lirpa")
USUAL = ("first_order", "attack", "affine_region", "smoothing", "bounds")
"""All but what needs a package of its own."""


@dataclass(frozen=True)
class Certified:
    """What is certified of one case.

    Attributes:
        certificates: method by method, one for each decision.
        left_out: methods that do not fit the model, with the reason.
        unit: of radii.
    """

    certificates: tuple[Certificate, ...]
    left_out: tuple[tuple[str, str], ...]
    unit: str

    def of(self, decision: str) -> tuple[Certificate, ...]:
        """Those of one decision."""
        return tuple(found for found in self.certificates if found.decision == decision)

    def text(self) -> str:
        """A line for each certificate, and one for each method that was left out."""
        lines = [found.text(self.unit) for found in self.certificates]
        return "\n".join([*lines, *(f"{name} was left out: {why}" for name, why in self.left_out)])


def certificates(
    function: Function,
    methods: Sequence[str] = USUAL,
    *,
    noise: float | None = None,
    samples: int = 1000,
    alpha: float = 0.001,
    seed: int = 0,
) -> Certified:
    """How far the input may move before each decision changes, by several methods.

    Numbers of a row have units of their own: where its model knows how the training cases differed, radii are in standard
    deviations.

    Args:
        function: a model at a case; or decisions that were chosen, cut down or restricted before (:func:`decisions`).
        methods: some of :data:`METHODS`.
        noise: standard deviation of randomised smoothing, in the unit of radii; None for a quarter of the spread of the input's
            own numbers (which has none where all are alike: smoothing is then left out), or of the training cases.
        samples, alpha, seed: of randomised smoothing.

    Raises:
        PellucidError: there is no such method, or a decision stands exactly on its border.
    """
    unknown = [name for name in methods if name not in METHODS]
    if unknown:
        raise PellucidError(f"There is no certificate {unknown[0]!r}; use {', '.join(METHODS)}.")
    decided = function if function.output == "decisions" else decisions(function)
    own, unit = float(function.at.std(correction=0)), function.unit if isinstance(function.unit, str) else "units of each"
    if (spread := decided.deviations) is not None:
        decided, own, unit = restricted(decided, torch.diag(spread), [DEVIATION] * len(spread)), 1.0, DEVIATION
    sd = own / 4 if noise is None else noise
    known: dict[str, Method] = {
        "first_order": first_order,
        "attack": attack,
        "affine_region": affine_region,
        "smoothing": lambda f: smoothed(f, sd, samples, alpha, seed),
        "bounds": propagated,
        "auto_lirpa": by_auto_lirpa,
    }
    found: list[Certificate] = []
    left_out: list[tuple[str, str]] = []
    for name in methods:
        try:
            found += known[name](decided)
        except PellucidError as error:
            left_out.append((name, str(error)))
    return Certified(tuple(found), tuple(left_out), unit)
