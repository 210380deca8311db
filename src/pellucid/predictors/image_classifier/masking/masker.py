"""A mask network: its decoder, how its logits become a mask, and all that is needed to make it anew."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self, cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from pellucid.files import digest, digest_json
from pellucid.predictors.image_classifier.masking import smoothing, taps
from pellucid.predictors.image_classifier.masking.decoder import Decoder, Norm
from pellucid.predictors.neural import weight_parts

Kind = Literal["evidence", "deletion", "embedding", "sentence", "values"]


@dataclass(frozen=True)
class MaskSettings:
    """What a mask network is, weights apart; JSON values.

    Attributes:
        kind: "evidence" (one mask for each target and area), "deletion" (one mask of what may stay, whatever is asked: the
            explanation is what it removes), "embedding" (one mask of what decides the embedding), "sentence" (one mask for each
            sentence) or "values" (a signed value for every cell of a grid and every label).
        taps: names of the explained network's parts that it reads, from the finest to the coarsest.
        channels: of each tap; with `image`, those of the image go before them.
        widths: channels behind each block of the decoder, from the coarsest up.
        norm: "group" or "batch".
        image: whether it reads the image itself too.
        size: of the image, in pixels.
        labels: how many the explained network has.
        smooth: standard deviation of the blur of the logits, or, of a "deletion" mask, width of the window in which it is
            averaged; as a share of the longest side.
        grid: cells along each axis ("values" alone).
        told: numbers of the embedding of a sentence ("sentence" alone).
    """

    kind: Kind
    taps: tuple[str, ...]
    channels: tuple[int, ...]
    widths: tuple[int, ...]
    size: tuple[int, ...]
    labels: int
    norm: Norm = "group"
    image: bool = False
    smooth: float = 0.018
    grid: int = 0
    told: int = 0

    def to_json(self) -> dict[str, Any]:
        """As JSON values; without what most networks are not, so that those saved before keep their digest."""
        return {name: value for name, value in asdict(self).items() if name != "told" or value}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` gave, lists as tuples.

        Raises:
            TypeError: a field is missing or unknown.
        """
        read: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
        return cls(**read)

    @property
    def window(self) -> int:
        """Pixels along each side of the window in which a "deletion" mask is averaged; odd, and no wider than the image."""
        pixels = min(self.smooth * max(self.size), 2 * min(self.size) - 1)
        return max(1, 2 * math.floor(pixels / 2) + 1)


class Masker(nn.Module):
    """A mask network for one frozen image model.

    Attributes:
        settings: see :class:`MaskSettings`.
        surrogate: a copy of the explained network that has learnt to read images with parts removed; None where the mask
            network was trained on the explained network itself.
        about: what is known of its training; JSON values.
    """

    def __init__(
        self, settings: MaskSettings, surrogate: nn.Module | None = None, about: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__()
        self.settings = settings
        targeted = settings.kind == "evidence"
        self.decoder = Decoder(
            settings.channels,
            settings.widths,
            outputs=settings.labels if settings.kind == "values" else 1,
            labels=settings.labels if targeted else 0,
            told=settings.told,
            areas=targeted,
            norm=settings.norm,
            axes=len(settings.size),
        )
        self.surrogate = surrogate
        self.about: dict[str, Any] = dict(about or {})
        self._matrices: dict[Any, list[Tensor]] = {}
        self._digest: tuple[Any, str] | None = None

    @property
    def digest(self) -> str:
        """SHA-256 over all that decides a mask; computed anew where weights were changed in place."""
        version = tuple((id(t), t._version, t.dtype) for t in (*self.parameters(), *self.buffers()))
        if self._digest is None or self._digest[0] != version:
            self._digest = (version, digest(*weight_parts(self), digest_json(self.settings.to_json())))
        return self._digest[1]

    def read(self, module: nn.Module, pixels: Float[Tensor, "B D *S"]) -> tuple[Float[Tensor, "B C"], list[Tensor]]:
        """The explained network's logits, and what the decoder reads; one pass, without a graph."""
        logits, maps = taps.read(module, self.settings.taps, pixels)
        return logits, [pixels, *maps] if self.settings.image else maps

    def masks(
        self,
        read: Sequence[Tensor],
        images: Int[Tensor, " M"],
        labels: Int[Tensor, " M"] | Float[Tensor, "M t"],
        areas: Float[Tensor, "M A"],
        weights: Float[Tensor, "M *k"] | None = None,
    ) -> Float[Tensor, "M A *S"]:
        """Evidence in [0, 1] at the size of the image, for M questions about images and labels.

        Where the network is told neither target nor area, the mask of an image is the same whatever is asked.

        Args:
            read: what :meth:`read` gave.
            labels: numbers of labels; embeddings of sentences where those are asked about.
            areas: largest share of the image to mark.
            weights: with which a "deletion" mask is averaged, each with its own; None for equal ones.
        """
        if self.settings.kind == "evidence":
            return torch.sigmoid(self._widened(self.decoder(read, images, labels, areas)))
        if self.settings.kind == "sentence":
            return torch.sigmoid(self._widened(self.decoder(read, images, labels))).expand(-1, areas.shape[1], *self.size)
        alone = self.decoder(read)
        if self.settings.kind == "deletion":
            return 1 - self._averaged(torch.sigmoid(self._widened(alone)), images, weights).expand(
                -1, areas.shape[1], *self.size
            )
        return torch.sigmoid(self._widened(alone))[images].expand(-1, areas.shape[1], *self.size)

    def values(self, read: Sequence[Tensor]) -> Float[Tensor, "B C *g"]:
        """A value for every label and cell of the grid."""
        pool: Any = (nn.functional.adaptive_avg_pool2d, nn.functional.adaptive_avg_pool3d)[len(self.size) - 2]
        return cast(Tensor, pool(self.decoder(read), self.cells))

    @property
    def size(self) -> tuple[int, ...]:
        return self.settings.size

    @property
    def cells(self) -> tuple[int, ...]:
        """Cells of the grid along each axis."""
        return tuple(min(self.settings.grid, n) for n in self.size)

    def _averaged(self, keep: Tensor, images: Int[Tensor, " M"], weights: Tensor | None) -> Tensor:
        if weights is not None:
            return smoothing.averaged(keep[images], weights)
        window = self.settings.window
        boxes = self._made("box", self.size, keep, smoothing.box(window))
        return smoothing.along_axes(keep, boxes)[images]

    def _widened(self, logits: Float[Tensor, "M A *s"]) -> Float[Tensor, "M A *S"]:
        coarse = tuple(logits.shape[2:])
        if self.settings.kind == "deletion":
            return (
                logits
                if coarse == self.size
                else smoothing.along_axes(logits, self._made("wide", coarse, logits, smoothing.box(1)))
            )
        kernel = smoothing.gaussian(self.settings.smooth * max(self.size))
        return smoothing.along_axes(logits, self._made("blur", coarse, logits, kernel))

    def _made(self, name: str, coarse: tuple[int, ...], like: Tensor, kernel: Tensor) -> list[Tensor]:
        key = (name, coarse, like.dtype, like.device)
        if key not in self._matrices:
            self._matrices[key] = [smoothing.widening(a, b, kernel).to(like) for a, b in zip(coarse, self.size, strict=True)]
        return self._matrices[key]
