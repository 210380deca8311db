"""One transformer over words and boxes: the model of comparison, whose words and regions meet in every layer.

After UNITER (Chen et al. 2020), which McInerney et al. 2022 compare with: it localises best and listens least.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self, cast

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from pellucid.errors import CheckpointError
from pellucid.predictor import Alignment, ImageSide, JointReading, TextSide
from pellucid.predictors.image_text import trunks
from pellucid.predictors.image_text.boxed import BoxTower, pyramid
from pellucid.predictors.image_text.spoken import Spoken
from pellucid.predictors.image_text.storing import read_text_encoder
from pellucid.predictors.image_text.texts import TextTower
from pellucid.predictors.image_text.trunks import Trunk
from pellucid.predictors.running import drawing

LEVELS, LAYERS, HEADS = 4, 2, 4
_PAIRS = 512  # at once; more would only fill memory
_LOWEST = -1e9
_FIELDS = ("architecture", "channels", "size", "width", "levels", "layers", "heads")


class Joint(Spoken):
    """Words, the encoder's first token before them, and boxes, each pair of image and sentence read together.

    The score is a linear function of the first token above the last layer, and is local and global at once. A word's attention
    is that of the last layer, the mean over heads, of which the part on boxes is scaled to sum to 1: this model cannot look at
    nothing. It is the first token's attention alone through which the last layer reaches the score.

    Args:
        image: boxes, on a fixed pyramid.
        text: words.
        tokenizer: fast, with a mask token.
        said: what makes the network anew; as :func:`built` gives it.
    """

    kind: ClassVar[str] = "joint"
    lacks: ClassVar[frozenset[str]] = frozenset({"shared_space"})  # the score compares no embeddings

    def __init__(self, image: BoxTower, text: TextTower, tokenizer: Any, said: dict[str, Any]) -> None:
        super().__init__(text, tokenizer)
        width = said["width"]
        self.image = image
        self.said = said
        self.layers = nn.ModuleList(Block(width, said["heads"]) for _ in range(said["layers"]))
        self.score = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 1))

    def see(self, pixels: Float[Tensor, "B D H W"]) -> ImageSide:
        regions, whole = self.image(pixels)
        return ImageSide(regions, whole, (1, regions.shape[1]), self.image.boxes)

    def pooled(self, regions: Float[Tensor, "B R d"]) -> Float[Tensor, "B d"]:
        """The image that is made of these boxes."""
        return regions.mean(1)

    def align(self, images: ImageSide, texts: TextSide) -> Alignment:
        rows = torch.arange(len(images.whole) * len(texts.whole), device=texts.words.device)
        found = [self._joined(images, texts, some) for some in rows.split(_PAIRS)]
        shape = (len(images.whole), len(texts.whole))
        attention, score = (torch.cat(part).unflatten(0, shape) for part in zip(*found, strict=True))
        return Alignment(attention, attention.new_zeros(attention.shape[:-1]), score, score)

    @torch.enable_grad()
    def reading(self, images: ImageSide, texts: TextSide, case: int, sentence: int) -> JointReading:
        """The attention of one pair, and what its score makes of it; padding is left out."""
        words = texts.words[sentence, texts.real[sentence]]
        items = torch.cat([words, images.regions[case]])[None].detach().requires_grad_()
        there = torch.ones(items.shape[:2], dtype=torch.bool, device=items.device)
        last, attention = self._run(items, there)
        gradient = torch.autograd.grad(self.scale * self.score(last[:, 0]).sum(), attention)
        readout = torch.zeros(items.shape[1], device=items.device, dtype=items.dtype)
        readout[0] = 1.0
        layers, sent = (torch.cat(list(part)).detach() for part in (attention, gradient))
        return JointReading(case, sentence, layers, sent, readout, len(words))

    def described(self) -> dict[str, Any]:
        return dict(self.said)

    @classmethod
    def empty(cls, folder: Path, said: dict[str, Any]) -> Self:
        if missing := [name for name in _FIELDS if name not in said]:
            raise CheckpointError(
                f"{folder} does not describe an image-text model (without {missing[0]}); copy or train it again."
            )
        encoder, tokenizer = read_text_encoder(folder)
        trunk = trunks.empty(folder, said)
        with drawing():
            return cls(*_parts(trunk, encoder, said), tokenizer, dict(said))

    def _joined(self, images: ImageSide, texts: TextSide, rows: Tensor) -> tuple[Float[Tensor, "N L R"], Float[Tensor, " N"]]:
        """Attention and score of some pairs, counted sentence by sentence within each image.

        What an item asks of others in the first layer it asks in every pair, and is found once. Above the last layer the score
        reads the first token, so that no other item is moved there.
        """
        image, text = rows // len(texts.whole), rows % len(texts.whole)
        words, real = texts.words[text], texts.real[text]
        items = torch.cat([words, images.regions[image]], 1)
        there = torch.cat([real, real.new_ones(len(rows), images.regions.shape[1])], 1)
        layer, *above = cast(Sequence[Block], self.layers)
        query, key, value = torch.cat([layer.split(texts.words)[:, text], layer.split(images.regions)[:, image]], -2)
        for following in above:
            items = layer.moved(items, layer.looks(query, key, there), value)
            layer = following
            query, key, value = layer.split(items)
        length = words.shape[1]
        attention = layer.looks(query[..., :length, :], key, there)
        first = layer.moved(items[:, :1], attention[:, :, :1], value)
        looks = attention.mean(1)[..., length:]
        looks = looks / looks.sum(-1, keepdim=True).clamp(min=torch.finfo(looks.dtype).tiny)
        return looks * real[..., None], self.score(first[:, 0]).squeeze(-1)

    def _run(self, items: Float[Tensor, "N T d"], there: Bool[Tensor, "N T"]) -> tuple[Tensor, list[Tensor]]:
        """Items above the last layer, and the attention of every layer."""
        attention = []
        for layer in self.layers:
            items, found = layer(items, there)
            attention.append(found)
        return items, attention


class Block(nn.Module):
    """A layer of a transformer, normalised before each half, that gives its attention away."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.asked, self.told = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.feed = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(
        self, items: Float[Tensor, "N T d"], real: Bool[Tensor, "N T"]
    ) -> tuple[Float[Tensor, "N T d"], Float[Tensor, "N H T T"]]:
        """Items of the next layer, and the attention of each row over columns; columns of padding have 0."""
        query, key, value = self.split(items)
        attention = self.looks(query, key, real)
        return self.moved(items, attention, value), attention

    def split(self, items: Float[Tensor, "N T d"]) -> Float[Tensor, "3 N H T e"]:
        """What each item asks, by what it is found, and what it tells; each item by itself."""
        split: Tensor = self.asked(self.before(items)).unflatten(-1, (3, self.heads, -1))
        return split.permute(2, 0, 3, 1, 4)

    def looks(
        self, query: Float[Tensor, "N H Q e"], key: Float[Tensor, "N H T e"], real: Bool[Tensor, "N T"]
    ) -> Float[Tensor, "N H Q T"]:
        """The attention of what is asked, over all items."""
        scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
        return torch.softmax(scores.masked_fill(~real[:, None, None, :], _LOWEST), -1)

    def moved(
        self, items: Float[Tensor, "N Q d"], attention: Float[Tensor, "N H Q T"], value: Float[Tensor, "N H T e"]
    ) -> Float[Tensor, "N Q d"]:
        """Some items as the next layer gets them, of their attention over all."""
        items = items + self.told((attention @ value).transpose(1, 2).flatten(2))
        moved: Tensor = items + self.feed(self.between(items))
        return moved


def built(
    architecture: str,
    encoder: nn.Module,
    tokenizer: Any,
    *,
    channels: int,
    size: Sequence[int],
    width: int,
    generator: torch.Generator,
) -> Joint:
    """A new network; that of images and the encoder bring what they have learnt. Arguments as of :func:`.towers.built`."""
    trunk = trunks.built(architecture, channels=channels, size=size, generator=generator)
    said = {**trunk.said, "width": width, "levels": LEVELS, "layers": LAYERS, "heads": HEADS}
    with drawing(generator):
        return Joint(*_parts(trunk, encoder, said), tokenizer, said)


def _parts(trunk: Trunk, encoder: nn.Module, said: dict[str, Any]) -> tuple[BoxTower, TextTower]:
    boxes = pyramid(said["size"], said["levels"])
    tower = BoxTower(trunk.network, trunk.layer, trunk.maps, said["width"], boxes, said["size"])
    return tower, TextTower(encoder, said["width"])
