"""Dual encoders of transformers (CLIP and SigLIP), whose patches and tokens are held against each other afterwards.

Such a model learnt to compare whole images with whole sentences. That a patch lies near the words for what it shows is a side
effect, on which maps of MaskCLIP rely (Zhou et al. 2022): each patch is sent by itself through what else reads the whole image.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import normalize

from pellucid.errors import CapabilityError, CheckpointError, first_line
from pellucid.predictor import Alignment, ImageSide, TextSide
from pellucid.predictors.encoders import quiet
from pellucid.predictors.image_classifier import hub
from pellucid.predictors.image_text.comparing import CORRECTED, compared
from pellucid.predictors.image_text.pairing import Pairing
from pellucid.predictors.image_text.storing import ENCODER, TOKENIZER, write_text_encoder
from pellucid.predictors.image_text.texts import Tokens
from pellucid.predictors.neural import tokenizer_part
from pellucid.predictors.stored_encoder import empty_encoder

RULE = replace(CORRECTED, null=False)
"""How words attend to patches; no such model has learnt to look at nothing."""


class Dual(Pairing):
    """A dual encoder of transformers.

    Regions are patches and words are means of their tokens, both as the model would embed an image or a sentence that were
    that alone; the first item of a sentence is the sentence itself. The score of a pair is the model's own logit, in which maps
    play no part.

    Args:
        model: CLIPModel or SiglipModel.
        tokenizer: fast.

    Raises:
        CapabilityError: it is another model, or the tokenizer does not say where a token stands.
    """

    kind: ClassVar[str] = "dual"
    lacks: ClassVar[frozenset[str]] = frozenset({"joint_attention", "region_pooling", "region_scores"})
    maps: ClassVar[bool] = False  # those of the patches are made before it looks around

    def __init__(self, model: nn.Module, tokenizer: Any) -> None:
        super().__init__()
        self.family = _family(model)
        self.model: Any = model
        self.tokenizer = tokenizer
        if not getattr(tokenizer, "is_fast", False) or tokenizer.pad_token_id is None:
            raise CapabilityError(
                f"The tokenizer of this {type(model).__name__} does not say where in the text a token stands, or cannot pad; "
                "give it a fast one."
            )

    @property
    def mask_token(self) -> str:
        if self.tokenizer.mask_token is None:
            raise CapabilityError(
                f"{type(self.model).__name__} never saw a hidden word in its training, and its tokenizer has no mask token; "
                "choose what hides no words, or a model that `pellucid train` made."
            )
        return str(self.tokenizer.mask_token)

    @property
    def encoder(self) -> nn.Module:
        return cast(nn.Module, self.model)

    def see(self, pixels: Float[Tensor, "B D H W"]) -> ImageSide:
        found = self.model.vision_model(pixel_values=pixels)
        patch = int(self.model.config.vision_config.patch_size)
        regions, whole = self.family.image(self.model, found)
        return ImageSide(regions, whole, (pixels.shape[2] // patch, pixels.shape[3] // patch))

    def read(self, sentences: Sequence[str]) -> TextSide:
        most = int(self.model.config.text_config.max_position_embeddings)
        read = Tokens(sentences, self.tokenizer, most, padding=self.family.padding)
        device = next(self.parameters()).device
        given = {"input_ids": read.ids.to(device), "attention_mask": read.there.to(device)}
        found = self.model.text_model(**{name: given[name] for name in self.family.reads})
        states = found.last_hidden_state
        share = read.members.to(states)
        items = torch.einsum("slt,std->sld", share / share.sum(-1, keepdim=True).clamp(min=1), states)
        words, whole = self.family.text(self.model, items, found.pooler_output)
        words = torch.cat([whole[:, None], words[:, 1:]], 1)
        return TextSide(read.texts, words, read.real.to(device), read.special.to(device), whole, read.spans, read.truncated)

    def align(self, images: ImageSide, texts: TextSide) -> Alignment:
        return compared(images, texts, RULE)

    def match(self, images: ImageSide, texts: TextSide) -> Float[Tensor, "B S"]:
        """The model's own logit."""
        cosine = normalize(images.whole, dim=-1) @ normalize(texts.whole, dim=-1).T
        return cast(Tensor, self.model.logit_scale.exp() * cosine + getattr(self.model, "logit_bias", 0.0))

    def described(self) -> dict[str, Any]:
        return {}

    def write(self, folder: Path) -> None:
        write_text_encoder(self.model, self.tokenizer, folder)

    def identity_parts(self) -> list[str]:
        return [hub.identity(self.model), tokenizer_part(self.tokenizer)]

    @classmethod
    def empty(cls, folder: Path, said: dict[str, Any]) -> Self:
        with torch.random.fork_rng(devices=[]):
            return cls(empty_encoder(folder / ENCODER), tokenizer_of(str(folder / TOKENIZER)))


