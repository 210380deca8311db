"""How much of a model's sensitivity lies in directions that have a name.

`|J Q|_F^2 / |J|_F^2`, Q an orthonormal basis of the directions: the share of what the model reacts to, over all directions of
the input alike, that can be said in words. The rest is sensitivity to patterns without a name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.errors import PellucidError
from pellucid.files import finite
from pellucid.jacobians.directions.base import Direction
from pellucid.jacobians.operator import Operator

_DEPENDENT = 1e-8
"""Directions (of length 1) are dependent where a singular value is below this share of the largest."""


@dataclass(frozen=True)
class Share:
    """The share of one set of directions.

    Attributes:
        name: of the group; "all" for all directions.
        value: over all outputs, in [0, 1]; NaN where no output reacts to anything.
        each: of each output, `|J_i Q|^2 / |J_i|^2`; NaN for one that reacts to nothing.
        rank: how many of the directions are independent.
        chance: rank / numbers of the input, what random directions would hold.
    """

    name: str
    value: float
    each: tuple[float, ...]
    rank: int
    chance: float


@dataclass(frozen=True)
class ExplainedShare:
    """Shares of all directions and of each group; those of groups need not add up, as groups have directions in common.

    Attributes:
        outputs: names of the outputs, in the order of :attr:`Share.each`.
        all: of all directions.
        groups: of each group, in the order in which groups occur.
    """

    outputs: tuple[str, ...]
    all: Share
    groups: tuple[Share, ...]

    @property
    def unexplained(self) -> float:
        """What has no name: 1 less the share of all directions."""
        return 1 - self.all.value

    def to_json(self) -> dict[str, Any]:
        """JSON values; what is undefined is null."""
        return {
            "format": "pellucid.jacobians.share/1",
            "outputs": list(self.outputs),
            "shares": [finite(asdict(share)) for share in (self.all, *self.groups)],
        }


def explained_share(
    jacobian: Operator, directions: Sequence[Direction], scale: Float[Tensor, "*S"] | None = None
) -> ExplainedShare:
    """The share of sensitivity that lies in directions.

    Cost: one way back an output, a chunk at a time.

    Args:
        scale: of each number of the input, by which sensitivities to numbers in different units are made comparable: the
            Jacobian is that with respect to `input / scale`. None for the standard deviations of the training cases where a
            model of rows knows them, else for 1.

    Raises:
        PellucidError: the scale does not have the shape of the input or is not above 0, or a direction does not fit.
    """
    flat = _scale(jacobian, scale)
    names = dict.fromkeys(direction.group for direction in directions)
    sets = [("all", list(directions)), *((name, [d for d in directions if d.group == name]) for name in names)]
    bases = [orthonormal([d.tangent.flatten().double() / flat for d in chosen], len(flat)) for _, chosen in sets]
    inside = [torch.zeros(0, dtype=torch.float64) for _ in sets]
    total = torch.zeros(0, dtype=torch.float64)
    for block in jacobian.blocks():
        rows = block.flatten(1).double().cpu() * flat
        total = torch.cat([total, rows.square().sum(1)])
        inside = [torch.cat([sums, (rows @ basis).square().sum(1)]) for sums, basis in zip(inside, bases, strict=True)]
    shares = [_share(name, sums, total, basis) for (name, _), sums, basis in zip(sets, inside, bases, strict=True)]
    return ExplainedShare(jacobian.outputs, shares[0], tuple(shares[1:]))


def orthonormal(tangents: Sequence[Float[Tensor, " n"]], count: int) -> Float[Tensor, "n r"]:
    """An orthonormal basis of what the tangents span, in float64; of no columns where they are none, or all zero.

    By QR of the tangents at length 1, so that it does not depend on their units, and the singular values of R, which tell what
    is dependent.
    """
    lengths = [(tangent, float(tangent.norm())) for tangent in tangents]
    units = [tangent / length for tangent, length in lengths if length > 0]
    if not units:
        return torch.zeros(count, 0, dtype=torch.float64)
    basis, upper = torch.linalg.qr(torch.stack(units, 1))
    left, values, _ = torch.linalg.svd(upper, full_matrices=False)
    found: Tensor = basis @ left[:, values > _DEPENDENT * values[0]]
    return found


def _scale(jacobian: Operator, scale: Tensor | None) -> Float[Tensor, " n"]:
    function = jacobian.function
    if scale is None:
        known = function.deviations
        scale = torch.ones(function.at.shape) if known is None else known
    if scale.shape != function.at.shape or not bool((scale > 0).all()):
        raise PellucidError(
            f"The scale needs one number above 0 for each of the input, whose shape is {tuple(function.at.shape)}."
        )
    return scale.flatten().to("cpu", torch.float64)


def _share(name: str, inside: Float[Tensor, " m"], total: Float[Tensor, " m"], basis: Float[Tensor, "n r"]) -> Share:
    with np.errstate(invalid="ignore"):
        each = tuple((inside.numpy() / total.numpy()).tolist())
        value = float(inside.sum().numpy() / total.sum().numpy())
    return Share(name, value, each, basis.shape[1], basis.shape[1] / len(basis))
