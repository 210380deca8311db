"""Does a map for a sentence listen to the sentence, or to the image alone? The ratio of its sensitivities, at one case.

The map is taken as a function of the embeddings of the words, and of the shades of the image. Each Jacobian is asked about
changes of a typical size: the words become those of another sentence, the image becomes that of another case. A map that no
word can move has a ratio near 0, whatever the image does to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.case import Case
from pellucid.errors import PellucidError
from pellucid.jacobians import Jacobian
from pellucid.jacobians.function import Function
from pellucid.jacobians.heatmaps import embedded, of_heatmap, of_words, spoken
from pellucid.predictors.image_text import ImageText
from pellucid.randomness import stream

LOST = 1e-6
"""Changes of a map smaller than this share of its length are rounding."""


@dataclass(frozen=True)
class SensitivityRatio:
    """How far a map answers to words, and how far to the image.

    All changes are root mean squares over draws of the Euclidean norm of the change of the map, in lengths of the map itself.
    What is lost in rounding (under :data:`LOST`) is 0.

    Attributes:
        text: change to first order when the words become those of another sentence.
        image: change to first order when the image becomes another one.
        text_whole, image_whole: the same changes, made: the map of the changed input less that of the case.
        draws: other sentences and images that were tried.
    """

    text: float
    image: float
    text_whole: float
    image_whole: float
    draws: int

    @property
    def ratio(self) -> float:
        """`text / image`, to first order; NaN where neither moves the map, as of one that is even whatever it is shown."""
        return _ratio(self.text, self.image)

    @property
    def ratio_whole(self) -> float:
        """The same of the changes that were made, which no saturation hides."""
        return _ratio(self.text_whole, self.image_whole)


def sensitivity_ratio(
    model: ImageText, case: Case, sentence: str, sentences: Sequence[str], others: Sequence[Case], draws: int = 8, seed: int = 0
) -> SensitivityRatio:
    """The sensitivities of the attention of one sentence on one image.

    Args:
        sentences: words to put in the place of the sentence's own are drawn from these, position by position; special tokens
            stay. Sentences equal to the one asked about do not count.
        others: images to put in the place of the case's own; cases of the same patient do not count.
        draws: of each; drawn anew for each case from `seed`.

    Raises:
        PellucidError: there is no other sentence, or no image of another patient.
        CapabilityError: the model's attention cannot be differentiated.
    """
    said = [text for text in dict.fromkeys(sentences) if text != sentence]
    images = [other for other in others if other.patient != case.patient]
    if not said or not images:
        raise PellucidError("The sensitivities of a map need at least one other sentence, and one image of another patient.")
    random = stream(seed, "sensitivity", case.id)
    words = of_words(model, case, sentence)
    picture = of_heatmap(model, case, "local_attention", sentence)
    new_words = _new_words(model, sentence, words.at, [said[i] for i in random.integers(len(said), size=draws)], random)
    shown = [images[i] for i in random.integers(len(images), size=draws)]
    new_images = torch.stack([model.measured(model.encode([other]), 0).values for other in shown])
    text, text_whole = _changes(words, new_words)
    image, image_whole = _changes(picture, new_images)
    return SensitivityRatio(text, image, text_whole, image_whole, draws)


def _new_words(
    model: ImageText, sentence: str, at: Float[Tensor, "T d"], said: Sequence[str], random: np.random.Generator
) -> Float[Tensor, "D T d"]:
    """The sentence with each token of a word replaced by one of another sentence."""
    places = spoken(model, sentence)
    versions = at.expand(len(said), *at.shape).clone()
    for version, text in zip(versions, said, strict=True):
        drawn = embedded(model, text)[spoken(model, text)]
        version[places] = drawn[torch.from_numpy(random.integers(len(drawn), size=int(places.sum())))]
    return versions


def _changes(function: Function, versions: Float[Tensor, "D *S"]) -> tuple[float, float]:
    """Root mean squares of the changes of the outputs, in lengths of these: to first order, and as they are."""
    before = function.value()
    linear = Jacobian(function, "matrix-free").jvp(versions - function.at)
    made = torch.cat([function.value(version[None]) for version in versions]) - before
    length = float(before.double().norm())
    return _size(linear, length), _size(made, length)


def _size(changes: Float[Tensor, "D m"], length: float) -> float:
    size = float(changes.double().square().sum(-1).mean().sqrt()) / length if length > 0 else 0.0
    return size if size >= LOST else 0.0


def _ratio(text: float, image: float) -> float:
    if image == 0:
        return float("inf") if text > 0 else float("nan")
    return text / image
