"""Checkpoints of GLoRIA (Huang et al. 2021), and of the variants of "That's the Wrong Lung!" (McInerney et al. 2022).

Both are one layout of weights: a ResNet-50 whose third stage gives the regions and whose fourth the image, and a BERT whose
last four layers are added up. The encoder of text itself is described by a folder beside, as it is on the hub; only its
configuration and its vocabulary are read there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any, ClassVar, Self

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import interpolate

from pellucid.errors import CheckpointError, first_line
from pellucid.predictor import TextSide
from pellucid.predictors.image_text.comparing import PUBLISHED, PUBLISHED_NULL, Comparing
from pellucid.predictors.image_text.questions import ANYTHING
from pellucid.predictors.image_text.resnet import ResNet50
from pellucid.predictors.image_text.storing import read_text_encoder
from pellucid.predictors.image_text.texts import MOST_TOKENS, TextTower, Tokens, between, lowered
from pellucid.predictors.image_text.towers import Attending
from pellucid.predictors.stored_encoder import empty_encoder, read_tokenizer
from pellucid.predictors.weights import read_weights

if TYPE_CHECKING:
    from pellucid.predictors.image_text.model import ImageText

ENLARGED = 299
"""Pixels along each axis to which the encoder enlarges what it is given, so that regions are 19 x 19."""
LAYERS = 4
"""Last layers of the encoder of text that are added up."""

_NULL = "no_attn_vec"
_PREFIX = "gloria."
_PLACES = {
    "img_encoder.model.": "image.network.",
    "img_encoder.global_embedder.": "image.whole.",
    "img_encoder.local_embedder.": "image.region.",
    "text_encoder.model.": "text.encoder.",
    _NULL: "null",
}
_UNUSED = re.compile(r"(text_encoder\.model\.(pooler\.|embeddings\.position_ids$)|img_encoder\.model\.fc\.)")


class Gloria(Attending):
    """GLoRIA's two towers, whose words attend to regions by the published rule."""

    kind: ClassVar[str] = "gloria"
    lacks: ClassVar[frozenset[str]] = frozenset({"joint_attention", "region_pooling"})  # regions and image come from two stages

    def read(self, sentences: Sequence[str]) -> TextSide:
        side: TextSide = self.text(Tokens(sentences, self.tokenizer, MOST_TOKENS, spelled=cleaned))
        return side

    @classmethod
    def empty(cls, folder: Path, said: dict[str, Any]) -> Self:
        try:
            rule, width = Comparing(**said["rule"]), int(said["width"])
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"{folder} does not describe a model of GLoRIA ({error}); copy it again.") from error
        return cls.made(*read_text_encoder(folder), rule, width)

    @classmethod
    def made(cls, encoder: nn.Module, tokenizer: Any, rule: Comparing, width: int) -> Self:
        """With weights of no meaning."""
        with torch.random.fork_rng(devices=[]):
            return cls(GloriaImage(width), GloriaText(encoder, None, LAYERS), tokenizer, rule, {"width": width})


