"""The classifier, entered at its embedding block.

Explanations are taken at the output of the embedding block of the encoder inside the classifier (word + position + segment,
after its layer norm). Whatever stands above it, pooler and head included, is used as the architecture has it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from pellucid.errors import CapabilityError
from pellucid.predictors.plm_ca.encoder import changed_output, embedding_block, real_tokens
from pellucid.predictors.text_classifier.windows import Windows


def encoder_of(module: Any) -> nn.Module:
    """The encoder inside the classifier.

    Raises:
        CapabilityError: it has none under the name that transformers knows.
    """
    encoder = getattr(module, module.base_model_prefix, None)
    if not isinstance(encoder, nn.Module):
        raise CapabilityError(f"{type(module).__name__} has no encoder to explain at; use a BERT- or RoBERTa-like classifier.")
    return encoder


def head_of(module: Any) -> nn.Module:
    """All that stands above the encoder."""
    return nn.ModuleList(child for name, child in module.named_children() if name != module.base_model_prefix)


def has_segments(module: Any) -> bool:
    """Whether the classifier tells a question from a text."""
    return int(getattr(module.config, "type_vocab_size", 0) or 0) > 1


def embed(module: Any, windows: Windows) -> Float[Tensor, "M R d"]:
    """Features of windows."""
    inputs = _inputs(module, windows)
    inputs.pop("attention_mask")
    return cast(Tensor, embedding_block(encoder_of(module))(**inputs))


def classify(module: Any, windows: Windows, features: Float[Tensor, "M R d"] | None = None) -> Float[Tensor, "M C"]:
    """Logits of windows, from their ids or, where given, from their features."""
    if features is None:
        return cast(Tensor, module(**_inputs(module, windows)).logits)
    with changed_output(embedding_block(encoder_of(module)), lambda output: _in_place(features, output.detach())):
        return cast(Tensor, module(**_inputs(module, windows)).logits)


def _in_place(features: Float[Tensor, "M R d"], output: Float[Tensor, "M S d"]) -> Float[Tensor, "M S d"]:
    """The output of the embedding block with these features for its own; rows that a model fills its last block with stay."""
    rest = output[:, features.shape[1] :]
    return torch.cat([features, rest], 1) if rest.shape[1] else features


@torch.no_grad()
def classify_all(
    module: Any, windows: Windows, tokens: int, features: Float[Tensor, "M R d"] | None = None
) -> Float[Tensor, "M C"]:
    """Logits of any number of windows, about so many tokens at a time; float64."""
    found = torch.zeros(len(windows), module.config.num_labels, dtype=torch.float64, device=next(module.parameters()).device)
    for pack in _packs(windows.lengths, tokens):
        part = windows[pack].trimmed()
        at = None if features is None else features[pack, : part.ids.shape[1]]
        found[pack] = classify(module, part, at).double()
    return found


def _packs(lengths: Int[np.ndarray, " M"], tokens: int) -> Iterator[Int[np.ndarray, " P"]]:
    """Windows to read together: of like length, and about so many tokens."""
    order = np.argsort(-lengths, kind="stable")
    while len(order):
        size = max(1, tokens // int(lengths[order[0]]))
        yield order[:size]
        order = order[size:]


def classify_open(
    module: Any, windows: Windows, shift: Float[Tensor, "M R d"] | None = None
) -> tuple[Float[Tensor, "M C"], Float[Tensor, "M R d"]]:
    """Logits of windows, and the features that they were computed from (the embedding block's output plus `shift`)."""
    seen: list[Tensor] = []

    def look(output: Tensor) -> Tensor:
        own = output[:, : windows.ids.shape[1]]
        seen.append(own if shift is None else own + shift)
        return _in_place(seen[0], output)

    with changed_output(embedding_block(encoder_of(module)), look):
        logits = module(**_inputs(module, windows)).logits
    return cast(Tensor, logits), seen[0]


def check_entrance(module: Any, windows: Windows, others: Windows) -> None:
    """Refuse a classifier that does not read its text through the embedding block alone.

    Args:
        others: windows with other ids; given the features of `windows`, the classifier must not notice the difference.

    Raises:
        CapabilityError: there is no such block, or the logits are not a function of its output.
    """
    name = type(module).__name__
    embedding_block(encoder_of(module))
    try:
        with torch.no_grad():
            same = torch.allclose(
                classify(module, others, embed(module, windows)), classify(module, windows), atol=1e-4, rtol=1e-4
            )
    except (
        TypeError,
        ValueError,
        RuntimeError,
        IndexError,
        AssertionError,
    ) as error:  # each architecture objects in its own way
        raise CapabilityError(f"{name} cannot be entered at its embeddings; use a BERT- or RoBERTa-like classifier.") from error
    if not same:
        raise CapabilityError(
            f"{name} does not read its text through its embedding block alone; use a BERT- or RoBERTa-like classifier."
        )


def _inputs(module: Any, windows: Windows) -> dict[str, Tensor]:
    """What the classifier is given, on its device."""
    device = next(module.parameters()).device
    lengths = torch.from_numpy(windows.lengths).to(device)
    real = real_tokens(lengths, windows.ids.shape[1]).long()
    inputs = {"input_ids": torch.from_numpy(windows.ids).to(device), "attention_mask": real}
    return inputs | ({"token_type_ids": torch.from_numpy(windows.types).to(device)} if has_segments(module) else {})
