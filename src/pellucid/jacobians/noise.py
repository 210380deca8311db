"""Error bars of a prediction from the noise of what was measured."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy.special import ndtri
from torch import Tensor

from pellucid.errors import PellucidError
from pellucid.jacobians.curvature import Hessian
from pellucid.jacobians.noise_models import Noise, independent, joint, measured
from pellucid.jacobians.operator import Operator

FAR = 0.2
"""The delta method is flagged where its standard deviation differs by more than this share from that of drawn noise."""

_ROUNDING = 16
"""Units in the last place of an output that are no more than rounding."""

_EXACT = 64
"""Numbers of the input up to which the bias is exact."""


@dataclass(frozen=True)
class Bar:
    """What noise of the input does to one output.

    Attributes:
        output: its name.
        value: at the input.
        sd: standard deviation to first order, sqrt(J S J^T).
        bias: what noise adds to the mean to second order, tr(H S) / 2; NaN where it was not asked for.
        bias_error: standard error of `bias`; 0 where it is exact.
        low, high: ends of the interval, value -+ z sd.
        drawn_mean, drawn_sd: of outputs at inputs with noise drawn from the same distribution.
        drawn_error: standard error of `drawn_sd`.
        far: the two standard deviations differ by more than 20 %, and by more than two standard errors: the function is not
            straight enough over the reach of the noise, and `drawn_sd` is the better one.
        probability: (value, low, high) carried to probabilities, where the outputs are logits of labels that do not exclude
            each other (exact: the sigmoid keeps order) or probabilities (cut at 0 and 1); None elsewhere.
    """

    output: str
    value: float
    sd: float
    bias: float
    bias_error: float
    low: float
    high: float
    drawn_mean: float
    drawn_sd: float
    drawn_error: float
    far: bool
    probability: tuple[float, float, float] | None


@dataclass(frozen=True)
class ErrorBars:
    """Error bars of every output.

    Attributes:
        level: of the intervals.
        bars: one an output.
        samples: drawn.
        unknown: names of features whose imprecision nobody knows; they were left as they are, so that error bars are too short.
    """

    level: float
    bars: tuple[Bar, ...]
    samples: int
    unknown: tuple[str, ...]


def error_bars(
    jacobian: Operator,
    sd: float | Float[np.ndarray, "*S"] | Float[Tensor, "*S"] | None = None,
    *,
    covariance: Float[np.ndarray, "n n"] | None = None,
    level: float = 0.95,
    samples: int = 2000,
    probes: int = 16,
    seed: int = 0,
) -> ErrorBars:
    """The delta method: Var(y) = J S J^T, with S the covariance of normal noise of the input; checked by drawing such noise.

    Args:
        sd: standard deviation of each number of the input in its unit, or one for all, numbers being independent; NaN where it
            is not known. None for the imprecision of the case's measurements, with which varies what was computed from them.
        covariance: S itself, in place of `sd`.
        level: of the intervals, between 0 and 1.
        samples: versions with noise, 2 or more.
        probes: random products with second derivatives of each output for the bias (Hutchinson 1990), which is exact with up to
            64 numbers; 0 to leave the bias out.
        seed: of all that is drawn.

    Raises:
        PellucidError: no noise is known, its shape does not fit the input, it is negative, or the covariance is none.
    """
    if not 0 < level < 1 or samples < 2 or probes < 0:
        raise PellucidError("Error bars need a level between 0 and 1, 2 samples or more and no negative number of probes.")
    noise, unknown = _noise(jacobian, sd, covariance)
    first = torch.cat([noise.carried(block).square().sum(1) for block in jacobian.blocks()]).sqrt()
    mean, spread = _drawn(jacobian, noise, samples, seed)
    bias = [_bias(jacobian, noise, k, probes, seed) for k in range(jacobian.shape[0])]
    reach = float(ndtri((1 + level) / 2))
    rows = zip(jacobian.outputs, jacobian.value.double().tolist(), first.tolist(), bias, mean.tolist(), spread, strict=True)
    bars = tuple(_bar(jacobian, reach, *row) for row in rows)
    return ErrorBars(level, bars, samples, unknown)


def _noise(jacobian: Operator, sd: object, covariance: Float[np.ndarray, "n n"] | None) -> tuple[Noise, tuple[str, ...]]:
    if covariance is not None:
        return joint(jacobian.function.at, covariance), ()
    return measured(jacobian.function) if sd is None else independent(jacobian.function, sd)


def _bar(
    jacobian: Operator, reach: float, output: str, value: float, sd: float, bias: tuple[float, float], mean: float,
    spread: tuple[float, float],
) -> Bar:  # fmt: skip
    low, high = value - reach * sd, value + reach * sd
    drawn, error = spread
    grain = _ROUNDING * torch.finfo(jacobian.value.dtype).eps * abs(value)
    far = abs(sd - drawn) > max(FAR * drawn, 2 * error, grain)
    return Bar(output, value, sd, *bias, low, high, mean, drawn, error, far, _probability(jacobian, value, low, high))


def _probability(jacobian: Operator, *logits: float) -> tuple[float, float, float] | None:
    function = jacobian.function
    if function.output == "probabilities":
        value, low, high = (min(1.0, max(0.0, p)) for p in logits)
    elif function.output == "logits" and function.predictor is not None and not function.exclusive:
        value, low, high = torch.sigmoid(torch.tensor(logits, dtype=torch.float64)).tolist()
    else:
        return None
    return value, low, high


@torch.no_grad()
def _drawn(jacobian: Operator, noise: Noise, samples: int, seed: int) -> tuple[Float[Tensor, " m"], list[tuple[float, float]]]:
    """Mean of outputs under noise, and their standard deviation with its standard error."""
    function, generator, found = jacobian.function, torch.Generator().manual_seed(seed), []
    n = function.at.numel()
    for start in range(0, samples, jacobian.chunk):
        count = min(jacobian.chunk, samples - start)
        # one by one, as what is drawn at once depends on how much is
        z = torch.stack([torch.randn(n, generator=generator, dtype=torch.float64) for _ in range(count)])
        found.append(function.value(function.at + noise.spread(z.to(function.at))).double().cpu())
    outputs = torch.cat(found)
    change = outputs - jacobian.value.double().cpu()  # so that no noise gives no spread, not even by rounding
    away = change - change.mean(0)
    variance = away.square().sum(0) / (samples - 1)
    error = ((away**4).mean(0) - variance**2).clamp_min(0).sqrt() / (2 * variance.sqrt() * math.sqrt(samples))
    return jacobian.value.double().cpu() + change.mean(0), list(
        zip(variance.sqrt().tolist(), error.nan_to_num().tolist(), strict=True)
    )


def _bias(jacobian: Operator, noise: Noise, output: int, probes: int, seed: int) -> tuple[float, float]:
    """tr(H S) / 2 and its standard error."""
    if probes == 0:
        return math.nan, 0.0
    function, n = jacobian.function, jacobian.function.at.numel()
    weights = torch.zeros_like(jacobian.value)
    weights[output] = 1
    if n <= _EXACT:
        z = torch.eye(n, dtype=torch.float64)
    else:
        z = torch.randint(0, 2, (probes, n), generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2 - 1
    along = noise.spread(z.to(function.at))
    found = (Hessian(function, weights)(along) * along).double().flatten(1).sum(1) / 2
    if n <= _EXACT:
        return float(found.sum()), 0.0
    return float(found.mean()), float(found.std()) / math.sqrt(probes) if probes > 1 else math.nan
