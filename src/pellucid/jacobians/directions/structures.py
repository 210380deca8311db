"""Shades of what lies in the image: of each structure that the case names, of all around them, and of what people marked."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from pellucid.case import Boxes, Evidence, without_gaze
from pellucid.jacobians.directions.base import Direction, Made, Skipped, family, straight
from pellucid.jacobians.directions.scene import Scene
from pellucid.predictors.image_classifier.inpainting import solved

_NO_ANATOMY = "the case does not say where structures lie"
_TOLERANCE = 1e-6  # shades


@family("anatomy", "image", "anatomy", "the shades of one structure")
def anatomy(scene: Scene) -> Made:
    """`x + 0.05 t` inside each structure of `case.anatomy`."""
    if not scene.structures:
        yield Skipped("anatomy", _NO_ANATOMY)
    for name, place in scene.structures.items():
        yield _lit(scene, f"intensity of {name}", place)


@family("background", "image", "background", "the shades outside all structures")
def background(scene: Scene) -> Made:
    """`x + 0.05 t` wherever no structure of `case.anatomy` lies."""
    if not scene.structures:
        yield Skipped("background", _NO_ANATOMY)
        return
    yield _lit(scene, "background intensity", ~np.any(list(scene.structures.values()), axis=0))


def _lit(scene: Scene, name: str, place: Bool[np.ndarray, "*s"]) -> Direction | Skipped:
    if not place.any():
        return Skipped(name, "it covers no pixel of what the model reads")
    step = 0.05 * torch.from_numpy(place).to(scene.at).expand_as(scene.at)
    return straight(name, "+0.05 of the range", scene.at, step)


@family("occlusion", "image", "evidence", "what people marked, faded into its surroundings")
def occlusion(scene: Scene) -> Made:
    """`x + 0.1 t (s - x)` in each marked box or region, s what goes on smoothly from around it (10 steps remove it)."""
    marks = list(_regions(scene))
    if not marks:
        yield Skipped("occlusion", "nobody marked a region of the image")
    if marks and len(scene.size) != 2:
        yield Skipped("occlusion", "volumes cannot be inpainted")
        return
    for name, mark in marks:
        yield _faded(scene, f"occlusion of {name}", scene.on_grid([mark]))


def _regions(scene: Scene) -> Iterator[tuple[str, Evidence]]:
    """Each box, and each other mark, with a name."""
    for mark in without_gaze(scene.case.evidence):
        name = mark.label or "the marked region"
        pieces = [Boxes(row[None]) for row in mark.boxes] if isinstance(mark, Boxes) else [mark]
        for piece in pieces:
            yield name, piece


def _faded(scene: Scene, name: str, place: Bool[np.ndarray, "H W"]) -> Direction | Skipped:
    if not place.any() or place.all():
        return Skipped(name, "the region covers no pixel of what the model reads, or all of them")
    hole = torch.from_numpy(place)
    return straight(name, "+10 % opacity", scene.at, 0.1 * (_smooth(scene.at, hole) - scene.at) * hole)


def _smooth(image: Float[Tensor, "D H W"], hole: Bool[Tensor, "H W"]) -> Float[Tensor, "D H W"]:
    """The image in the hole, as it goes on from around it."""
    return solved((image * ~hole)[None], hole[None], _TOLERANCE)[0]
