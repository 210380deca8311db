"""An image-text model, opened for explanation: how well a sentence fits an image, and why."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any, Self, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pellucid.errors import PellucidError
from pellucid.predictor import Alignment, Batch, ImageSide, JointReading, RegionPooling, TextSide
from pellucid.predictors.image_classifier import ImageClassifier, opened, vision_transformer
from pellucid.predictors.image_text import checkpoint, dual, joint, making, trunks
from pellucid.predictors.image_text.comparing import CORRECTED, Comparing
from pellucid.predictors.image_text.cost import Cost
from pellucid.predictors.image_text.pairing import Pairing
from pellucid.predictors.image_text.questions import ANYTHING, Question, questions_of
from pellucid.predictors.neural import state_of
from pellucid.registry import predictors

_OF_ANY = ("deletion", "embedding", "sentence")  # kinds of mask networks that do not know labels by their numbers


@predictors.register("image_text")
class ImageText(ImageClassifier):
    """A network that holds images against sentences (GLoRIA, CLIP and their kin).

    As a classifier of images its labels are questions, each asked by a sentence and its opposite ("There is effusion." and "No
    effusion."). :meth:`ask` gives the same model with sentences of your own for labels: whatever explains a classifier of
    images then explains an image for a sentence.

    Args:
        module: the network.
        labels: names of the questions.
        questions: for each label its sentence and, if there is one, the opposite; None for :func:`.questions.question`.
        size, mean, std, threshold, about: as of an :class:`~pellucid.predictors.image_classifier.ImageClassifier`. Images are
            flat.

    Attributes:
        cost: what was read so far.
    """

    cites = "Huang et al. 2021 (GLoRIA); McInerney et al. 2022 (That's the Wrong Lung!)"
    module: Pairing

    def __init__(
        self,
        module: Pairing,
        labels: Sequence[str],
        *,
        size: Sequence[int],
        questions: Sequence[Question] | None = None,
        mean: Sequence[float] = (0.5,),
        std: Sequence[float] = (0.25,),
        threshold: float = 0.5,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        asked = module.asked(questions_of(labels, questions), once=False)
        if len(size) != 2:
            raise PellucidError(f"The size {tuple(size)} is none of a flat image; give (height, width).")
        scale: dict[str, Any] = {"mean": mean, "std": std, "threshold": threshold, "about": about}
        super().__init__(asked, labels, exclusive=False, size=size, architecture=module.kind, **scale)
        self.cost = Cost()

    # Making, saving, loading

    @classmethod
    def made(
        cls,
        encoder: str,
        labels: Sequence[str],
        *,
        size: Sequence[int],
        channels: int,
        texts: Sequence[str],
        text_encoder: str = "tiny",
        rule: Comparing | None = CORRECTED,
        width: int = 128,
        seed: int = 0,
    ) -> Self:
        """A model to be trained, of two towers or of one transformer over both.

        Args:
            encoder: the network of images: "tiny", "small", "efficientnet_lite0", "monai:NAME", or a folder or hub id of a
                vision model of transformers (ViT, DINOv2, Swin, ResNet, ConvNeXt and their like).
            channels: of the images; a model of transformers reads as many as it learnt to read.
            texts: sentences of training, from which a tokenizer made here learns its words.
            text_encoder: "tiny", "small", "minilm", a folder, or a hub id.
            rule: how words attend to regions of the other tower; None for one transformer over words and boxes.
            width: numbers of a region and of a word.
            seed: of the first weights.

        Raises:
            PellucidError: there is no such network, it does not read images of that size, or there are no texts to learn a
                tokenizer from.
            CheckpointError: there is no such encoder of images or of text, or its weights are pickled or incomplete.
        """
        channels, mean, std = trunks.scaling(encoder, channels)
        shape: dict[str, Any] = {"size": size, "channels": channels, "texts": texts, "width": width, "seed": seed}
        module = making.network(encoder, text_encoder, rule, **shape)
        return cls(module.eval(), labels, size=size, mean=mean, std=std)

    @classmethod
    def from_transformers(  # type: ignore[override]  # its labels are questions of the user's, not its own
        cls,
        source: str | Path,
        device: str = "cpu",
        *,
        labels: Sequence[str] = (),
        questions: Sequence[Question] | None = None,
        threshold: float = 0.5,
    ) -> Self:
        """Open a dual encoder that transformers saved (CLIP, SigLIP): a folder, or a hub id ("org/name").

        Images are stretched to the size that the network reads, never cropped, and scaled as its preprocessor_config.json says.

        Args:
            labels: names of the questions; one of any image if there are none.
            questions: as of the class.

        Raises:
            CheckpointError: there is none, or its weights are incomplete or pickled.
            CapabilityError: its tokenizer does not say where a token stands.
        """
        module, scale = dual.opened(str(source))
        about = {"source": str(source)}
        made = cls(module, labels or (ANYTHING,), questions=questions, threshold=threshold, about=about, **scale)
        return made.to(device)

    def save(self, path: Path) -> None:
        """Write the model as a folder: weights (safetensors) and those of mask networks, tokenizer, configuration, manifest."""
        checkpoint.save(self, Path(path))

    @classmethod
    def load(cls, path: Path, device: str = "cpu") -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            CheckpointError: a file is missing or damaged, or weights are not finite or do not fit.
        """
        return checkpoint.load(cls, Path(path)).to(device)

    def parts(self) -> dict[str, nn.Module]:
        """The encoder of text, which may have come trained, and all the rest."""
        inside = set(self.module.encoder.parameters())
        rest = nn.ParameterList([p for p in self.module.parameters() if p not in inside])
        return {"encoder": self.module.encoder, "head": rest}

    def _settings(self) -> tuple[Any, ...]:
        return (*self.labels, self.module.questions, self.threshold, self.size, self.mean, self.std)

    def _identity(self) -> str:
        return checkpoint.fingerprint(self)

    # Sentences

    @property
    def questions(self) -> tuple[Question, ...]:
        """For each label its sentence, and the opposite if it has one."""
        return self.module.questions

    @property
    def mask_token(self) -> str:
        """Inside a sentence it reaches the model as its own token for what is hidden."""
        return self.module.mask_token

    def ask(self, sentences: Sequence[str]) -> Self:
        """The same model, whose labels are these sentences, each once.

        They are read now, and again only where weights have changed since. Weights are shared: whatever trains, moves or
        converts one of the two models does so to both.

        Raises:
            PellucidError: there is no sentence.
            DataError: a sentence has no word.
        """
        said = tuple(dict.fromkeys(sentences))
        if not said:
            raise PellucidError("There is nothing to ask: give at least one sentence.")
        _ = self._lacks_by_nature  # found by running the network, and the same for all that is asked of it
        other = copy.copy(self)
        other.labels = said
        # A network that was trained for labels of the model would take sentences for them, by their numbers.
        other.maskers = {name: masker for name, masker in self.maskers.items() if masker.settings.kind in _OF_ANY}
        other.module = self.module.asked([(text, None) for text in said], once=True)
        _ = other.module.told  # a sentence that cannot be read is refused here
        self.cost.sentences += len(said)
        return other

    def see(self, batch: Batch) -> ImageSide:
        """The images of a batch; read once a batch where no gradient is asked for."""
        if torch.is_grad_enabled():
            self.cost.images += len(batch)
            return self.module.see(self.pixels(batch))
        name = ("images", state_of(self.module))
        if name not in batch.memo:
            self.cost.images += len(batch)
            with opened.still(self.module):
                batch.memo[name] = self.module.see(self.pixels(batch))
        return cast(ImageSide, batch.memo[name])

    def read(self, sentences: Sequence[str]) -> TextSide:
        """Sentences as words. Each is read by itself: what it gives does not depend on the others, but for rounding.

        Raises:
            DataError: a sentence has no word.
        """
        told = None if torch.is_grad_enabled() else self.module.told
        if told is not None and told.texts == tuple(sentences):
            return told
        self.cost.sentences += len(sentences)
        if torch.is_grad_enabled():
            return self.module.read(sentences)
        with opened.still(self.module):
            return self.module.read(sentences)

    def align(self, images: ImageSide, sentences: TextSide) -> Alignment:
        """All images with all sentences."""
        return self.module.align(images, sentences)

    def match(self, images: ImageSide, sentences: TextSide) -> Float[Tensor, "B S"]:
        """The score of each pair, on the scale of logits."""
        return self.module.match(images, sentences)

    def fits(self, pixels: Float[Tensor, "B D *S"], sentences: TextSide) -> Float[Tensor, "B S"]:
        """The score of each pair, of images as pixels; differentiable with respect to these."""
        with opened.still(self.module):
            return self.module.match(self.module.see(pixels.clone()), sentences)

    def prompts(self) -> Float[Tensor, "C d"]:
        """The sentence of each label as a mask network is told it: its embedding."""
        with torch.no_grad():
            return self.read([said for said, _ in self.questions]).whole

    def pooled(self, regions: Float[Tensor, "B R d"]) -> Float[Tensor, "B d"]:
        """The whole of images that consist of these regions, where the network makes it of them."""
        return cast(RegionPooling, self.module).pooled(regions)

    def joint_attention(self, batch: Batch, sentences: Sequence[str]) -> Iterator[JointReading]:
        """Every case with every sentence, where one transformer reads both."""
        network = cast(joint.Joint, self.module)
        with torch.no_grad():
            images, texts = self.see(batch), self.read(sentences)
        for case, sentence in product(range(len(batch)), range(len(sentences))):
            with opened.still(network):
                reading = network.reading(images, texts, case, sentence)
            yield reading

    def embed(self, pixels: Float[Tensor, "B D *S"]) -> Float[Tensor, "B E"]:
        """The embedding of each image, which sentences are compared with."""
        with opened.still(self.module):
            return self.module.see(pixels.clone()).whole

    @cached_property
    def _lacks_by_nature(self) -> frozenset[str]:
        patches = vision_transformer.can_be_read(self.module, self._sample())
        missing = {"feature_maps": not (self.module.maps and self.map_layers), "patch_attention": not patches}
        return self.module.lacks | {name for name, lacking in missing.items() if lacking}
