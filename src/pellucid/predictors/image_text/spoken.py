"""What networks share that read sentences through an encoder of text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import nn

from pellucid.predictor import TextSide
from pellucid.predictors.image_classifier.hub import identity
from pellucid.predictors.image_text.pairing import Pairing
from pellucid.predictors.image_text.storing import write_text_encoder
from pellucid.predictors.image_text.texts import MOST_TOKENS, TextTower, Tokens
from pellucid.predictors.neural import tokenizer_part


class Spoken(Pairing):
    """A network whose words come from an encoder of text.

    Args:
        text: words and sentences.
        tokenizer: fast, with a mask token.
    """

    def __init__(self, text: TextTower, tokenizer: Any) -> None:
        super().__init__()
        self.text = text
        self.tokenizer = tokenizer

    @property
    def mask_token(self) -> str:
        return str(self.tokenizer.mask_token)

    @property
    def encoder(self) -> nn.Module:
        return self.text.encoder

    def read(self, sentences: Sequence[str]) -> TextSide:
        side: TextSide = self.text(Tokens(sentences, self.tokenizer, MOST_TOKENS))
        return side

    def write(self, folder: Path) -> None:
        write_text_encoder(self.text.encoder, self.tokenizer, folder)

    def identity_parts(self) -> list[str]:
        return [tokenizer_part(self.tokenizer), identity(self.text.encoder)]
