"""Attention written out: a Hugging Face encoder whose attention can be read, and sent back by other rules.

The attention function is our own, made known to transformers under a name of its own; an encoder computes with it while one of
the contexts below is open, and as before afterwards. What a context asks for belongs to one encoder in one thread: other models
and other threads compute as ever, and no function of torch is replaced.

The forward pass is that of any attention, to rounding. :func:`gim` changes the backward pass alone, all three of its rules at
once: in the published package the temperature works only on one attention path of transformers and the shares of query, key and
value only on another, so that no model ever gets both.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import dropout as drop

from pellucid.errors import CapabilityError

NAME = "pellucid_explicit"
"""What the attention function is called in transformers."""


@dataclass(eq=False)
class _Mode:
    """What one open context asks of the attention of one encoder.

    Attributes:
        modules: identities of the encoder's modules.
        record: where to leave the attention of each layer, if anywhere.
        temperature: at which the softmax is sent back; None for the softmax's own gradient.
        calls: layers that have asked so far.
    """

    modules: frozenset[int]
    record: list[Tensor] | None = None
    temperature: float | None = None
    calls: int = 0


class _Open(threading.local):
    """The contexts that are open in this thread."""

    def __init__(self) -> None:
        self.modes: list[_Mode] = []


_open = _Open()
_switching = threading.Lock()
# How many contexts hold an encoder, and what it computed with before; by identity of its configuration, which the classifier
# around it shares.
_switched: dict[int, tuple[int, str]] = {}


@contextlib.contextmanager
def recorded(encoder: nn.Module) -> Iterator[list[Float[Tensor, "M H C C"]]]:
    """While open, every forward pass appends the attention of each layer, lowest first, to the list that is given.

    Entry [m, h, i, j] is the probability with which row i attends to row j; columns of padding are 0. The tensors are part of
    the graph.

    Raises:
        CapabilityError: the encoder keeps its attention to itself.
    """
    record: list[Tensor] = []
    with _explicit(encoder, _Mode(_identities(encoder), record=record)):
        yield record


@contextlib.contextmanager
def gim(encoder: nn.Module, temperature: float = 2.0) -> Iterator[None]:
    """While open, forward passes leave a graph that is sent back by the rules of GIM (Edin et al. 2025).

    * softmax: `ds = B (g - sum B g)` with `B = softmax(s / temperature)`; removing one of several attended tokens does not
      undo the others;
    * products: their factors share the gradient. A query and a key get a quarter each, a value a half, and each branch of a
      gated feed-forward block a half;
    * layer norms: the scale is a constant.

    The backward pass itself may run after the context is closed.

    Raises:
        CapabilityError: the encoder keeps its attention to itself, or normalises in a way that is not known here.
    """
    owner = threading.get_ident()
    handles = [m.register_forward_hook(partial(_frozen, owner)) for m in _norms(encoder)]
    handles += [m.register_forward_pre_hook(partial(_halved, owner)) for m in _gated_outputs(encoder)]
    try:
        with _explicit(encoder, _Mode(_identities(encoder), temperature=temperature)):
            yield
    finally:
        for handle in handles:
            handle.remove()


# The attention function


def attend(
    module: nn.Module,
    query: Float[Tensor, "M H C e"],
    key: Float[Tensor, "M G C e"],
    value: Float[Tensor, "M G C e"],
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    position_bias: Tensor | None = None,
    **more: Any,
) -> tuple[Float[Tensor, "M C H e"], Float[Tensor, "M H C C"]]:
    """Softmax attention, as transformers asks for it; `attention_mask` is boolean (True where attended) or added to scores."""
    unknown = [name for name in ("softcap", "s_aux") if more.get(name) is not None]
    if unknown:
        raise CapabilityError(
            f"{type(module).__name__} computes attention with {unknown[0]}; use a BERT- or RoBERTa-like model."
        )
    modes = [mode for mode in _open.modes if id(module) in mode.modules]
    temperature = next((mode.temperature for mode in modes if mode.temperature is not None), None)
    if temperature is not None:
        query, key, value = shared(query, 1 / 4), shared(key, 1 / 4), shared(value, 1 / 2)
    groups = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    scores = query @ key.transpose(-1, -2) * (query.shape[-1] ** -0.5 if scaling is None else scaling)
    scores = scores if position_bias is None else scores + position_bias
    scores = _masked(scores, attention_mask)
    attention = torch.softmax(scores, -1) if temperature is None else tempered_softmax(scores, temperature)
    for mode in modes:
        mode.calls += 1
        if mode.record is not None:
            mode.record.append(attention)
    output = drop(attention, dropout, module.training) @ value
    return output.transpose(1, 2).contiguous(), attention


def _masked(scores: Tensor, mask: Tensor | None) -> Tensor:
    if mask is None:
        return scores
    mask = mask[..., : scores.shape[-1]]
    return scores.masked_fill(~mask, torch.finfo(scores.dtype).min) if mask.dtype == torch.bool else scores + mask


# The rules of GIM


class _TemperedSoftmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, scores: Tensor, temperature: float) -> Tensor:
        ctx.save_for_backward(scores)
        ctx.temperature = temperature
        return torch.softmax(scores, -1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (scores,), (gradient,) = ctx.saved_tensors, gradients
        soft = torch.softmax(scores / ctx.temperature, -1)
        return soft * (gradient - (soft * gradient).sum(-1, keepdim=True)), None


class _Shared(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: Tensor, share: float) -> Tensor:
        ctx.share = share
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0] * ctx.share, None


def tempered_softmax(scores: Float[Tensor, "*B L"], temperature: float) -> Float[Tensor, "*B L"]:
    """The softmax over the last axis, whose gradient is that of a softmax at `temperature` (without the factor 1/T)."""
    return cast(Tensor, _TemperedSoftmax.apply(scores, temperature))  # type: ignore[no-untyped-call]


def shared(value: Float[Tensor, "*S"], share: float) -> Float[Tensor, "*S"]:
    """The value itself, through which only a share of the gradient passes."""
    return cast(Tensor, _Shared.apply(value, share))  # type: ignore[no-untyped-call]


def _frozen(owner: int, module: nn.Module, arguments: tuple[Any, ...], output: Tensor) -> Tensor | None:
    """The output of a norm, computed with a scale that is a constant."""
    if threading.get_ident() != owner:
        return None
    x, norm = arguments[0], cast(Any, module)
    axes = tuple(range(-len(norm.normalized_shape), 0))
    if isinstance(module, nn.LayerNorm):
        x = x - x.mean(axes, keepdim=True)
    eps = torch.finfo(x.dtype).eps if norm.eps is None else norm.eps
    scaled = x * (x.detach().pow(2).mean(axes, keepdim=True) + eps).rsqrt()
    scaled = scaled if norm.weight is None else scaled * norm.weight
    return cast(Tensor, scaled if getattr(norm, "bias", None) is None else scaled + norm.bias)


def _halved(owner: int, module: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """What enters the last layer of a gated block is a product of two branches: half of the gradient for each."""
    return (shared(arguments[0], 1 / 2), *arguments[1:]) if threading.get_ident() == owner else None


def _norms(encoder: nn.Module) -> list[nn.Module]:
    norms = [m for m in encoder.modules() if type(m).__name__.endswith("Norm") and not list(m.children())]
    for module in norms:
        if type(module).forward not in (nn.LayerNorm.forward, nn.RMSNorm.forward):  # a subclass may read other axes
            raise CapabilityError(
                f"GIM does not know how to hold the scale of {type(module).__name__}; use an encoder with layer norms."
            )
    return norms


def _gated_outputs(encoder: nn.Module) -> list[nn.Module]:
    """The last layer of every gated feed-forward block, in the two ways in which transformers writes them."""
    found = []
    for module in encoder.modules():
        into, out = getattr(module, "Wi", None), getattr(module, "Wo", None)
        if isinstance(into, nn.Linear) and isinstance(out, nn.Linear) and into.out_features == 2 * out.in_features:
            found.append(cast(nn.Module, out))
        if all(isinstance(getattr(module, name, None), nn.Linear) for name in ("gate_proj", "up_proj", "down_proj")):
            found.append(cast(nn.Module, module.down_proj))
    return found


# Switching an encoder over


def _identities(encoder: nn.Module) -> frozenset[int]:
    return frozenset(id(module) for module in encoder.modules())


@contextlib.contextmanager
def _explicit(encoder: nn.Module, mode: _Mode) -> Iterator[None]:
    _switch(encoder)
    handle = encoder.register_forward_hook(_checked(encoder, mode))
    _open.modes.append(mode)
    try:
        yield
    finally:
        _open.modes.remove(mode)
        handle.remove()
        _switch_back(encoder)


def _checked(encoder: nn.Module, mode: _Mode) -> Callable[..., None]:
    """A hook that refuses an encoder which has not asked for its attention here."""
    owner = threading.get_ident()

    def check(*_: Any) -> None:
        if threading.get_ident() == owner and not mode.calls:
            raise _closed(encoder)

    return check


def _closed(encoder: nn.Module) -> CapabilityError:
    name = type(encoder).__name__
    return CapabilityError(
        f"{name} keeps its attention to itself; use a BERT- or RoBERTa-like one with transformers 5 or later."
    )


def _switch(encoder: nn.Module) -> None:
    if not hasattr(encoder, "set_attn_implementation"):
        raise _closed(encoder)
    _known()
    config = cast(Any, encoder).config
    with _switching:
        held, before = _switched.get(id(config), (0, config._attn_implementation))
        if not held:
            cast(Any, encoder).set_attn_implementation(NAME)
        _switched[id(config)] = (held + 1, before)


def _switch_back(encoder: nn.Module) -> None:
    key = id(cast(Any, encoder).config)
    with _switching:
        held, before = _switched.pop(key)
        if held > 1:
            _switched[key] = (held - 1, before)
        else:
            cast(Any, encoder).set_attn_implementation(before)


@cache
def _known() -> None:
    """Tell transformers of the function, and that its masks are those that are added to scores."""
    from transformers import AttentionInterface, AttentionMaskInterface

    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, AttentionMaskInterface()["eager"])
