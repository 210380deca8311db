"""Two towers, one of images and one of sentences, whose words attend to regions (after GLoRIA, Huang et al. 2021)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pellucid.errors import CheckpointError
from pellucid.predictor import Alignment, ImageSide, TextSide
from pellucid.predictors.image_text import trunks
from pellucid.predictors.image_text.comparing import Comparing, compared
from pellucid.predictors.image_text.images import ImageTower
from pellucid.predictors.image_text.spoken import Spoken
from pellucid.predictors.image_text.storing import read_text_encoder
from pellucid.predictors.image_text.texts import TextTower
from pellucid.predictors.image_text.trunks import Trunk
from pellucid.predictors.running import drawing


class Attending(Spoken):
    """A network of regions, an encoder of text, and the rule by which words attend to regions.

    Args:
        image: from pixels to regions, images and cells along each axis.
        text: words and sentences.
        tokenizer: fast, with a mask token.
        rule: how words attend to regions.
        said: what makes the towers anew.
    """

    def __init__(self, image: nn.Module, text: TextTower, tokenizer: Any, rule: Comparing, said: dict[str, Any]) -> None:
        super().__init__(text, tokenizer)
        self.image = image
        self.rule = rule
        self.scale = rule.scale
        self.said = said
        width = said["width"]
        self.null = nn.Parameter(torch.randn(width)) if rule.null else None

    def see(self, pixels: Float[Tensor, "B D H W"]) -> ImageSide:
        return ImageSide(*self.image(pixels))

    def align(self, images: ImageSide, texts: TextSide) -> Alignment:
        return compared(images, texts, self.rule, self.null)

    def described(self) -> dict[str, Any]:
        return {**self.said, "rule": asdict(self.rule)}


class Towers(Attending):
    """Towers of which the image's own is any network of maps; :func:`built` makes them."""

    kind: ClassVar[str] = "towers"
    lacks: ClassVar[frozenset[str]] = frozenset({"joint_attention"})
    image: ImageTower

    def pooled(self, regions: Float[Tensor, "B R d"]) -> Float[Tensor, "B d"]:
        """The image that is made of these regions."""
        whole: Tensor = self.image.whole(regions.mean(1))
        return whole

    @classmethod
    def empty(cls, folder: Path, said: dict[str, Any]) -> Self:
        try:
            rule = Comparing(**said["rule"])
            width = int(said["width"])
        except (KeyError, TypeError) as error:
            raise CheckpointError(
                f"{folder} does not describe an image-text model ({error}); copy or train it again."
            ) from error
        encoder, tokenizer = read_text_encoder(folder)
        trunk = trunks.empty(folder, said)
        with drawing():
            return cls(*_towers(trunk, encoder, width), tokenizer, rule, {**trunk.said, "width": width})


def built(
    architecture: str,
    encoder: nn.Module,
    tokenizer: Any,
    *,
    channels: int,
    size: Sequence[int],
    width: int,
    rule: Comparing,
    generator: torch.Generator,
) -> Towers:
    """New towers; the network of images and the encoder bring what they have learnt.

    Args:
        architecture: of the network, as :func:`.trunks.built` knows it.
        width: numbers of a region and of a word.
        generator: draws the weights; the global generator is left as it was.
    """
    trunk = trunks.built(architecture, channels=channels, size=size, generator=generator)
    with drawing(generator):
        return Towers(*_towers(trunk, encoder, width), tokenizer, rule, {**trunk.said, "width": width})


def _towers(trunk: Trunk, encoder: nn.Module, width: int) -> tuple[ImageTower, TextTower]:
    return ImageTower(trunk.network, trunk.layer, trunk.maps, width), TextTower(encoder, width)
