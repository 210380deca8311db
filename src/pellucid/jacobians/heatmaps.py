"""Explanations as outputs: the heat-map of a method as a differentiable function of the image, or of the words.

What moves the explanation, and how far, is then asked of the same operator: the Jacobian of a heat-map is how it answers to
every pixel, and its largest singular value is the Lipschitz constant of the explanation at this image.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from pellucid.case import Case
from pellucid.errors import CapabilityError, PellucidError
from pellucid.jacobians.function import Copies, Function, Map, of_model
from pellucid.predictor import Batch, TextSide, require
from pellucid.predictors.image_classifier import opened
from pellucid.predictors.image_classifier.ensemble import places
from pellucid.predictors.image_text.aggregating import aggregated, word_weights
from pellucid.predictors.image_text.model import ImageText
from pellucid.target import Target

Heatmap = Callable[[Any, Batch, Float[Tensor, "N L d"], Target], Float[Tensor, "N U"]]
"""A predictor, the batch of one case, features of N versions of it, and a target, to N maps inside the graph."""


def gradient(predictor: Any, batch: Batch, features: Tensor, target: Target) -> Tensor:
    """`d f / d x_u`, summed over channels; of a network without curvature it does not answer to the input at all."""
    return _gradient(predictor, batch, features, target).sum(-1)


def input_x_gradient(predictor: Any, batch: Batch, features: Tensor, target: Target) -> Tensor:
    """`sum_d x_d * d f / d x_d`."""
    return (_gradient(predictor, batch, features, target) * features).sum(-1)


def grad_cam(predictor: Any, batch: Batch, features: Tensor, target: Target) -> Tensor:
    """Grad-CAM of the last layer with maps, at the resolution of that layer (Selvaraju et al. 2017)."""
    layers = places(predictor.module, predictor.map_layers[-1])
    logits, maps = opened.with_layers(predictor.module, layers, predictor.inputs_of(features), cut=False)
    score = predictor.targeted(logits, [target])[:, 0].sum()
    sent = torch.autograd.grad(score, maps, create_graph=True)
    summed = sum(torch.einsum("be,be...->b...", back.flatten(2).mean(-1), one) for back, one in zip(sent, maps, strict=True))
    return torch.relu(torch.as_tensor(summed)).flatten(1)


def local_attention(predictor: Any, batch: Batch, features: Tensor, target: Target) -> Tensor:
    """Where the words of a sentence look, one value a region: the target is a sentence that the model was asked."""
    with torch.no_grad():
        texts = predictor.read([_sentence(target)])
    with opened.still(predictor.module):
        images = predictor.module.see(predictor.inputs_of(features))
        return _attention(predictor, images, texts)[:, 0]


HEATMAPS: dict[str, tuple[Heatmap, tuple[str, ...]]] = {
    "gradient": (gradient, ()),
    "input_x_gradient": (input_x_gradient, ()),
    "grad_cam": (grad_cam, ("network", "feature_maps")),
    "local_attention": (local_attention, ("sentence_alignment", "network")),
}
"""Explanations that can be differentiated, and what each needs of a model."""


def of_heatmap(predictor: Any, case: Case, heatmap: str, target: Target | str) -> Function:
    """The map of a method for one target, as a function of what the model reads; one output a unit or region.

    Raises:
        PellucidError: there is no such heat-map that can be differentiated, or it is constant around this input, as the
            gradient of a network that is linear in pieces.
        CapabilityError: the model lacks what it needs.
    """
    if heatmap not in HEATMAPS:
        raise PellucidError(f"There is no heat-map {heatmap!r} that can be differentiated; use {', '.join(HEATMAPS)}.")
    method, needs = HEATMAPS[heatmap]
    require(predictor, needs, f"The heat-map {heatmap!r}")
    wanted = Target.label(target) if isinstance(target, str) else target
    asked = predictor.ask([_sentence(wanted)]) if heatmap == "local_attention" else predictor
    base = of_model(asked, case, output=[wanted])
    copies = Copies(asked, case)

    def call(versions: Tensor) -> Tensor:
        with torch.enable_grad():
            features = base.enter(versions)
            features = features if features.requires_grad else features.clone().requires_grad_()
            return method(asked, copies(len(versions)), features, wanted)

    with torch.no_grad():
        count = call(base.at[None]).shape[1]
    if heatmap == "gradient":
        _check_answers(call, base.at, count)
    return replace(base, call=call, outputs=tuple(map(str, range(count))), output=f"heat-map {heatmap}")


def of_words(model: ImageText, case: Case, sentence: str, *, output: str = "local_attention") -> Function:
    """What a sentence does to its map, or to its score, as a function of the embeddings of its tokens (T x d).

    Args:
        output: "local_attention" (one value a region), or "score" (of the pair).

    Raises:
        PellucidError: there is no such output.
        CapabilityError: the model does not read sentences, or has no table of embeddings.
    """
    if output not in ("local_attention", "score"):
        raise PellucidError(f"There is no output {output!r} of a sentence; use local_attention or score.")
    require(model, ("sentence_alignment", "network"), "The Jacobian of a map with respect to words")
    batch = model.encode([case])
    with opened.still(model.module), torch.no_grad():
        images = model.module.see(model.pixels(batch))
    table = _table(model)

    def call(versions: Float[Tensor, "N T d"]) -> Tensor:
        with opened.still(model.module), _replaced(table, versions):
            texts = model.module.read([sentence] * len(versions))
        if output == "score":
            return model.module.match(images, texts).T
        return _attention(model, images, texts)[0]

    at = embedded(model, sentence)
    with torch.no_grad():
        count = call(at[None]).shape[1]
    names = ("score",) if output == "score" else tuple(map(str, range(count)))
    return Function(call, at, names, output, "embedding", "text", model, case, model.module)


def embedded(model: ImageText, sentence: str) -> Float[Tensor, "T d"]:
    """What the encoder's table gives for the tokens of a sentence, special ones among them."""
    return _looked_up(model, sentence)[1]


