"""The text side of an image-text model: a sentence as words, each with its place in the text."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from pellucid.errors import DataError
from pellucid.predictor import TextSide
from pellucid.units import words

MOST_TOKENS = 97
"""Tokens of a sentence, special ones among them, as in the published model."""


class TextTower(nn.Module):
    """Words are sums of the hidden states of their tokens, over the last layers; the sentence is the mean of its words.

    Args:
        encoder: of transformers, without pooler.
        width: numbers of a word, and of the sentence; None leaves the encoder's own, unprojected.
        layers: so many of the last layers are added up.
    """

    def __init__(self, encoder: nn.Module, width: int | None, layers: int = 1) -> None:
        super().__init__()
        self.encoder = encoder
        hidden = int(cast(Any, encoder).config.hidden_size)
        self.layers = layers
        self.word: nn.Module = nn.Identity() if width is None else nn.Linear(hidden, width)
        self.whole: nn.Module = nn.Identity() if width is None else nn.Linear(hidden, width)

    def forward(self, read: Tokens) -> TextSide:
        """Words and sentences, inside the graph."""
        device = next(self.parameters()).device
        given: dict[str, Any] = {"input_ids": read.ids.to(device), "attention_mask": read.there.to(device)}
        states = self.encoder(**given, output_hidden_states=True).hidden_states[-self.layers :]
        summed = torch.stack(states).sum(0)
        items = torch.einsum("slt,std->sld", read.members.to(summed), summed)
        real, special = read.real.to(device), read.special.to(device)
        whole = self.whole(self.sentence(items, real & ~special, summed * read.there.to(summed)[..., None]))
        return TextSide(read.texts, self.word(items), real, special, whole, read.spans, read.truncated)

    def sentence(
        self, items: Float[Tensor, "S L d"], spoken: Bool[Tensor, "S L"], tokens: Float[Tensor, "S T d"]
    ) -> Float[Tensor, "S d"]:
        """The sentence, of its items and its tokens (0 on padding)."""
        counted = spoken[..., None].to(items)
        return (items * counted).sum(1) / counted.sum(1).clamp(min=1)


class Tokens:
    """Sentences as tokens, and which tokens make which word.

    Args:
        tokenizer: fast.
        most: tokens of a sentence, special ones among them.
        padding: as the tokenizer takes it: to the longest sentence, or to "max_length".
        spelled: what the tokenizer gets of a sentence and its mask token (None where it has none); of the same length.

    Attributes:
        members: 1 where a token belongs to an item; the first item is the encoder's first token.
    """

    def __init__(
        self,
        sentences: Sequence[str],
        tokenizer: Any,
        most: int = MOST_TOKENS,
        *,
        padding: bool | str = True,
        spelled: Callable[[str, str | None], str] | None = None,
    ) -> None:
        self.texts = tuple(sentences)
        token = tokenizer.mask_token
        given = [(spelled or lowered)(text, token) for text in sentences]
        encoded = tokenizer(
            given,
            truncation=True,
            max_length=most,
            padding=padding,
            return_attention_mask=True,
            return_offsets_mapping=True,
            return_special_tokens_mask=True,
            return_tensors="pt",
        )
        self.ids: Int[Tensor, "S T"] = encoded["input_ids"]
        self.there: Int[Tensor, "S T"] = encoded["attention_mask"]
        # No special token here: it stands for a word.
        masked = torch.zeros_like(self.ids, dtype=torch.bool) if token is None else self.ids == tokenizer.mask_token_id
        whole = [items(text, token) for text in given]
        owners = [
            _owners(offsets, (extra & ~hidden).bool().numpy(), found)
            for offsets, extra, hidden, found in zip(
                encoded["offset_mapping"].numpy(), encoded["special_tokens_mask"].bool(), masked, whole, strict=True
            )
        ]
        kept = [_kept(owner, found) for owner, found in zip(owners, whole, strict=True)]
        for text, found in zip(sentences, kept, strict=True):
            if not len(found):
                raise DataError(f"A sentence of {len(text)} characters has no word that the model can read; leave it out.")
        self.truncated = tuple(len(found) - len(there) for found, there in zip(whole, kept, strict=True))
        self.spans = tuple(
            np.concatenate([np.zeros((1, 2), dtype=np.int64), found[there]]) for found, there in zip(whole, kept, strict=True)
        )
        length = max(len(spans) for spans in self.spans)
        self.real: Bool[Tensor, "S L"] = torch.tensor([[j < len(spans) for j in range(length)] for spans in self.spans])
        self.special: Bool[Tensor, "S L"] = torch.zeros_like(self.real)
        self.special[:, 0] = True
        self.members: Float[Tensor, "S L T"] = torch.zeros(len(sentences), length, self.ids.shape[1])
        self.members[:, 0, 0] = 1.0
        for row, (owner, there) in enumerate(zip(owners, kept, strict=True)):
            for item, word in enumerate(there.tolist(), start=1):
                self.members[row, item, torch.from_numpy(owner == word)] = 1.0


def items(text: str, mask_token: str | None) -> Int[np.ndarray, "W 2"]:
    """Half-open characters of the words of a sentence, hidden ones among them; punctuation is no word."""
    found: list[tuple[int, int]] = []
    start = 0
    for match in [*(re.finditer(re.escape(mask_token), text) if mask_token else ()), None]:
        end = len(text) if match is None else match.start()
        cut = words(text[start:end])
        spoken = cut.offsets[~cut.is_punctuation] + start
        found += [(int(a), int(b)) for a, b in spoken]
        if match is not None:
            found.append(match.span())
            start = match.end()
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def lowered(text: str, mask_token: str | None) -> str:
    """The sentence in small letters, of the same length, but for tokens of what is hidden."""
    return between(text, mask_token, lambda part: "".join(c.lower() if len(c.lower()) == 1 else c for c in part))


def between(text: str, mask_token: str | None, changed: Callable[[str], str]) -> str:
    """The sentence with all changed but tokens of what is hidden."""
    return changed(text) if not mask_token else mask_token.join(changed(part) for part in text.split(mask_token))


def _owners(
    offsets: Int[np.ndarray, "T 2"], special: Bool[np.ndarray, " T"], found: Int[np.ndarray, "W 2"]
) -> Int[np.ndarray, " T"]:
    """For each token the last word of which it holds a character, or -1. Tokens may begin with a blank and end with a stop."""
    index = np.searchsorted(found[:, 0], offsets[:, 1] - 1, side="right") - 1
    inside = (index >= 0) & ~special & (offsets[:, 1] > offsets[:, 0])
    if len(found):
        inside &= offsets[:, 0] < found[np.maximum(index, 0), 1]
    return np.where(inside, index, -1)


def _kept(owner: Int[np.ndarray, " T"], found: Int[np.ndarray, "W 2"]) -> Int[np.ndarray, " V"]:
    """The words of which a token was read, in their order."""
    present = np.unique(owner)
    return present[(present >= 0) & (present < len(found))]
