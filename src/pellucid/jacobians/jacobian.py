"""The Jacobian of a function at one input, with all that can be read off it.

Source of the idea: Abe & Asai 2025 (explanation of a trained model at one input by its Jacobian, with no other data).
"""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.jacobians import curvature as bending
from pellucid.jacobians import differences, interactions, noise, precision, reliability, spectral
from pellucid.jacobians.certificates import gathering
from pellucid.jacobians.directions import tabulating
from pellucid.jacobians.operator import Operator


class Jacobian(Operator):
    """`J = d outputs / d input` of a function at one input; arguments and errors are those of :class:`Operator`.

    Products, rows and the norm are the operator's own. What people ask of it is a function in a file of its own, which takes
    an operator first, and is a method here.
    """

    # Whether it is right, and can be believed
    adjoint_gap = precision.adjoint_gap
    difference_gap = differences.difference_gap
    reliability = reliability.reliability

    # What it is most sensitive to, and what that is in words
    spectrum = spectral.spectrum
    directions = tabulating.tabulated

    # What noise does, and what comes after first order
    error_bars = noise.error_bars
    curvature = bending.curvature
    interactions = interactions.interactions

    def certificates(
        self,
        methods: Sequence[str] | None = None,
        *,
        noise: float | None = None,
        samples: int = 1000,
        alpha: float = 0.001,
        seed: int = 0,
    ) -> gathering.Certified:
        """How far the input may move before a decision changes, as bounds that each say their status.

        Asked of the function, which may be cut down or restricted before: :func:`pellucid.jacobians.certificates.certificates`.

        Args:
            methods: some of `pellucid.jacobians.certificates.gathering.METHODS`; None for all that need no further package.
            noise: standard deviation of randomised smoothing, in the unit of radii (that of the input; of a row standard
                deviations of the training cases); None for a quarter of the spread of the input's own numbers.
            samples, alpha, seed: of randomised smoothing.

        Raises:
            PellucidError: there is no such method, or a decision stands exactly on its border.
        """
        chosen = gathering.USUAL if methods is None else methods
        return gathering.certificates(self.function, chosen, noise=noise, samples=samples, alpha=alpha, seed=seed)
