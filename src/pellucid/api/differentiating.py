"""The Jacobian of a model at one case, in one line of Python.

>>> J = pellucid.jacobian(model, "chest.png")                             # doctest: +SKIP
>>> print(J.directions().text(["effusion"]))                              # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from torch import Tensor, nn

from pellucid.api.asking import asked
from pellucid.api.items import as_case
from pellucid.errors import PellucidError
from pellucid.jacobians import Function, Jacobian, of_callable, of_model, of_module
from pellucid.jacobians.function import Outputs
from pellucid.jacobians.operator import CHUNK, ROOM, Mode
from pellucid.predictor import modality_of
from pellucid.target import Target


def jacobian(
    model: Any,
    item: Any,
    *,
    output: Outputs | Sequence[Target | str] = "logits",
    mode: Mode = "auto",
    chunk: int = CHUNK,
    room: int = ROOM,
) -> Jacobian:
    """How every output of a model answers to every number of its input, at one case.

    Args:
        model: a :class:`~pellucid.Model`, a predictor, a network of PyTorch, or any map of N versions of an input to N x m
            outputs.
        item: what the model reads: a text, an image (file, array, :class:`~pellucid.Picture`), a row
            (:class:`~pellucid.Measurements`, or numbers by name), a :class:`~pellucid.Signal`, or a case; for a network or a
            map a tensor without its batch axis.
        output: of a predictor; "logits", "probabilities", "margins", "embedding", or labels and contrasts
            (:func:`pellucid.jacobians.of_model`). A model that holds images against sentences takes sentences of your own as
            well: where one of these is no label, all are asked as they stand.
        mode, chunk, room: see :class:`~pellucid.jacobians.operator.Operator`.

    Raises:
        DataError: the text is empty, or the image, row or signal cannot be read.
        PellucidError: there is no Jacobian at this input, no such output, or a network is given something else than a tensor.
    """
    return Jacobian(_function(model, item, output), mode, chunk, room)


def _function(model: Any, item: Any, output: Outputs | Sequence[Target | str]) -> Function:
    predictor = getattr(model, "predictor", model)
    if hasattr(predictor, "encode") and hasattr(predictor, "scores"):
        case = as_case(item, modality_of(predictor), predictor)
        return of_model(asked(predictor, output), case, output=output)
    if not isinstance(item, Tensor):
        raise PellucidError(
            f"A network or a function is differentiated at a tensor, and this is of the kind {type(item).__name__}; give a "
            "tensor without its batch axis, or wrap the network as a predictor."
        )
    if output != "logits":
        raise PellucidError("A network or a function has no outputs by name; leave `output` out, or wrap it as a predictor.")
    if isinstance(model, nn.Module):
        return of_module(model, item)
    return of_callable(cast(Callable[[Tensor], Tensor], model), item)
