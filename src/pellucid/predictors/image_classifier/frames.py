"""Pictures as the pixels that a network reads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.case import Case
from pellucid.errors import DataError
from pellucid.imaging import resized
from pellucid.picture import Picture

_LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601, as pillow's grey


def frame(picture: Picture, size: tuple[int, ...], channels: int, who: str) -> Float[np.ndarray, "D *S"]:
    """A picture at the network's resolution and with its channels, in [0, 1], channels first.

    Grey becomes three equal channels, colour its luminance. Sides are stretched to `size`.

    Raises:
        DataError: a volume is given where an image is read, or the other way round.
    """
    if len(picture.size) != len(size):
        kinds = {2: "a flat image", 3: "a volume"}
        remedy = {2: "one slice of it", 3: "the whole volume"}[len(size)]
        raise DataError(
            f"The image of case {who} is {kinds[len(picture.size)]}, and the model reads {kinds[len(size)]}; give {remedy}."
        )
    whole = picture if picture.size == size else resized(picture, size)
    values = whole.unit()
    if values.shape[-1] == 3 and channels == 1:
        values = (values @ _LUMINANCE)[..., None]
    if values.shape[-1] == 1 and channels == 3:
        values = np.repeat(values, 3, axis=-1)
    return np.moveaxis(values, -1, 0)


def frames(cases: Sequence[Case], size: tuple[int, ...], channels: int) -> Float[Tensor, "B D *S"]:
    """The pictures of cases, in [0, 1]."""
    stacked = np.stack([frame(case.picture, size, channels, case.id) for case in cases])
    return torch.from_numpy(np.ascontiguousarray(stacked))
