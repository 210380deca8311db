"""Watching a pass: every step of it is seen, whether it belongs to a layer or was written into a network as a function.

The input carries a derivative along a direction. Whatever has one depends on the input, so that a step that hides from being
watched gives itself away by handing on numbers with a derivative that nobody saw being made.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.autograd.forward_ad as forward_ad
from jaxtyping import Float
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from pellucid.errors import PellucidError
from pellucid.jacobians.function import Function
from pellucid.jacobians.kinks_rules import (
    ADDITIVE,
    ASKING,
    BENDING,
    DIVIDING,
    FLAT,
    LIKENING,
    MULTIPLICATIVE,
    PAIRS,
    functionals,
)
from pellucid.jacobians.products import carried, refusing_forwards, written_out


@dataclass(frozen=True, eq=False)
class Bend:
    """A step that bends at kinks, as a pass met it.

    Attributes:
        layer: the innermost layer that the step belongs to, as PyTorch names it; "#2" follows where it is met a second time.
        kind: the step ("relu", "max_pool2d").
        flat: whether its units can be off.
        value: numbers that must keep their sign, versions first.
        slope: their derivative along the direction of each version.
    """

    layer: str
    kind: str
    flat: bool
    value: Float[Tensor, "N *U"]
    slope: Float[Tensor, "N *U"]


@torch.no_grad()
def watch(
    function: Function, tangents: Float[Tensor, "N *S"], see: Callable[[list[Bend]], None], straight: bool = False
) -> Float[Tensor, "N m"]:
    """Run a pass forwards, one version a direction, and show every step that bends; gives back J v of each direction.

    Args:
        see: is shown the bends of each step, before the step is run.
        straight: refuse steps that are not straight between their kinks, so that what was seen is all there is.

    Raises:
        PellucidError: a layer has no derivative forwards; or, with `straight`, a step is smooth, unknown or cannot be watched.
    """
    where = _Where()
    with forward_ad.dual_level(), written_out(function), where.following(function.module):
        versions = function.at.expand_as(tangents).contiguous()
        entering = forward_ad.make_dual(versions, tangents.to(versions).contiguous())
        mode = _Watching(where, see, entering, straight)
        with refusing_forwards("A layer of the network has no derivative forwards, by which kinks are found."), mode:
            outputs = function(entering)
        if straight:
            mode.check_seen([outputs], "the outputs")
        return carried(outputs)


class _Where:
    """The layer that a pass is in."""

    def __init__(self) -> None:
        self.stack: list[str] = []
        self.times: Counter[tuple[str, str]] = Counter()

    @property
    def layer(self) -> str:
        """The innermost one."""
        return (self.stack[-1] if self.stack else "") or "the function"

    def name(self, kind: str) -> str:
        """Of the innermost layer, which runs a step of this kind for the first or a later time."""
        self.times[self.layer, kind] += 1
        again = self.times[self.layer, kind]
        return self.layer + (f"#{again}" if again > 1 else "")

    @contextlib.contextmanager
    def following(self, module: nn.Module | None) -> Iterator[None]:
        handles = []
        for name, part in module.named_modules() if module is not None else ():
            handles.append(part.register_forward_pre_hook(lambda *_, name=name: self.stack.append(name)))
            handles.append(part.register_forward_hook(self._leave, always_call=True))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _leave(self, *_: Any) -> None:
        self.stack.pop()


class _Watching(TorchFunctionMode):
    def __init__(self, where: _Where, see: Callable[[list[Bend]], None], entering: Tensor, straight: bool) -> None:
        super().__init__()
        self.where, self.see, self.straight = where, see, straight
        self.seen: dict[int, Tensor] = {id(entering): entering}  # kept, so that no other tensor takes over an identity

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given, name = kwargs or {}, _name(func)
        depending = [leaf for leaf in tree_leaves((args, given)) if _depends(leaf)]
        if not depending:
            return func(*args, **given)
        bends = name in BENDING and (name in PAIRS or (len(depending) == 1 and _depends(next(iter(args), None))))
        if self.straight:
            self.check_seen(depending, f"the step {name!r}")
            self._check_straight(name, args, given, bends, len(depending))
        if bends:
            self.see(self._bends(name, args, given))
        found = func(*args, **given)
        if self.straight and name not in ASKING and not (name in LIKENING and not _depends(args[0])):
            self._keep(name, found)
        return found

    def _bends(self, name: str, args: Any, given: Any) -> list[Bend]:
        layer, found = self.where.name(name), []
        for value in functionals(name, args, given):
            primal, tangent = forward_ad.unpack_dual(value)
            slope = torch.zeros_like(primal) if tangent is None else tangent
            found.append(Bend(layer, name, name in FLAT, primal.detach(), slope.detach()))
        return found

    def _check_straight(self, name: str, args: Any, given: Any, bends: bool, depending: int) -> None:
        alone = depending == 1 and (name not in DIVIDING or _depends(args[0]))
        known = bends or name in ADDITIVE | ASKING or (name in MULTIPLICATIVE | DIVIDING and alone)
        if not known or _bent(name, args, given):
            raise PellucidError(
                f"The step {name!r} of {self.where.layer} is not straight between kinks, or not known to be, so that no region "
                "is known in which the function is affine; use the validity radius."
            )

    def check_seen(self, depending: list[Tensor], where: str) -> None:
        """Refuse numbers that depend on the input, but not through steps that were watched."""
        if any(id(leaf) not in self.seen for leaf in depending):
            raise PellucidError(f"What enters {where} was made by a step that cannot be watched; its kinks are not known.")

    def _keep(self, name: str, found: Any) -> None:
        leaves = [leaf for leaf in tree_leaves(found) if isinstance(leaf, Tensor)]
        if any(not _depends(leaf) for leaf in leaves):
            raise PellucidError(f"The step {name!r} ends the derivative, so that what follows from it is not known.")
        self.seen.update((id(leaf), leaf) for leaf in leaves)


def _name(func: Any) -> str:
    name = getattr(func, "__name__", str(func))
    return str(func.__self__.__name__) if name == "__get__" else str(name)


def _depends(leaf: Any) -> bool:
    """Whether it carries a derivative."""
    return isinstance(leaf, Tensor) and leaf.is_floating_point() and forward_ad.unpack_dual(leaf).tangent is not None


def _bent(name: str, args: Any, given: Any) -> bool:
    """Whether a step that is straight by its name is asked to draw, to look at the batch, or to round."""
    if name == "batch_norm":
        return _trained(args, given, 5, False)
    if "dropout" in name:
        return _trained(args, given, 2, True)
    return name in DIVIDING and given.get("rounding_mode") is not None


def _trained(args: Any, given: Any, place: int, default: bool) -> bool:
    return bool(args[place] if len(args) > place else given.get("training", default))
