"""The attention inside the classifier, and how its logits depend on it.

A classifier has no attention of a label. What comes nearest is the attention of the class token (the first of each window) in
the last layer: the head reads the hidden state of that token alone. All labels share it, but for the share that each window has
in the label's logit. Definitions, for target t with `z` the logits of a window, `a_h` the attention of head h of its class
token, and `w` the window's share in the target:

* attention: `A_j = w * mean_h a_hj`, which sums to 1 over the text;
* attention gradient: `d t / d A_j = sum_h (d t / d a_hj) / w`, what a change of all heads' attention by the same amount does;
  zero where the window has no share;
* score gradient: `sum_h d t / d s_hj` with `a_h = softmax(s_h)`;
* value norm: `w * || (a_hj v_hj)_h ||`, the heads' weighted values one after the other.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pellucid.errors import CapabilityError
from pellucid.predictor import AttentionBlock, AttentionReading
from pellucid.predictors.explicit import gim, recorded
from pellucid.predictors.neural import refused
from pellucid.predictors.plm_ca.encoder import real_tokens
from pellucid.predictors.text_classifier.classifier import classify, embed, encoder_of
from pellucid.predictors.text_classifier.windows import Windows

_BUDGET = 2**28
"""Bytes of attention, all layers and heads of all windows read together."""

_VALUES = ("value", "v_lin", "v_proj", "Wqkv")
"""What transformers calls the layer that makes values (the last makes them after queries and keys)."""


def layers(module: Any, windows: Windows, case: int) -> Iterator[AttentionBlock]:
    """Attention of every layer, window by window."""
    width = windows.ids.shape[1]
    for pack in torch.arange(len(windows)).split(_at_once(module, windows)):
        with torch.no_grad(), recorded(encoder_of(module)) as record:
            classify(module, windows[pack.numpy()].trimmed())
        for place, window in enumerate(pack.tolist()):
            yield AttentionBlock(case, window * width, torch.stack([layer[place] for layer in record]))


def read(module: Any, windows: Windows, seeds: Float[Tensor, "K N C"], share: Float[Tensor, "K N"]) -> AttentionReading:
    """Attention of the class tokens of one text, as the head reads it.

    Args:
        seeds: d target / d logits of each window.
        share: of each window in each target.

    Raises:
        CapabilityError: the head reads other tokens than the first of a window.
    """
    shape = (4, *share.shape, windows.ids.shape[1])
    found = torch.zeros(shape, dtype=seeds.dtype, device=seeds.device)
    for pack in torch.arange(len(windows)).split(_at_once(module, windows)):
        part = windows[pack.numpy()].trimmed()
        found[:, :, pack, : part.ids.shape[1]] = _pack(module, part, seeds[:, pack], share[:, pack])
    return AttentionReading(*found.flatten(2))


def readout(share: Float[Tensor, "K N"], width: int) -> Float[Tensor, "K L"]:
    """Which hidden states the head reads: the class token of each window, with the window's share."""
    rows = share.new_zeros(*share.shape, width)
    rows[..., 0] = share
    return rows.flatten(1)


def lacking(module: Any, windows: Windows) -> frozenset[str]:
    """The capabilities of this room that a classifier does not have, tried on a few tokens."""
    one = torch.ones(1, len(windows), dtype=torch.float64, device=next(module.parameters()).device)
    entering = one[..., None].expand(-1, -1, module.config.num_labels)

    def send_back() -> None:
        with gim(module):
            classify(module, windows)

    tries: dict[str, Callable[[], object]] = {
        "label_attention": lambda: read(module, windows, entering, one),
        "layer_attention": lambda: list(layers(module, windows, 0)),
        "gim_gradients": send_back,
    }
    return refused(tries)


def _pack(module: Any, windows: Windows, seeds: Tensor, share: Tensor) -> Float[Tensor, "4 K M R"]:
    """The four quantities of a reading, for windows that are read together."""
    features = embed(module, windows).detach().requires_grad_()
    with torch.enable_grad(), recorded(encoder_of(module)) as record, _values(encoder_of(module)) as values:
        logits = classify(module, windows, features)
    all_rows = record[-1]
    attention = all_rows[:, :, 0].detach()  # M H R
    value = values[-1].detach()[..., -module.config.hidden_size :]
    value = value.unflatten(-1, (attention.shape[1], -1)).transpose(1, 2)  # M H R e
    weighted = (attention * value.norm(dim=-1)).norm(dim=1)
    real = real_tokens(torch.from_numpy(windows.lengths).to(attention.device), windows.ids.shape[1])
    rows = []
    for k in range(len(seeds)):
        (gradient,) = torch.autograd.grad(logits, all_rows, seeds[k].to(logits), retain_graph=True)
        if gradient[:, :, 1:].any():
            raise CapabilityError(
                f"The head of {type(module).__name__} reads other tokens than the class token, so its attention is not that of "
                "the labels; choose another method for this model."
            )
        own, w = gradient[:, :, 0], share[k, :, None].to(attention)
        through = (own - (attention * own).sum(-1, keepdim=True)) * attention
        slope = (own.sum(1) / w.where(w > 0, 1.0)).where(real, 0.0)
        rows.append(torch.stack([w * attention.mean(1), slope, through.sum(1), w * weighted]))
    return torch.stack(rows, 1).to(seeds)


@contextlib.contextmanager
def _values(encoder: nn.Module) -> Iterator[list[Tensor]]:
    """While open, what the last layer's values are is kept, the latest last."""
    makers = [module for name, module in encoder.named_modules() if name.rpartition(".")[2] in _VALUES]
    if not makers:
        raise CapabilityError(
            f"The attention of {type(encoder).__name__} does not show its values; use a BERT- or RoBERTa-like classifier."
        )
    kept: list[Tensor] = []
    handle = makers[-1].register_forward_hook(lambda _module, _given, output: kept.append(output))
    try:
        yield kept
    finally:
        handle.remove()


def _at_once(module: Any, windows: Windows) -> int:
    config = module.config
    rows = config.num_hidden_layers * getattr(config, "num_attention_heads", 1)
    one = 4 * rows * int(windows.lengths.max()) ** 2
    return int(max(1, _BUDGET // one))
