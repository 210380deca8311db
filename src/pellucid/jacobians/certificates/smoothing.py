"""Randomised smoothing: a certificate of the smoothed model, sound but for a stated chance of being wrong."""

from __future__ import annotations

import torch

from pellucid.errors import PellucidError
from pellucid.jacobians.certificates.base import Certificate
from pellucid.jacobians.function import Function

_AT_ONCE = 64


def smoothed(function: Function, sd: float, samples: int = 1000, alpha: float = 0.001, seed: int = 0) -> list[Certificate]:
    """Cohen et al. 2019, Theorem 1, for each decision: `sd * Phi^-1(p)`, p the lower bound of how often it stands under noise.

    The bound is Clopper and Pearson's, one-sided at `alpha`, split over the decisions (Bonferroni), so that all hold together.
    A decision that does not stand in more than half of the noisy versions is abstained from: radius 0. It speaks of the model
    that decides by a vote over noisy versions, not of the model itself.

    Args:
        sd: standard deviation of the noise, in the unit of the input; the radius cannot exceed about
            `sd * Phi^-1(alpha^(1 / samples))`.

    Raises:
        PellucidError: sd, samples or alpha is out of range.
    """
    if not sd > 0 or samples < 1 or not 0 < alpha < 1:
        raise PellucidError(
            f"Smoothing with a noise of {sd:g}, {samples} samples and a chance of error of {alpha:g} is none; give a `noise` "
            "above 0, at least one sample, and a chance between 0 and 1."
        )
    stands = _standing(function, sd, samples, seed)
    each = alpha / len(function.outputs)
    return [_certificate(name, count, samples, sd, each, alpha) for name, count in zip(function.outputs, stands, strict=True)]


def _certificate(name: str, count: int, samples: int, sd: float, each: float, alpha: float) -> Certificate:
    from scipy.stats import beta, norm

    low = float(beta.ppf(each, count, samples - count + 1)) if count else 0.0
    note = f"of the model smoothed with noise of {sd:g}, all decisions together wrong with a chance of at most {alpha:g}"
    if low <= 0.5:
        return Certificate("randomised smoothing", name, 0.0, "l2", "sound with confidence", f"abstained; {note}")
    return Certificate("randomised smoothing", name, sd * float(norm.ppf(low)), "l2", "sound with confidence", note)


def _standing(function: Function, sd: float, samples: int, seed: int) -> list[int]:
    """In how many noisy versions each decision stands."""
    generator = torch.Generator().manual_seed(seed)
    stands = torch.zeros(len(function.outputs), dtype=torch.int64)
    for start in range(0, samples, _AT_ONCE):
        shape = (min(_AT_ONCE, samples - start), *function.at.shape)
        noise = torch.randn(shape, generator=generator, dtype=torch.float64).to(function.at)
        stands += (function.value(function.at + sd * noise) > 0).sum(0).cpu()
    return stands.tolist()