class GloriaImage(nn.Module):
    """Regions are cells of a ResNet's third stage, projected; the image is the mean of its fourth, projected.

    All of a score passes through the third stage ("image.network.layer3"); the last maps are the regions, which the global half
    of it does not.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.network = ResNet50()
        self.region = nn.Conv2d(1024, width, 1, bias=False)
        self.whole = nn.Linear(2048, width)

    def forward(self, pixels: Float[Tensor, "B 3 H W"]) -> tuple[Float[Tensor, "B R d"], Float[Tensor, "B d"], tuple[int, int]]:
        """Regions row by row, the image, and cells along each axis."""
        third, fourth = self.network(interpolate(pixels, (ENLARGED, ENLARGED), mode="bilinear", align_corners=True))
        maps = self.region(third)
        return maps.flatten(2).transpose(1, 2), self.whole(fourth.mean((2, 3))), (maps.shape[2], maps.shape[3])


class GloriaText(TextTower):
    """The sentence is the mean over 97 places: all tokens, special ones among them, and zeros."""

    def sentence(
        self, items: Float[Tensor, "S L d"], spoken: Bool[Tensor, "S L"], tokens: Float[Tensor, "S T d"]
    ) -> Float[Tensor, "S d"]:
        return tokens.sum(1) / MOST_TOKENS


def cleaned(text: str, mask_token: str | None) -> str:
    """The sentence as GLoRIA reads it: small ASCII letters, digits and blanks, without numbers of a list such as "3.".

    Of the same length. Unlike there, a sentence of one word is kept, and a token for what is hidden stays one.
    """
    return between(lowered(text, mask_token), mask_token, _cleaned)


def load(
    path: Path | str,
    text_encoder: Path | str,
    *,
    size: Sequence[int] = (224, 224),
    labels: Sequence[str] = (),
    device: str = "cpu",
) -> ImageText:
    """Open a checkpoint of GLoRIA.

    Images of that model are padded to squares of 256 pixels of which the middle 224 are read; here they are stretched to
    `size`, so that what comes in should be square.

    Args:
        path: a safetensors file of the weights, or a file of torch.save that holds nothing but tensors.
        text_encoder: folder with config.json and the vocabulary of the encoder of text (Bio_ClinicalBERT).
        size: pixels, (height, width), before they are enlarged to 299 x 299.
        labels: names of the questions; one of any image if there are none.

    Raises:
        CheckpointError: a file is missing or damaged, or is more than tensors, or is not of that layout.
    """
    from pellucid.predictors.image_text.model import ImageText

    path = Path(path)
    found = _placed(_read(path), path)
    encoder, tokenizer = empty_encoder(Path(text_encoder)), read_tokenizer(Path(text_encoder))
    width = int(encoder.config.hidden_size)  # type: ignore[arg-type, union-attr]  # transformers types no config
    module = Gloria.made(encoder, tokenizer, PUBLISHED_NULL if "null" in found else PUBLISHED, width)
    _fill(module, found, path)
    about = {"source": path.name}
    scale: dict[str, Any] = {"size": size, "mean": (0.5,) * 3, "std": (0.5,) * 3, "about": about}
    return ImageText(module.eval(), labels or (ANYTHING,), **scale).to(device)


def _read(path: Path) -> dict[str, Tensor]:
    """The tensors of a file, those of the training loop around them left out."""
    if not path.is_file():
        raise CheckpointError(f"{path} does not exist; give a file with the weights of GLoRIA.")
    if path.suffix == ".safetensors":
        return read_weights(path)
    try:
        found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise CheckpointError(
            f"{path} cannot be read as tensors alone ({first_line(error)}); where you trust it, load it with torch and save "
            "its state_dict as safetensors."
        ) from error
    found = found.get("state_dict", found) if isinstance(found, dict) else found
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise CheckpointError(f"{path} holds no state_dict of a model; give the weights of GLoRIA.")
    return found


def _placed(weights: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """The weights under the names that they have here."""
    found = {}
    for name, value in weights.items():
        plain = name.removeprefix(_PREFIX)
        if _UNUSED.match(plain):
            continue
        place = next((old for old in _PLACES if plain.startswith(old)), None)
        if place is None:
            raise CheckpointError(f"{path} holds a weight {name!r}, which no model of GLoRIA known here has; give another one.")
        found[_PLACES[place] + plain.removeprefix(place)] = value
    return found


def _fill(module: Gloria, weights: dict[str, Tensor], path: Path) -> None:
    try:
        module.load_state_dict({name: value.float() if value.is_floating_point() else value for name, value in weights.items()})
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(
            f"{path} does not fit the encoder of text given with it ({reason}); give the one it was made with."
        ) from error
    if not all(bool(value.isfinite().all()) for value in weights.values()):
        raise CheckpointError(f"{path} holds weights that are not numbers; copy it again.")


def _cleaned(part: str) -> str:
    numbered = re.sub(r"[0-9]+\.", lambda match: " " * len(match[0]), part)
    return re.sub(r"\W", " ", numbered, flags=re.ASCII)
