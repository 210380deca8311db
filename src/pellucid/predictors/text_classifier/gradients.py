"""Gradients of many targets with respect to the embeddings of a long text, a few windows at a time.

Windows meet only in the pooling of their logits, whose derivative says how much of each target enters each window. The targets
share the forward pass of a window, and each is sent back through it once; windows that a target's pooling ignores are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.predictor import GradientPiece
from pellucid.predictors.text_classifier.windows import Windows
from pellucid.target import Target, resolve

SHARE = 4
"""Of the windows that are read together, one in so many is where a gradient is to go back: graphs keep what passes forget."""

Classify = Callable[[Windows, Float[Tensor, "M R d"]], Float[Tensor, "M C"]]


def pieces(
    classify: Classify,
    windows: Windows,
    case: int,
    features: Float[Tensor, "N R d"],
    entering: Float[Tensor, "K N C"],
    tokens: int,
) -> Iterator[GradientPiece]:
    """Gradients of one text.

    Args:
        entering: d target / d logits of each window (:func:`seeds`).
        tokens: how many are read together where no gradient is kept, about.
    """
    wanted = (entering != 0).any(-1)
    rows, at_once = windows.ids.shape[1], max(1, tokens // SHARE // int(windows.lengths.max()))
    for pack in wanted.any(0).nonzero()[:, 0].split(at_once):
        read = windows[pack.cpu().numpy()].trimmed()
        at = features[pack, : read.ids.shape[1]].detach().requires_grad_()
        with torch.enable_grad():
            logits = classify(read, at)
        for k in wanted[:, pack].any(1).nonzero()[:, 0].tolist():
            used = wanted[k, pack]
            (gradient,) = torch.autograd.grad(logits, at, entering[k, pack].to(logits), retain_graph=True)
            starts = pack[used] * rows
            yield GradientPiece(case, torch.full_like(starts, k), starts, gradient[used])


def seeds(
    targets: Sequence[Target], labels: Sequence[str], of_label: Float[Tensor, "N C"]
) -> tuple[Float[Tensor, "K N C"], Float[Tensor, "K N"]]:
    """What enters each window: d target / d logits, and the share of each window in each target, which sums to 1.

    Args:
        of_label: d text logit / d window logit, label by label.
    """
    resolved = resolve(targets, labels)
    weights = of_label.new_zeros(len(targets), len(labels))
    weights[:, resolved.outputs] = resolved.weights.to(of_label)
    size = weights.abs()
    return weights[:, None] * of_label, (size / size.sum(1, keepdim=True).clamp_min(1e-300)) @ of_label.T
