"""An explanation laid over its image: colour where it points, outlines around what people marked."""

from __future__ import annotations

import base64
import io
import re
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, UInt8

from pellucid.errors import DataError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FOR, AGAINST = (240, 100, 0), (0, 114, 178)
"""Colours of evidence for and against a target: orange and blue, which colour-blind readers tell apart."""

FOR_HEX, AGAINST_HEX = ("#{:02x}{:02x}{:02x}".format(*colour) for colour in (FOR, AGAINST))
"""The same as matplotlib counts colours."""

MARKED, CAUSE = (0, 230, 160), (255, 64, 200)
"""Colours of the outlines of what people marked, and of what was planted."""

STRONGEST = 0.75
"""How far the strongest score covers the image."""

_LEAST, _MOST = 224, 4096


def overlay(
    pixels: Float[np.ndarray, "H W C"],
    scores: Float[np.ndarray, "H W"] | None = None,
    marked: Bool[np.ndarray, "H W"] | None = None,
    cause: Bool[np.ndarray, "H W"] | None = None,
) -> UInt8[np.ndarray, "h w 3"]:
    """A flat image with an explanation over it, whole pixels enlarged until the shorter side has at least 224; but the longer
    side of a narrow image no further than to 4,096, as no page holds one of any length.

    Colour covers a pixel in proportion to its score's share of the strongest score of either sign. Outlines run along the
    borders of what is marked, inside it.

    Args:
        pixels: in [0, 1]; 1 or 3 channels.

    Raises:
        DataError: scores or marks are not as large as the image.
    """
    for name, layer in (("explanation", scores), ("mark", marked), ("cause", cause)):
        if layer is not None and layer.shape != pixels.shape[:2]:
            raise DataError(
                f"The {name} is {_said(layer.shape)} and the image {_said(pixels.shape[:2])}; resample one of them."
            )
    times = min(-(-_LEAST // min(pixels.shape[:2])), max(1, _MOST // max(pixels.shape[:2])))
    picture = _enlarged(np.repeat(pixels, 3 // pixels.shape[2], axis=2).astype(np.float64) * 255, times)
    if scores is not None:
        picture = _tinted(picture, _enlarged(np.asarray(scores, dtype=np.float64), times))
    for layer, colour in ((marked, MARKED), (cause, CAUSE)):
        if layer is not None:
            picture[_border(_enlarged(layer, times), times)] = colour
    return picture.round().clip(0, 255).astype(np.uint8)


def data_url(picture: UInt8[np.ndarray, "H W 3"]) -> str:
    """The picture as the address of an image inside a page; compressed as JPEG, for a page may hold many."""
    from PIL import Image  # matplotlib brings pillow with it

    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=85, subsampling=0)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


def svg_of(figure: Figure, salt: str) -> str:
    """The figure without date, document type or metadata: nothing that changes from run to run or names another place.

    Args:
        salt: tells its ids from those of other figures in the same page.
    """
    import matplotlib

    text = io.StringIO()
    settings: Any = {"svg.hashsalt": f"pellucid-{salt}", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9}
    with matplotlib.rc_context(settings):
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="', f'id="{salt}-', svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\g<1>{salt}-", svg)
    return re.sub(r"<svg ", '<svg aria-hidden="true" ', svg, count=1)


def slice_of(scores: Float[np.ndarray, "*S"]) -> int | None:
    """Of a volume the slice with the strongest score; None of a flat image."""
    return None if scores.ndim == 2 else int(np.abs(scores).max(axis=(1, 2)).argmax())


def _enlarged(layer: np.ndarray, times: int) -> np.ndarray:
    return np.repeat(np.repeat(layer, times, axis=0), times, axis=1)


def _tinted(picture: Float[np.ndarray, "h w 3"], scores: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w 3"]:
    largest = np.abs(scores).max(initial=0.0)
    if not largest > 0:
        return picture
    share = (STRONGEST * np.abs(scores) / largest)[..., None]
    colour = np.where((scores > 0)[..., None], FOR, AGAINST)
    return np.asarray(picture * (1 - share) + colour * share)


def _border(mask: Bool[np.ndarray, "h w"], thick: int) -> Bool[np.ndarray, "h w"]:
    """Marked pixels within `thick` steps of one that is not; the edge of the image is no border."""
    inner = mask.copy()
    for _ in range(max(1, min(thick, 2))):
        padded = np.pad(inner, 1, constant_values=True)
        inner = inner & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return np.asarray(mask & ~inner)


def _said(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
