"""The same function made of a changed copy of its network: in another precision, or with its kinks made round."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import torch
from torch import nn

from pellucid.errors import PellucidError
from pellucid.jacobians.function import Function, Outputs, of_model, of_module
from pellucid.predictor import Predictor
from pellucid.target import Target

_SAME = 1e-3
"""Share of the largest output by which a function made anew may differ from what it was made from."""


def copied(function: Function, change: Callable[[Any], Any]) -> Function:
    """The function of a deep copy of its predictor or network, after `change`; the original is not touched.

    Args:
        change: is given the copy, and alters it in place.

    Raises:
        PellucidError: the function is a bare callable, or its outputs cannot be asked of a copy.
    """
    if function.predictor is None and function.module is None:
        raise PellucidError("Nothing is known of the function but how to call it; give the network or the model.")
    thing = copy.deepcopy(function.predictor if function.predictor is not None else function.module)
    _check_same(function, _made(function, thing))
    change(thing)
    made = _made(function, thing)
    return replace(made, at=function.at.to(made.at))


def cast_to(function: Function, dtype: torch.dtype) -> Function:
    """The function computed in another precision, weights and all.

    Raises:
        PellucidError: as for :func:`copied`.
    """
    made = copied(function, lambda thing: thing.to(dtype=dtype))
    return replace(made, at=made.at.to(dtype))


def _made(function: Function, thing: Any) -> Function:
    if function.predictor is None or function.case is None:
        weights = next((w for w in cast(nn.Module, thing).parameters() if w.is_floating_point()), function.at)
        return of_module(thing, function.at.to(weights.dtype), function.outputs)
    output = _targets(function) if function.output == "targets" else cast(Outputs, function.output)
    return of_model(cast(Predictor, thing), function.case, output=output)


def _targets(function: Function) -> Sequence[Target]:
    """Labels and contrasts by their names."""
    labels = cast(Predictor, function.predictor).labels
    known = {label: Target.label(label) for label in labels}
    contrasts = (Target.contrast(a, b) for a in labels for b in labels)
    known = {target.name: target for target in contrasts} | known
    unknown = [name for name in function.outputs if name not in known]
    if unknown:
        raise PellucidError(f"The target {unknown[0]!r} cannot be asked of a copy of the model; ask for labels or contrasts.")
    return [known[name] for name in function.outputs]


def _check_same(function: Function, made: Function) -> None:
    if made.shape == function.shape and made.at.shape == function.at.shape:
        ours, theirs = function.value().double(), made.value(function.at.to(made.at)[None]).double()
        if bool((ours - theirs).abs().max() <= _SAME * ours.abs().max().clamp_min(1e-6)):
            return
    raise PellucidError("The function is not that of its model or network alone, so that no copy of it can be made.")
