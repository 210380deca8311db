"""Integrated gradients, with the factor (x - x'), its completeness gap, and a rule for when it is done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from pellucid.attribution import Attribution
from pellucid.errors import PellucidError
from pellucid.explainers.base import Facts, attribute
from pellucid.explainers.products import products, rows_of
from pellucid.explainers.quadrature import Rule, clenshaw_curtis, gauss_legendre
from pellucid.predictor import Batch, Predictor
from pellucid.registry import explainers
from pellucid.target import Target

FIRST = 4
"""Intervals of the first rule of the adaptive mode; the change of a map is first known at twice as many."""


@explainers.register("integrated_gradients")
@dataclass(frozen=True)
class IntegratedGradients(Facts):
    """The gradient of the logit, integrated on the way from an all-masked note to the note.

    `sum_d (x - x')_d * integral of d logit / d x_d along the straight line from x' to x`, summed over the embedding axis.
    x' is the embedding of the note with every token replaced by the mask token; of images, signals and rows it is the mean of
    all, which is 0. Scores add up to f(x) - f(x') but for the fact `completeness_gap` (what is missing, in logits).

    Points are added until a target is done: its gap is at most `tolerance` of |f(x) - f(x')|, *and* doubling the points has
    changed the scores by at most ten times that share of their absolute sum. The gap alone would not do: errors of single
    tokens cancel in the sum. The facts `steps` and `map_change` say how many points a target took, and the last change. A
    target that is not done at `most` intervals keeps the scores it has.

    Cost: a forward pass a point, shared by all targets that are not done, and the backward passes of the chunks that matter.
    Points of one rule are used again by the next; the last is the point of input x gradient, which is shared with it.

    Args:
        tolerance: share of |f(x) - f(x')| that may be missing.
        most: intervals (one less than points) after which to stop; a power of 2, at least 8.
        steps: take exactly so many points of the Gauss-Legendre rule instead.
    """

    tolerance: float = 0.01
    most: int = 128
    steps: int | None = None
    signed = True
    complete = True
    modalities = ("text", "image", "table", "signal")
    cites = "Sundararajan et al. 2017, equation 1"
    name = "integrated_gradients"

    def __post_init__(self) -> None:
        if self.most < 2 * FIRST or self.most.bit_count() != 1:
            raise PellucidError(f"The setting most={self.most} is not a power of 2 from {2 * FIRST} upwards; choose 128.")

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        path = Path(predictor, batch, targets)
        found = self._adaptive(path) if self.steps is None else self._fixed(path, self.steps)
        gap = path.change - found.scores.sum(-1)
        results = []
        for i in range(len(batch)):
            facts = {"completeness_gap": gap[i], "steps": found.points[i]}
            facts |= {"map_change": found.moved[i]} if self.steps is None else {}
            as_arrays = {name: values.cpu().numpy() for name, values in facts.items()}
            results.append(attribute(self, predictor, batch, i, targets, found.scores[i], as_arrays))
        return results

    def _fixed(self, path: Path, steps: int) -> Integral:
        nodes, weights = gauss_legendre(steps)
        found = Integral.empty(path)
        for node, weight in zip(nodes, weights, strict=True):
            found.scores.add_(path.share(float(node)), alpha=float(weight))
        found.points.fill_(steps)
        return found

    def _adaptive(self, path: Path) -> Integral:
        found, wanted = Integral.empty(path), torch.ones(path.shape[:2], dtype=torch.bool, device=path.difference.device)
        rules = {size: clenshaw_curtis(size) for size in self._sizes()}
        sums = {size: torch.zeros_like(found.scores) for size in rules}
        for intervals, (nodes, _) in rules.items():
            for k in range(0 if intervals == FIRST else 1, intervals + 1, 1 if intervals == FIRST else 2):
                _add(sums, rules, k / intervals, path.share(float(nodes[k]), wanted))
            found.update(sums.pop(intervals), intervals + 1, wanted)
            wanted = wanted & ~self._done(path, found)
            if not wanted.any():
                break
        return found

    def _sizes(self) -> Iterator[int]:
        size = FIRST
        while size <= self.most:
            yield size
            size *= 2

    def _done(self, path: Path, found: Integral) -> Bool[Tensor, "B K"]:
        gap = (path.change - found.scores.sum(-1)).abs()
        return (gap <= self.tolerance * path.change.abs()) & (found.moved <= 10 * self.tolerance)


def _add(sums: dict[int, Tensor], rules: dict[int, Rule], along: float, share: Float[Tensor, "B K L"]) -> None:
    """Add a point to every rule that has it, with the weight that it has there.

    Kept as one sum a rule, points take the room of six maps a target, and not of one map a point.

    Args:
        along: its place among the points of a rule, from 0 to 1.
    """
    for size, total in sums.items():
        total.add_(share, alpha=float(rules[size][1][round(along * size)]))


@dataclass(eq=False)
class Integral:
    """What is known of an integral so far.

    Attributes:
        scores: the integral.
        points: how many points it took.
        moved: how much the last doubling changed it, as a share of its absolute sum; NaN before the first.
    """

    scores: Float[Tensor, "B K L"]
    points: Float[Tensor, "B K"]
    moved: Float[Tensor, "B K"]

    @classmethod
    def empty(cls, path: Path) -> Integral:
        nothing = torch.zeros(path.shape, dtype=torch.float64, device=path.difference.device)
        return cls(nothing, torch.zeros_like(nothing[..., 0]), torch.full_like(nothing[..., 0], torch.nan))

    def update(self, scores: Float[Tensor, "B K L"], points: int, wanted: Bool[Tensor, "B K"]) -> None:
        """Take over what a larger rule says of the wanted targets."""
        size = scores.abs().sum(-1)
        moved = (scores - self.scores).abs().sum(-1) / size.where(size > 0, 1.0)
        known = wanted & (self.points > 0)
        self.moved = torch.where(known, moved, self.moved)
        self.points = torch.where(wanted, float(points), self.points)
        self.scores = torch.where(wanted[..., None], scores, self.scores)


@dataclass(eq=False)
class Path:
    """The straight line from the references of a batch to its features.

    Attributes:
        change: f(x) - f(x').
    """

    predictor: Predictor
    batch: Batch
    targets: Sequence[Target]
    reference: Float[Tensor, "B L d"] = field(init=False)
    difference: Float[Tensor, "B L d"] = field(init=False)
    change: Float[Tensor, "B K"] = field(init=False)

    def __post_init__(self) -> None:
        x, self.reference = self.predictor.features(self.batch), self.predictor.reference(self.batch)
        self.difference = x - self.reference
        with torch.no_grad():
            above = self.predictor.scores(x, self.batch, self.targets)
            self.change = (above - self.predictor.scores(self.reference, self.batch, self.targets)).double()

    @property
    def shape(self) -> tuple[int, int, int]:
        return len(self.batch), len(self.targets), self.difference.shape[1]

    @torch.no_grad()
    def share(self, place: float, wanted: Bool[Tensor, "B K"] | None = None) -> Float[Tensor, "B K L"]:
        """`sum_d (x - x')_d d target / d x_d` at `place`, 0 being the reference and 1 the features.

        Args:
            wanted: targets of other pairs may come out as zero.
        """
        if place == 1.0:
            every = products(self.predictor, self.batch, self.targets)
            return torch.stack([found.difference.sum for found in every])
        result = self.difference.new_zeros(self.shape)
        chosen = torch.arange(self.shape[1]) if wanted is None else wanted.any(0).nonzero()[:, 0].cpu()
        targets = [self.targets[k] for k in chosen]
        weights = None if wanted is None else [w[chosen, None].expand(-1, self.shape[2]).to(result) for w in wanted]
        at = self.reference + place * self.difference
        for piece in self.predictor.feature_gradients(self.batch, targets, at, weights):
            rows = rows_of(piece)
            k = chosen.to(rows.device)[piece.targets]
            result[piece.case][k[:, None], rows] = (self.difference[piece.case][rows] * piece.gradient).sum(-1)
        return result
