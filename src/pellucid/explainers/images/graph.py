"""What a network computed, read from the graph that it left for the backward pass.

Rules that change what a module sends back know nothing of what is computed outside of modules (`torch.relu(x)` in a `forward`).
The graph names every operation, whoever asked for it, so that a method can refuse what it would otherwise get silently wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import numpy as np
from torch import Tensor

from pellucid.case import Case
from pellucid.picture import Picture
from pellucid.predictor import Batch, Predictor

# Linear in what they are given, or linear but for a constant.
_AFFINE = frozenset(
    (
        "Add", "Sub", "Rsub", "Neg", "Sum", "Mean", "View", "UnsafeView", "ReshapeAlias", "Expand", "Permute", "Transpose",
        "T", "Squeeze", "Unsqueeze", "Select", "Slice", "Index", "IndexSelect", "Gather", "Cat", "Stack", "Unbind", "Split",
        "SplitWithSizes", "Clone", "Alias", "ToCopy", "ConstantPadNd", "ReflectionPad1D", "ReflectionPad2D",
        "ReflectionPad3D", "ReplicationPad1D", "ReplicationPad2D", "ReplicationPad3D", "AvgPool2D", "AvgPool3D",
        "AdaptiveAvgPool2D", "AdaptiveAvgPool3D", "UpsampleBilinear2D", "UpsampleNearest2D", "UpsampleTrilinear3D",
        "UpsampleNearest3D", "PixelShuffle", "Roll", "Flip", "AsStrided", "Repeat", "torch::autograd::AccumulateGrad",
        "torch::autograd::CopySlices",
    )
)  # fmt: skip
# Products: linear as long as one factor alone depends on the input. For each, where its factors stand.
_PRODUCTS = {"Mul": (0, 1), "Mm": (0, 1), "Bmm": (0, 1), "Mv": (0, 1), "Linear": (0, 1), "Addmm": (1, 2), "Baddbmm": (1, 2)}
_PRODUCTS |= {"Convolution": (0, 1), "Matmul": (0, 1)}
_NORMS = ("NativeBatchNorm", "CudnnBatchNorm", "MiopenBatchNorm")


def blank(predictor: Predictor) -> Batch | None:
    """A black image of the size that an image model reads, on which it can be seen what its network computes; None where the
    model does not say what it reads."""
    model = cast(Any, predictor)
    if not (hasattr(model, "size") and hasattr(model, "mean")):
        return None
    pixels = np.zeros((*model.size, len(model.mean)), dtype=np.uint8)
    return predictor.encode([Case("blank", "blank", {"image": Picture(pixels)}, frozenset())])


def operations(output: Tensor) -> Iterator[Any]:
    """Every operation on the way from what asks for a gradient to the output, once."""
    seen, waiting = set(), [output.grad_fn]
    while waiting:
        node: Any = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)  # kept, as a node that is let go may share its identity with a later one
            waiting += [before for before, _ in node.next_functions]
            yield node


def name_of(node: Any) -> str:
    """What an operation is called, without the words that PyTorch adds."""
    return str(node.name()).partition("Backward")[0]


def is_affine(node: Any) -> bool:
    """Whether a change of what enters the operation changes what leaves it in proportion."""
    name = name_of(node)
    if name in _NORMS:
        return not node._saved_training  # by what the norm has learnt, not by the batch
    depends = [before is not None for before, _ in node.next_functions]
    if name in _PRODUCTS:
        return sum(depends[place] for place in _PRODUCTS[name]) <= 1
    if name == "Div":
        return not depends[-1] or len(depends) == 1
    return name in _AFFINE
