"""What is refused before anything is differentiated, and what is said of it."""

from __future__ import annotations

import torch

from pellucid.errors import PellucidError
from pellucid.jacobians.function import Function
from pellucid.jacobians.products import Backward

SATURATED = 1e-6
"""A probability nearer than this to 0 or 1 has lost its derivative to rounding."""

_COUPLED = 1e-3
"""Outputs that differ by more than this share between one version and two are no rounding."""


def check(function: Function) -> tuple[Backward, tuple[str, ...]]:
    """Refuse what has no Jacobian at this input; give back the pass that was checked, and what a reader should know.

    Takes that pass, one of two versions, and one way back.

    Raises:
        PellucidError: the input is not of floats or not finite, there are no outputs or one is not a finite number, outputs
            depend on the other versions of a batch or change between two passes, or nothing can be sent back to the input.
    """
    _check_input(function.at)
    with torch.enable_grad():
        back = Backward(function)
    alone = back.outputs.detach()[None]
    _check_outputs(function, alone)
    _check_alone(function, alone)
    _check_differentiable(back)
    return back, (*function.notes, *_saturation(function, alone))


def _check_input(at: torch.Tensor) -> None:
    if not at.is_floating_point():
        raise PellucidError(f"The input is of type {at.dtype}, which has no derivative; give floats, or the embedding of it.")
    if not bool(torch.isfinite(at).all()):
        raise PellucidError("The input holds numbers that are not finite; the Jacobian is taken at finite ones.")


def _check_outputs(function: Function, alone: torch.Tensor) -> None:
    if not function.outputs:
        raise PellucidError("The function has no outputs to differentiate; ask for one label or more.")
    if alone.shape != (1, len(function.outputs)):
        raise PellucidError(
            f"The function gives {tuple(alone.shape)} for one version of the input, and {len(function.outputs)} outputs have "
            "names; give one row a version."
        )
    if not bool(torch.isfinite(alone).all()):
        name = function.outputs[int((~torch.isfinite(alone[0])).nonzero()[0])]
        raise PellucidError(f"The output {name!r} is not a finite number here; check the input and the weights.")


def _check_alone(function: Function, alone: torch.Tensor) -> None:
    """Two passes agree, and a companion in the batch changes nothing."""
    other = function.at + (function.at.abs().mean() + 1e-3)
    joined = function.value(torch.stack([function.at, other]))[:1]
    scale = alone.abs().max().clamp_min(1e-6)
    if float((joined - alone).abs().max() / scale) > _COUPLED:
        if float((function.value() - alone).abs().max() / scale) > _COUPLED:
            raise PellucidError("Two passes of the same input give different outputs; switch off dropout and other randomness.")
        raise PellucidError(
            "The outputs of an input depend on what else is in its batch (batch statistics?); call .eval() or give a model "
            "that reads each case alone."
        )


def _check_differentiable(pass_: Backward) -> None:
    outputs = pass_.outputs
    if not outputs.requires_grad:
        raise PellucidError(
            "Nothing can be sent back from the outputs to the input: a step between them has no derivative (rounding, arg-max, "
            "integers, numpy), or the pass is run without gradients."
        )
    try:
        with pass_.fixed():
            (back,) = torch.autograd.grad(outputs.sum(), pass_.at, allow_unused=True, retain_graph=True)
    except RuntimeError as error:
        if "inplace operation" not in str(error):
            raise
        raise PellucidError(
            "A step of the network overwrites numbers that its derivative needs; write it without in-place operations."
        ) from error
    if back is None:
        raise PellucidError("The outputs do not depend on the input through any step that has a derivative.")
    if not bool(torch.isfinite(back).all()):
        raise PellucidError("The derivative is not a finite number here; check the input, or ask for another output.")


def _saturation(function: Function, values: torch.Tensor) -> tuple[str, ...]:
    if function.output != "probabilities":
        return ()
    near = torch.minimum(values[0], 1 - values[0]) < SATURATED
    names = [name for name, saturated in zip(function.outputs, near.tolist(), strict=True) if saturated]
    if not names:
        return ()
    return (
        f"The probability of {names[0]!r} is within {SATURATED:g} of 0 or 1, where its derivative is lost to rounding; "
        "ask for logits instead.",
    )
