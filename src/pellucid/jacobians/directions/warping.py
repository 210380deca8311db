"""Images and signals moved by an interpolation that has a derivative everywhere.

Linear interpolation has a kink at every pixel, and nothing has moved yet at the pixels: its derivative there depends on the
side from which it is taken. Cubic convolution (Keys 1981, a = -1/2) passes through the pixels, has one derivative there, the
central difference, and is exact for polynomials up to the second degree.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor


def sampled(
    image: Float[Tensor, "*C H W"], rows: Float[Tensor, "h w"], columns: Float[Tensor, "h w"]
) -> Float[Tensor, "*C h w"]:
    """The image between its pixels, at places counted in pixels from the centre of the first; beyond the edge, the edge.

    Where the places are those of the pixels its derivative by them is the :func:`slope`.
    """
    down, across = _taps(rows, image.shape[-2]), _taps(columns, image.shape[-1])
    total = torch.zeros((), dtype=image.dtype)
    for i, weight in down:
        for j, other in across:
            total = total + weight * other * image[..., i, j]
    return total


def sampled_in_time(samples: Float[Tensor, "T L"], places: Float[Tensor, " t"]) -> Float[Tensor, "t L"]:
    """A signal between its samples, as :func:`sampled`."""
    total = torch.zeros((), dtype=samples.dtype)
    for i, weight in _taps(places, len(samples)):
        total = total + weight[:, None] * samples[i]
    return total


def slope(values: Float[Tensor, "*S"], axis: int) -> Float[Tensor, "*S"]:
    """Half of the difference between both neighbours along an axis; beyond the edge, the edge."""
    count = values.shape[axis]
    places = torch.arange(count)
    after, before = (values.index_select(axis, (places + step).clamp(0, count - 1)) for step in (1, -1))
    return (after - before) / 2


def _taps(places: Tensor, count: int) -> list[tuple[Int[Tensor, "*p"], Float[Tensor, "*p"]]]:
    """The four samples around each place, and their weights."""
    base = places.floor()
    f = places - base
    weights = (
        f * (-0.5 + f * (1 - 0.5 * f)),
        1 + f * f * (-2.5 + 1.5 * f),
        f * (0.5 + f * (2 - 1.5 * f)),
        f * f * (-0.5 + 0.5 * f),
    )
    return [((base + k - 1).long().clamp(0, count - 1), weight) for k, weight in enumerate(weights)]