@dataclass(frozen=True)
class _Family:
    """What differs between kinds of dual encoders.

    Attributes:
        image: patches and image, of a model and what its network of images gives.
        text: words and sentence, of a model, hidden states of words, and what its network of text says of the sentence.
        reads: what the network of text is given.
        padding: to which length sentences are filled up.
    """

    image: Callable[[Any, Any], tuple[Tensor, Tensor]]
    text: Callable[[Any, Tensor, Tensor], tuple[Tensor, Tensor]]
    reads: tuple[str, ...]
    padding: bool | str


def _clip_image(model: Any, found: Any) -> tuple[Tensor, Tensor]:
    """Each patch takes the place of the class token: the last norm, and the projection."""
    patches = model.vision_model.post_layernorm(found.last_hidden_state[:, 1:])
    return model.visual_projection(patches), model.visual_projection(found.pooler_output)


def _clip_text(model: Any, words: Tensor, whole: Tensor) -> tuple[Tensor, Tensor]:
    return model.text_projection(words), model.text_projection(whole)


def _siglip_image(model: Any, found: Any) -> tuple[Tensor, Tensor]:
    """Each patch goes through the pooling head as if the image were that patch alone."""
    patches = found.last_hidden_state
    alone = model.vision_model.head(patches.flatten(0, 1)[:, None])
    return alone.unflatten(0, patches.shape[:2]), found.pooler_output


def _siglip_text(model: Any, words: Tensor, whole: Tensor) -> tuple[Tensor, Tensor]:
    return model.text_model.head(words), whole


_FAMILIES = {
    "CLIPModel": _Family(_clip_image, _clip_text, ("input_ids", "attention_mask"), padding=True),
    "SiglipModel": _Family(_siglip_image, _siglip_text, ("input_ids",), padding="max_length"),  # it learnt to read its padding
}


def _family(model: nn.Module) -> _Family:
    name = type(model).__name__
    if name not in _FAMILIES:
        raise CapabilityError(f"{name} is no dual encoder that can be read; use one of {', '.join(_FAMILIES)}.")
    if name == "SiglipModel" and not cast(Any, model).config.vision_config.vision_use_head:
        raise CapabilityError("This SiglipModel has no pooling head and so no embedding of an image; use one that has.")
    return _FAMILIES[name]


def is_dual(source: str) -> bool:
    """Whether a folder or hub id holds a dual encoder; False also where it holds nothing that can be read."""
    return any(kind in _FAMILIES for kind in hub.architectures(source))


def opened(source: str) -> tuple[Dual, dict[str, Any]]:
    """The dual encoder of a folder or hub id, and size, mean and standard deviation of its images. No pickle, no code.

    Raises:
        CheckpointError: there is none, or its weights are pickled or incomplete, or it does not say how images are scaled.
        CapabilityError: its tokenizer does not say where a token stands.
    """
    from transformers import AutoModel

    model = cast(Any, hub.loaded(source, AutoModel))
    size, mean, std = hub.preparation(source, model.vision_model)
    return Dual(model, tokenizer_of(source)).eval(), {"size": size, "mean": mean, "std": std}


def tokenizer_of(source: str) -> Any:
    """The fast tokenizer of a folder or hub id. Where its own class is slow (SigLIP's), what its tokenizer.json says.

    Raises:
        CheckpointError: there is none that can be read.
    """
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    options: dict[str, Any] = {"local_files_only": Path(source).is_dir(), "trust_remote_code": False}
    reason = "it is a slow one"
    for kind in (AutoTokenizer, PreTrainedTokenizerFast):
        try:
            with quiet():
                found: Any = kind.from_pretrained(source, **options)
        except Exception as error:  # a damaged file makes the parsers of several libraries fail, each in its own way
            reason = first_line(error)
            continue
        if found.is_fast:
            return found
    raise CheckpointError(f"{source} holds no fast tokenizer that can be read ({reason}); add its tokenizer.json.")
