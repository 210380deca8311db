"""What any network of images and sentences offers, whatever it is made of."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pellucid.predictor import Alignment, ImageSide, TextSide
from pellucid.predictors.image_classifier import opened
from pellucid.predictors.image_text.questions import Question
from pellucid.predictors.neural import state_of


class Pairing(nn.Module, ABC):
    """A network that holds images against sentences.

    As a network from pixels to logits it answers its `questions`: one logit each, the score of the sentence, less that of its
    opposite where it has one.

    Attributes:
        kind: by which a saved model knows the class.
        lacks: capabilities of image-text models that networks of this kind do not have.
        maps: whether its last maps over the image decide the score; the first ones of a transformer do not.
        questions: what is asked.
        once: whether they are read once for each state of the weights (:attr:`told`), and not anew in each pass, through which
            training reaches the words.
    """

    kind: ClassVar[str]
    lacks: ClassVar[frozenset[str]] = frozenset({"joint_attention", "region_pooling"})
    maps: ClassVar[bool] = True
    questions: tuple[Question, ...] = ()
    once: bool = False
    scale: float = 10.0
    _told: tuple[Hashable, TextSide] | None = None

    @property
    @abstractmethod
    def mask_token(self) -> str:
        """What hides a word."""

    @abstractmethod
    def see(self, pixels: Float[Tensor, "B D H W"]) -> ImageSide:
        """Images, inside the graph."""

    @abstractmethod
    def read(self, sentences: Sequence[str]) -> TextSide:
        """Sentences, inside the graph."""

    @abstractmethod
    def align(self, images: ImageSide, texts: TextSide) -> Alignment:
        """All images with all sentences."""

    @abstractmethod
    def described(self) -> dict[str, Any]:
        """What makes the network anew, beside weights and files; JSON values."""

    @abstractmethod
    def write(self, folder: Path) -> None:
        """Files beside the weights: tokenizer and configurations."""

    @classmethod
    @abstractmethod
    def empty(cls, folder: Path, said: dict[str, Any]) -> Self:
        """The network of :meth:`described` and :meth:`write`, with weights of no meaning."""

    @abstractmethod
    def identity_parts(self) -> list[str]:
        """All that decides a score beside weights and :meth:`described`: the tokenizer."""

    @property
    @abstractmethod
    def encoder(self) -> nn.Module:
        """The part that came trained, as a rule the encoder of texts; it may have its own learning rate."""

    def match(self, images: ImageSide, texts: TextSide) -> Float[Tensor, "B S"]:
        """The score of each pair: mean of the local and the global one, on the scale of logits."""
        found = self.align(images, texts)
        return self.scale * (found.local + found.whole) / 2

    def forward(self, pixels: Float[Tensor, "B D H W"]) -> Float[Tensor, "B C"]:
        """One logit a question."""
        texts = self.told or self.read(self._said())
        scores = self.match(self.see(pixels), texts)
        return torch.stack([scores[:, a] if b is None else scores[:, a] - scores[:, b] for a, b in self._columns()], 1)

    @property
    def told(self) -> TextSide | None:
        """The questions as they were read, outside of any graph; None where they are read anew in each pass."""
        if not self.once:
            return None
        state = state_of(self)
        if self._told is None or self._told[0] != state:
            with torch.no_grad(), opened.still(self):
                self._told = (state, self.read(self._said()))
        return self._told[1]

    def _said(self) -> list[str]:
        return [said for question in self.questions for said in question if said is not None]

    def _columns(self) -> list[tuple[int, int | None]]:
        """For each question the columns of its sentence and of its opposite."""
        found: list[tuple[int, int | None]] = []
        at = 0
        for _, opposite in self.questions:
            found.append((at, None if opposite is None else at + 1))
            at += 1 if opposite is None else 2
        return found

    def asked(self, questions: Sequence[Question], *, once: bool) -> Self:
        """The same weights with other questions.

        Args:
            once: read them when they are first needed, and again only where weights were changed, moved or converted.
        """
        other = copy.copy(self)
        other.questions, other.once, other._told = tuple(questions), once, None
        return other
