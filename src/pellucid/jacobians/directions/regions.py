"""Where in the image the sensitivity of a model lies: inside each structure, and outside all of them.

A model that reacts to what lies outside the patient's anatomy may have learned a shortcut (a marker, a border). This is an
alarm and no verdict: it says where a model is sensitive, not what it used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from pellucid.errors import PellucidError
from pellucid.files import finite
from pellucid.jacobians.directions.scene import Scene
from pellucid.jacobians.operator import Operator

OUTSIDE = "outside"


@dataclass(frozen=True)
class RegionShare:
    """One region.

    Attributes:
        name: of the structure; "outside" for what lies in none.
        value: share of the squared sensitivity of all outputs that lies in it; NaN where no output reacts to anything.
        each: of each output; NaN for one that reacts to nothing.
        chance: its share of the units (pixels, samples), what a model that reacts alike everywhere would have there.
    """

    name: str
    value: float
    each: tuple[float, ...]
    chance: float

    @property
    def ratio(self) -> float:
        """How sensitive the model is to a unit in it, compared with a unit anywhere; NaN for a region without units."""
        return self.value / self.chance if self.chance > 0 else float("nan")


@dataclass(frozen=True)
class RegionShares:
    """All regions. Shares need not add up to 1, as structures may lie in each other (a lung, and both lungs).

    Attributes:
        outputs: names of the outputs, in the order of :attr:`RegionShare.each`.
        regions: each structure, and last what lies outside all of them.
    """

    outputs: tuple[str, ...]
    regions: tuple[RegionShare, ...]

    @property
    def outside(self) -> RegionShare:
        """What lies in no structure: the alarm for shortcuts."""
        return self.regions[-1]

    def __getitem__(self, name: str) -> RegionShare:
        found = [region for region in self.regions if region.name == name]
        if not found:
            raise PellucidError(f"There is no region {name!r}; there are {', '.join(r.name for r in self.regions)}.")
        return found[0]

    def text(self) -> str:
        """A line a region, in plain words."""
        return "\n".join(
            f"{region.name}: {region.value:.0%} of the sensitivity on {region.chance:.0%} of the units"
            for region in self.regions
        )

    def to_json(self) -> dict[str, Any]:
        """JSON values; what is undefined is null."""
        rows = [{**asdict(region), "ratio": region.ratio} for region in self.regions]
        return {"format": "pellucid.jacobians.regions/1", "outputs": list(self.outputs), "regions": finite(rows)}


def region_shares(jacobian: Operator, masks: Mapping[str, Bool[np.ndarray, "*s"]] | None = None) -> RegionShares:
    """The share of squared sensitivity, `sum over a region of J_i^2 / sum of J_i^2`; channels of an image are summed.

    Cost: one way back an output, a chunk at a time.

    Args:
        masks: regions on the grid that the model reads; None for the structures of `case.anatomy`.

    Raises:
        PellucidError: there are no regions, or one does not fit the grid.
    """
    found = _structures(jacobian) if masks is None else dict(masks)
    if not found:
        raise PellucidError("The case does not say where structures lie (`anatomy`); give masks of regions.")
    grid = _grid(jacobian, found)
    masked = {**found, OUTSIDE: ~np.any(list(found.values()), axis=0)}
    squares = np.concatenate([_squares(block.double().cpu().numpy(), grid) for block in jacobian.blocks()])
    return RegionShares(jacobian.outputs, tuple(_region(name, mask, squares) for name, mask in masked.items()))


def _structures(jacobian: Operator) -> dict[str, Bool[np.ndarray, "*s"]]:
    function = jacobian.function
    if function.case is None or function.predictor is None or function.modality not in ("image", "signal"):
        return {}
    return Scene.of(function, function.case, function.predictor).structures


def _grid(jacobian: Operator, masks: Mapping[str, Bool[np.ndarray, "*s"]]) -> tuple[int, ...]:
    shape = tuple(jacobian.function.at.shape)
    fitting = (shape[1:],) if jacobian.function.modality == "image" else (shape, shape[1:])
    wrong = [name for name, mask in masks.items() if mask.shape not in fitting or mask.dtype != bool]
    sizes = {mask.shape for mask in masks.values()}
    if wrong or len(sizes) != 1:
        name = wrong[0] if wrong else next(iter(masks))
        raise PellucidError(f"The region {name!r} is no mask of booleans of the grid {fitting[0]} that the model reads.")
    return sizes.pop()


def _squares(rows: Float[np.ndarray, "c *S"], grid: tuple[int, ...]) -> Float[np.ndarray, "c U"]:
    """Squared sensitivity to every unit, channels summed."""
    squares = rows**2
    summed = squares if rows.shape[1:] == grid else squares.sum(1)
    return np.asarray(summed.reshape(len(rows), -1))


def _region(name: str, mask: Bool[np.ndarray, "*s"], squares: Float[np.ndarray, "m U"]) -> RegionShare:
    inside, total = squares[:, mask.ravel()].sum(1), squares.sum(1)
    with np.errstate(invalid="ignore"):
        each = tuple((inside / total).tolist())
        value = float(inside.sum() / total.sum())
    return RegionShare(name, value, each, float(mask.mean()))
