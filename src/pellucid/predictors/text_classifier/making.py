"""Where classifiers come from: the hub, a folder, or a pretrained encoder under a new head."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from pellucid.errors import CapabilityError, CheckpointError, PellucidError, first_line
from pellucid.predictors.encoders import check_tokenizer, pickled_only, quiet
from pellucid.predictors.plm_ca.encoder import longest_chunk
from pellucid.predictors.text_classifier.classifier import check_entrance, encoder_of
from pellucid.predictors.text_classifier.pooling import POOLINGS
from pellucid.predictors.text_classifier.windows import Windows

_ENDLESS = 10**6  # a tokenizer that knows no limit states one far above this
_USUAL = 512


def opened(source: str) -> tuple[Any, Any]:
    """Classifier and tokenizer of a folder or a hub id, on the CPU, in evaluation mode, in the precision they were saved in.

    No pickle, no code from outside.

    Raises:
        CheckpointError: there is no such classifier, or its weights are pickled, incomplete or not numbers.
    """
    from safetensors import SafetensorError
    from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

    local = Path(source).is_dir()
    options: dict[str, Any] = {"local_files_only": local, "trust_remote_code": False}
    if local:
        check_folder(Path(source))
    try:
        with quiet(), torch.random.fork_rng(devices=[]):
            config = AutoConfig.from_pretrained(source, **options)
            _check_kind(source, config)
            tokenizer = AutoTokenizer.from_pretrained(source, use_fast=True, **options)
            module, found = AutoModelForSequenceClassification.from_pretrained(
                source, config=config, use_safetensors=True, output_loading_info=True, **options
            )
    except PellucidError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError) as error:
        raise CheckpointError(unreadable(source, local, error)) from error
    check_weights(source, module, found)
    return module.eval(), tokenizer


def reading(config: Any, source: str, multi_label: bool | None) -> tuple[tuple[str, ...], bool]:
    """The labels of a configuration, and whether they exclude each other.

    Args:
        multi_label: what the user says; None for what the configuration says, which is a softmax if it says nothing.

    Raises:
        CheckpointError: it predicts numbers, or does not say what its only output is.
    """
    labels = tuple(str(config.id2label[i]) for i in sorted(config.id2label))
    kind = config.problem_type
    if multi_label is None and kind == "regression":
        raise CheckpointError(f"{source} predicts numbers, not labels; give a classifier.")
    exclusive = kind != "multi_label_classification" if multi_label is None else not multi_label
    if exclusive and len(labels) < 2:
        raise CheckpointError(
            f"{source} has one output and does not say what it is; open it with multi_label=True, or write "
            '"problem_type": "multi_label_classification" into its config.json, if it is the logit of a label.'
        )
    return labels, exclusive


def with_new_head(encoder: nn.Module, labels: Sequence[str], exclusive: bool, generator: torch.Generator) -> nn.Module:
    """A classifier as the encoder's architecture has it, with the encoder's weights and a new head."""
    from transformers import AutoModelForSequenceClassification

    config = copy.deepcopy(encoder.config)
    name_outputs(config, labels, exclusive)
    seed = int(torch.randint(2**62, (1,), generator=generator))
    try:
        with quiet(), torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)  # unlike torch.manual_seed, no device's generator is touched
            module = AutoModelForSequenceClassification.from_config(config)
    except ValueError as error:
        raise CapabilityError(
            f"transformers has no classifier with the encoder {type(encoder).__name__}; use a BERT- or RoBERTa-like encoder."
        ) from error
    module.to(next(encoder.parameters()).dtype)
    encoder_of(module).load_state_dict(
        encoder.state_dict(), strict=False
    )  # only a pooler may be missing: it is part of the head
    return module.eval()  # type: ignore[no-any-return]


def name_outputs(config: Any, labels: Sequence[str], exclusive: bool) -> None:
    """Write labels and kind of the outputs into a configuration, where transformers looks for them."""
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: i for i, label in enumerate(labels)}
    config.problem_type = "single_label_classification" if exclusive else "multi_label_classification"


def check_pooling(pooling: str, max_windows: int | None) -> None:
    """Refuse windows that cannot be put together.

    Raises:
        PellucidError: unknown pooling, or no window at all.
    """
    if pooling not in POOLINGS:
        raise PellucidError(f"{pooling!r} is no way of pooling windows; choose {', '.join(POOLINGS)}.")
    if max_windows is not None and max_windows < 1:
        raise PellucidError("A text has at least one window; give max_windows of 1 or more.")


def check(module: Any, tokenizer: Any, labels: Sequence[str], exclusive: bool) -> None:
    """Refuse what cannot be explained.

    Raises:
        PellucidError: the labels are not told apart or do not fit the outputs, or the model is in training mode.
        CapabilityError: the tokenizer or the architecture does not allow explanations.
    """
    if len(set(labels)) != len(labels):
        raise PellucidError("The list of labels holds a label twice; give every label once.")
    if len(labels) < (2 if exclusive else 1):
        raise PellucidError("A choice needs at least two labels, and labels without a choice at least one; give more labels.")
    if len(labels) != module.config.num_labels:
        raise PellucidError(f"The model has {module.config.num_labels} outputs but {len(labels)} labels; give one for each.")
    if module.training:
        raise PellucidError("The model is in training mode, where every pass drops other units; call module.eval() first.")
    check_tokenizer(type(module).__name__, tokenizer)
    few = sample(tokenizer)
    check_entrance(module, few, replace(few, ids=np.full_like(few.ids, tokenizer.mask_token_id)))


def sample(tokenizer: Any) -> Windows:
    """A short window to try a classifier on."""
    ids = np.array(tokenizer("a b c")["input_ids"])[None]
    return Windows(ids, np.zeros_like(ids), np.array([ids.size]))


def window_of(module: Any, tokenizer: Any, asked: int | None) -> int:
    """Tokens read at once: as many as asked for, or as model and tokenizer allow.

    Raises:
        PellucidError: more are asked for than the model can read, or too few to hold a token beside the special ones.
    """
    longest = longest_chunk(encoder_of(module))
    if asked is None:
        limits = [n for n in (longest, int(tokenizer.model_max_length)) if n is not None and n < _ENDLESS]
        return min(limits, default=_USUAL)
    least = int(tokenizer.num_special_tokens_to_add(pair=True)) + 2
    if asked < least or (longest is not None and asked > longest):
        raise PellucidError(
            f"A window of {asked} tokens cannot be read; choose {least} to {longest or 'any number of'} tokens."
        )
    return asked


def check_folder(folder: Path) -> None:
    """Refuse a folder in which transformers would find no classifier, or only a pickle.

    Raises:
        CheckpointError: it has no configuration, no weights, or pickled ones alone.
    """
    if not (folder / "config.json").is_file():
        raise CheckpointError(f"{folder} is not a saved model (it has no config.json); give a folder saved by transformers.")
    pickle = pickled_only(folder)
    if pickle:
        raise CheckpointError(
            f"{folder} has its weights in {pickle} only, a pickle that can run code; save it again with "
            "`model.save_pretrained(folder)` where you trust it."
        )
    if not any(path.name.endswith((".safetensors", ".safetensors.index.json")) for path in folder.iterdir()):
        raise CheckpointError(f"{folder} has no model.safetensors; copy it again.")


def _check_kind(source: str, config: Any) -> None:
    kinds = config.architectures or ()
    if kinds and not any(kind.endswith("ForSequenceClassification") for kind in kinds):
        raise CheckpointError(f"{source} is a {kinds[0]}, not a classifier of texts; fine-tune it as one first.")


def check_weights(source: str, module: Any, found: Any) -> None:
    """Refuse a classifier that transformers had to complete by chance.

    Raises:
        CheckpointError: a weight is missing, of another shape, or not a number.
    """
    lacking = sorted(found["missing_keys"]) or sorted(str(key) for key in found["mismatched_keys"])
    if lacking:
        raise CheckpointError(
            f"{source} lacks {len(lacking)} of its weights, {lacking[0]!r} among them; give a trained classifier."
        )
    for name, value in module.state_dict().items():
        if value.is_floating_point() and not bool(value.isfinite().all()):
            raise CheckpointError(f"{source} holds weights that are not numbers (in {name}); copy or train the model again.")


def unreadable(source: str, local: bool, error: Exception) -> str:
    """What to say where transformers could not read a classifier."""
    reason = first_line(error)
    if local:
        return f"The folder {source} holds no classifier that can be read ({reason}); give one saved by transformers."
    return (
        f"There is no folder {source}, and no classifier of that name with safetensors weights that can be reached on the hub "
        f"({reason}); check the path or the id."
    )
