"""Which attribution classes of Captum can be called on an image, and what each is to be given; read from their signatures."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pellucid.errors import CapabilityError, UnknownNameError
from pellucid.units import PixelUnits, patches

_NETWORKS = ("model", "forward_func")
_GIVEN = {"self", "inputs", "target", "baselines", "feature_mask", "sliding_window_shapes", "strides"}
_REGIONS = 7
"""Along each side, where a class removes groups of pixels: single pixels would take a pass each."""

_WINDOW = 8
"""A sliding window is an eighth of each side, and moves by half of that."""

_AT_ONCE = 16
"""Perturbed images that are run together."""

_REFUSED = {
    "FeaturePermutation": "exchanges features between cases, and gets one case at a time",
    "LayerFeaturePermutation": "exchanges features between cases, and gets one case at a time",
    "ShapleyValues": "tries all orders of the regions, which never ends",
}


def class_of(member: str) -> type:
    """The class of that name, if it explains a target of a network for the pixels of one image.

    Raises:
        CapabilityError: Captum is not installed, or the class needs something else.
        UnknownNameError: Captum has no such class.
    """
    try:
        from captum import attr
    except ImportError as error:
        raise CapabilityError("Captum is not installed; install it with `pip install 'pellucid[captum]'`.") from error
    known = [name for name, thing in vars(attr).items() if isinstance(thing, type) and issubclass(thing, attr.Attribution)]
    if member not in known:
        near = difflib.get_close_matches(member, known, n=3, cutoff=0.4) or sorted(known)[:3]
        raise UnknownNameError(f"Captum has no attribution class {member!r}; near ones: {', '.join(near)}.")
    kind: type = getattr(attr, member)
    reason = _REFUSED.get(member) or _unfit(kind)
    if reason:
        raise CapabilityError(f"Captum's {member} cannot be called on an image here, as it {reason}; choose another class.")
    return kind


def has_layer(kind: type) -> bool:
    """Whether it is made for a layer of the network."""
    return "layer" in _required(kind.__init__)  # type: ignore[misc]  # it is asked for its parameters, not called


def options_of(kind: Any) -> list[str]:
    """Arguments of its `attribute` that a user may set."""
    own = {"self", "inputs", "target", "baselines", "feature_mask", "additional_forward_args", "return_convergence_delta"}
    return [name for name in inspect.signature(kind.attribute).parameters if name not in own]


def made(kind: Any, network: nn.Module, layer: nn.Module | None) -> Any:
    """The class for a network, and its layer if it needs one. Relevance passes layers that only reshape by the epsilon rule."""
    if kind.__name__.endswith("LRP"):
        from captum.attr._utils.lrp_rules import EpsilonRule

        for part in network.modules():
            if isinstance(part, nn.Flatten | nn.Identity):
                part.rule = EpsilonRule()
    return kind(network) if layer is None else kind(network, layer)


def arguments(kind: Any, reference: Float[Tensor, "1 D *S"], options: Mapping[str, Any]) -> dict[str, Any]:
    """What its `attribute` is given, beside pixels and target: what it asks for and the user did not say."""
    asks, size = inspect.signature(kind.attribute).parameters, tuple(reference.shape[2:])
    found: dict[str, Any] = {}
    if "baselines" in asks:
        found["baselines"] = reference.expand(2, *reference.shape[1:]) if kind.__name__.endswith("DeepLiftShap") else reference
    if "feature_mask" in asks and "sliding_window_shapes" not in asks:
        index = torch.from_numpy(patches(PixelUnits.of(size), _REGIONS).index)
        found["feature_mask"] = index.view(1, 1, *size).to(reference.device)
    if "sliding_window_shapes" in asks:
        window = [max(1, n // _WINDOW) for n in size]
        found["sliding_window_shapes"] = (reference.shape[1], *window)
        found["strides"] = (reference.shape[1], *(max(1, n // 2) for n in window))
    if "perturbations_per_eval" in asks:
        found["perturbations_per_eval"] = _AT_ONCE
    return found | {name: tuple(value) if isinstance(value, list) else value for name, value in options.items()}


def _unfit(kind: Any) -> str | None:
    """Why a class cannot be called, if so."""
    if not hasattr(kind, "attribute"):
        return "is what other classes are made from"
    network = [name for name in _required(kind.__init__) if name not in ("layer",)]
    if len(network) != 1 or network[0] not in _NETWORKS:
        return f"is made from {', '.join(network) or 'nothing'}"
    if "target" not in inspect.signature(kind.attribute).parameters:
        return "does not ask for a target"
    others = [name for name in _required(kind.attribute) if name not in _GIVEN]
    return f"asks for {', '.join(others)}" if others else None


def _required(call: Any) -> list[str]:
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = inspect.signature(call).parameters.values()
    return [p.name for p in parameters if p.default is p.empty and p.kind in kinds and p.name != "self"]
