"""Which words of a sentence the score rests on, for each image."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, cast

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from pellucid.attribution import Attribution
from pellucid.errors import PellucidError
from pellucid.explainers.images.rise import weighted
from pellucid.explainers.sentences.asking import sides
from pellucid.explainers.sentences.grad_eclip import gathered
from pellucid.explainers.sentences.local_attention import word_gradients, word_relevance
from pellucid.explainers.sentences.word_maps import word_spans
from pellucid.predictor import Batch, Predictor, SentenceAlignment, require
from pellucid.predictors.image_text.aggregating import is_word
from pellucid.randomness import stream
from pellucid.rewording import Change, applied
from pellucid.target import Target
from pellucid.units import TextUnits

Method = Literal["occlusion", "rise", "gradient", "grad_eclip"]
SIGNED = ("occlusion", "rise", "gradient")
_KEEP = 0.5


def word_scores(
    predictor: Predictor, batch: Batch, sentence: str, method: Method = "occlusion", *, masks: int = 500, seed: int = 0
) -> list[Attribution]:
    """For each case what the words of one sentence bring to the score of the pair; over the words that the model read.

    * "occlusion": what the score loses when the word is hidden behind the model's own token for that; signed.
    * "rise": the mean over random halves of the words of the score, less its mean, where the word is shown; signed.
    * "gradient": `<w_j - mean w, dZ/dw_j>`, what it loses to first order where the word becomes the mean of the words; signed.
    * "grad_eclip": `relu(sum_c g_c * lambda_j * w_jc)`, words in place of the regions of
      :class:`~pellucid.explainers.sentences.grad_eclip.GradEclip`.

    The two by gradients hold the embedding of the sentence as a whole, which is no function of the words as they are read. All
    versions of the sentence are read together, and once for all images; each image is read once.

    Args:
        masks: how many random halves "rise" draws.
        seed: of these, which depend on it and on the sentence, never on the images.

    Raises:
        CapabilityError: the model aligns no sentences with images; or it has no mask token, or its score reads no single words.
        DataError: the sentence has no word.
        PellucidError: there is no such method, or no mask is to be drawn.
    """
    require(predictor, ("sentence_alignment",), "word_scores")
    if method not in _METHODS or masks < 2:
        raise PellucidError(f"Words are scored by {', '.join(_METHODS)}, with 2 masks or more; got {method!r} and {masks}.")
    _, texts = sides(predictor, batch, (sentence,))
    units = TextUnits(sentence, word_spans(texts), "word")
    settings: dict[str, Any] = {"masks": masks, "seed": seed} if method == "rise" else {}
    scores = _METHODS[method](predictor, batch, units, **settings)
    return [
        Attribution(
            np.asarray(found, dtype=np.float64)[None],
            units,
            (Target.label(sentence),),
            f"word_{method}",
            method in SIGNED,
            settings,
            predictor.fingerprint,
            case.id,
        )
        for case, found in zip(batch.cases, scores, strict=True)
    ]


def hidden(units: TextUnits, keep: Bool[np.ndarray, "P W"], token: str) -> list[str]:
    """Versions of a sentence in which the words that are not kept stand behind the mask token."""
    text = units.text
    changes = [Change(start, stop, text[start:stop], token) for start, stop in units.offsets.tolist()]
    return [applied(text, [change for change, kept in zip(changes, row, strict=True) if not kept]) for row in keep]


def pair_scores(predictor: Predictor, batch: Batch, sentences: Sequence[str]) -> Float[np.ndarray, "B P"]:
    """The score of every image with every sentence, equal ones read once; float64."""
    distinct, number = np.unique(np.array(sentences, dtype=object), return_inverse=True)
    images, texts = sides(predictor, batch, tuple(distinct))
    with torch.no_grad():
        found = cast(SentenceAlignment, predictor).match(images, texts)
    return found.double().cpu().numpy()[:, number.reshape(-1)]


def _occlusion(predictor: Predictor, batch: Batch, units: TextUnits) -> Float[np.ndarray, "B W"]:
    versions = [units.text, *hidden(units, ~np.eye(len(units), dtype=bool), cast(SentenceAlignment, predictor).mask_token)]
    scores = pair_scores(predictor, batch, versions)
    return np.asarray(scores[:, :1] - scores[:, 1:])


def _rise(predictor: Predictor, batch: Batch, units: TextUnits, masks: int, seed: int) -> Float[np.ndarray, "B W"]:
    keep = stream(seed, "word rise", units.text).random((masks, len(units))) < _KEEP
    scores = pair_scores(predictor, batch, hidden(units, keep, cast(SentenceAlignment, predictor).mask_token)).T

    def blocks() -> Iterator[Float[Tensor, "P W"]]:
        yield torch.from_numpy(keep.astype(np.float64))

    return weighted((scores - scores.mean(0)) / _KEEP, blocks(), _KEEP)[0]


def _gradient(predictor: Predictor, batch: Batch, units: TextUnits) -> Float[np.ndarray, "B W"]:
    images, texts = sides(predictor, batch, (units.text,))
    found = word_relevance(predictor, images, texts, "word_scores")[:, 0, is_word(texts)[0]]
    return found.double().cpu().numpy()


def _grad_eclip(predictor: Predictor, batch: Batch, units: TextUnits) -> Float[np.ndarray, "B W"]:
    images, texts = sides(predictor, batch, (units.text,))
    counted = is_word(texts)[0]
    gradients = word_gradients(predictor, images, texts, "word_scores")[:, 0, counted].sum(1)
    return gathered(texts.words[0, counted], gradients).double().cpu().numpy()


_METHODS: dict[str, Callable[..., Float[np.ndarray, "B W"]]] = {
    "occlusion": _occlusion,
    "rise": _rise,
    "gradient": _gradient,
    "grad_eclip": _grad_eclip,
}