def spoken(model: ImageText, sentence: str) -> Bool[Tensor, " T"]:
    """True for tokens of words; False for those that begin, end or fill up a sentence."""
    ids, _ = _looked_up(model, sentence)
    tokenizer: Any = model.module.tokenizer
    framing = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id, tokenizer.mask_token_id}
    framing |= {tokenizer.pad_token_id, tokenizer.eos_token_id}  # in some tokenizers one of them is the unknown word too
    return torch.tensor([token not in framing for token in ids.tolist()], device=ids.device)


def _looked_up(model: ImageText, sentence: str) -> tuple[Int[Tensor, " T"], Float[Tensor, "T d"]]:
    """Numbers of the tokens of a sentence, and what the table gives for them."""
    found: list[tuple[Tensor, Tensor]] = []
    handle = _table(model).register_forward_hook(lambda _, given, output: found.append((given[0], output)))
    try:
        with torch.no_grad(), opened.still(model.module):
            model.module.read([sentence])
    finally:
        handle.remove()
    ids, rows = found[0]
    return ids[0], rows[0].detach().clone()


def _gradient(predictor: Any, batch: Batch, features: Tensor, target: Target) -> Tensor:
    score = predictor.scores(features, batch, [target])[:, 0].sum()
    return torch.autograd.grad(score, features, create_graph=True)[0]


def _check_answers(call: Map, at: Tensor, count: int) -> None:
    """Refuse a map whose derivative is zero by construction, which would read as perfect stability."""
    version = at.detach().clone().requires_grad_()
    with torch.enable_grad():
        outputs = call(version[None])[0]
        back = None
        if outputs.requires_grad:
            weights = torch.linspace(1, 2, count, dtype=outputs.dtype, device=outputs.device)
            (back,) = torch.autograd.grad(outputs, version, weights, allow_unused=True)
    if back is None or not bool(back.any()):
        raise PellucidError(
            "The heat-map 'gradient' does not answer to the input here, since the network is linear in pieces (as with ReLU) "
            "and its gradient constant in each; use input_x_gradient."
        )


def _attention(model: Any, images: Any, texts: TextSide) -> Float[Tensor, "B S R"]:
    return aggregated(model.module.align(images, texts), word_weights(texts))[0]


def _sentence(target: Target) -> str:
    if len(target.terms) != 1 or target.terms[0][1] != 1:
        raise PellucidError(f"The map of {target.name!r} is that of no single sentence; give one sentence.")
    return target.terms[0][0]


def _table(model: ImageText) -> nn.Embedding:
    """The table of words. Others (of positions) may be larger, so that the encoder is asked which one it is."""
    encoder: Any = model.module.encoder
    reading = getattr(encoder, "text_model", encoder)  # of a dual encoder the half that reads
    table = reading.get_input_embeddings() if hasattr(reading, "get_input_embeddings") else None
    if not isinstance(table, nn.Embedding):
        raise CapabilityError("The model's encoder of text has no table of embeddings that words could be changed in.")
    return table


@contextmanager
def _replaced(table: nn.Embedding, versions: Tensor) -> Iterator[None]:
    """While open, the table gives these embeddings, whatever it is asked."""
    handle = table.register_forward_hook(lambda _, __, ___: versions)
    try:
        yield
    finally:
        handle.remove()
