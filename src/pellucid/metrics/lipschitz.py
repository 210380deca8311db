"""How far can a small change of the input move an explanation? The Lipschitz constant of a heat-map at one case.

Noise shows how far a map moves along directions that were drawn; none of a few thousand drawn ones is near the worst. The
largest singular value of the Jacobian of the map is the worst one, to first order, and the pattern belongs to it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.case import Case
from pellucid.jacobians import Jacobian
from pellucid.jacobians.heatmaps import of_heatmap
from pellucid.predictor import Predictor
from pellucid.randomness import stream
from pellucid.target import Target

NAN = float("nan")


@dataclass(frozen=True, eq=False)
class ExplanationLipschitz:
    """The local Lipschitz constant of one heat-map, in L2.

    Attributes:
        constant: the largest `|d map| / |d x|` of a small change, sigma_1; in units of the map a shade (mV, ...). 0 for a map
            that nothing moves.
        scaled: the same for the map scaled to norm 1, as the sampled figures of :mod:`pellucid.metrics.robustness` are; NaN for
            a map of zeros.
        relative: the same for relative changes of both, `(|d map| / |map|) / (|d x| / |x|)`; NaN for a map or input of zeros.
        residual: of sigma_1, as its share; the true value is at least `constant` less as much.
        converged: the residual is at most what was asked for.
        pattern: the change of the input, of norm 1, that moves the map most; its sign is arbitrary. None for a map that nothing
            moves.
        products: with the Jacobian or its transpose that it took.
    """

    constant: float
    scaled: float
    relative: float
    residual: float
    converged: bool
    pattern: Float[Tensor, "*S"] | None
    products: int


def explanation_lipschitz(
    predictor: Predictor,
    case: Case,
    heatmap: str,
    target: Target | str,
    *,
    tolerance: float = 1e-2,
    most: int = 64,
    seed: int = 0,
) -> ExplanationLipschitz:
    """The Lipschitz constant of a heat-map at the input of a case, by the largest singular value of its Jacobian.

    It holds for small changes: where the network has kinks, within the piece that the input lies in. Whatever small noise is
    drawn, it moves the map by no more, so that sampled figures are lower bounds of it.

    Args:
        heatmap: one of :data:`pellucid.jacobians.heatmaps.HEATMAPS`.
        target: a label, a contrast, or for "local_attention" a sentence.
        tolerance: residual that counts as converged.
        most: products with the Jacobian after which the search ends.

    Raises:
        PellucidError: there is no such heat-map, or it does not answer to the input.
        CapabilityError: the model lacks what the heat-map needs.
    """
    function = of_heatmap(predictor, case, heatmap, target)
    jacobian = Jacobian(function, "matrix-free")
    size, length = float(function.at.double().norm()), float(jacobian.value.double().norm())
    if _nothing(jacobian, seed):
        return ExplanationLipschitz(0.0, _ratio(0.0, length), _ratio(0.0, length * size), 0.0, True, None, 1)
    found = jacobian.spectrum(1, method="lanczos", tolerance=tolerance, most=most, seed=seed)
    return ExplanationLipschitz(
        constant=found.slope,
        scaled=_ratio(found.slope, length),
        relative=_ratio(found.slope * size, length) if size else NAN,
        residual=float(found.residuals[0]),
        converged=float(found.residuals[0]) <= tolerance,
        pattern=found.right[0],
        products=found.products + 1,
    )


def _nothing(jacobian: Jacobian, seed: int) -> bool:
    """Whether the Jacobian is zero: no combination of outputs, one drawn at random, answers to anything."""
    drawn = stream(seed, "explanation lipschitz").normal(size=jacobian.shape[0])
    return not bool(jacobian.vjp(torch.from_numpy(drawn)).any())


def _ratio(above: float, below: float) -> float:
    return above / below if below else NAN
