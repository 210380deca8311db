"""Image classifiers that transformers saved: a folder or a hub id, as a network from pixels to logits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pellucid.errors import CapabilityError, CheckpointError, DataError, PellucidError
from pellucid.files import digest_json, read_json
from pellucid.predictors.encoders import quiet
from pellucid.predictors.text_classifier.making import check_folder, check_weights, reading, unreadable

_PREPROCESSING = "preprocessor_config.json"
_BYTE = 255.0


class Logits(nn.Module):
    """A classifier of transformers that gives its logits alone."""

    def __init__(self, classifier: nn.Module) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, pixels: Float[Tensor, "B D H W"]) -> Float[Tensor, "B C"]:
        return cast(Tensor, self.classifier(pixel_values=pixels).logits)

    @property
    def identity(self) -> str:
        """All that decides a prediction beside weights: kind and configuration."""
        return identity(self.classifier)


def identity(module: nn.Module) -> str:
    """All that decides what a module of transformers gives, beside weights: kind and configuration."""
    config: Any = module.config
    return f"{type(module).__name__}:{digest_json(deciding(config.to_dict()))}"


def deciding(said: Any) -> Any:
    """A configuration, and those inside it, without what is passing: who wrote it, and what labels are called."""
    return {k: deciding(v) for k, v in said.items() if k not in _PASSING} if isinstance(said, dict) else said


# Who wrote the file and with what, and what labels are called: none of it decides a logit.
_PASSING: tuple[str, ...] = (
    "_name_or_path",
    "transformers_version",
    "architectures",
    "dtype",
    "torch_dtype",
    "id2label",
    "label2id",
)
_PASSING += ("_attn_implementation", "_attn_implementation_autoset", "problem_type", "output_attentions", "return_dict")


@dataclass(frozen=True)
class Opened:
    """An image classifier and how its images are made ready."""

    module: Logits
    labels: tuple[str, ...]
    exclusive: bool
    size: tuple[int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]


def is_of_images(source: str) -> bool:
    """Whether a folder or hub id holds an image classifier; False also where it holds nothing that can be read."""
    return any("ForImageClassification" in kind for kind in architectures(source))


def architectures(source: str) -> tuple[str, ...]:
    """The classes of transformers that a folder or hub id says it holds; none where it holds nothing that can be read."""
    try:
        config = _file(source, "config.json")
    except CheckpointError:
        return ()
    return tuple(map(str, config.get("architectures") or ()))


def opened(source: str, multi_label: bool | None) -> Opened:
    """The classifier of a folder or hub id, on the CPU, in evaluation mode. No pickle, no code from outside.

    Args:
        multi_label: whether every label is a question of its own; None for what its configuration says.

    Raises:
        CheckpointError: there is no such classifier, its weights are pickled or incomplete, or it does not say how its images
            are to be scaled.
    """
    from transformers import AutoModelForImageClassification

    classifier = loaded(source, AutoModelForImageClassification)
    labels, exclusive = reading(cast(Any, classifier).config, source, multi_label)
    return Opened(Logits(classifier), labels, exclusive, *preparation(source, classifier))


def preparation(source: str, network: nn.Module) -> tuple[tuple[int, int], tuple[float, ...], tuple[float, ...]]:
    """How images are made ready for a network: size, and mean and standard deviation of each channel.

    Raises:
        CheckpointError: the source does not say it.
    """
    prepared = _file(source, _PREPROCESSING)
    config: Any = network.config
    return _size(source, network, prepared), *_normalisation(source, prepared, int(getattr(config, "num_channels", 3)))


def scaling(source: str) -> tuple[int, tuple[float, ...], tuple[float, ...]]:
    """Channels that a vision model of a folder or hub id reads, and mean and standard deviation of each.

    Raises:
        CheckpointError: the source does not say it.
    """
    channels = int(_file(source, "config.json").get("num_channels", 3))
    return channels, *_normalisation(source, _file(source, _PREPROCESSING), channels)


def loaded(source: str, maker: Any) -> nn.Module:
    """What one of transformers' classes makes of a folder or hub id. No pickle, no code from outside.

    Raises:
        CheckpointError: there is no such model, or its weights are pickled or incomplete.
    """
    from safetensors import SafetensorError

    local = Path(source).is_dir()
    if local:
        check_folder(Path(source))
    options: dict[str, Any] = {"local_files_only": local, "trust_remote_code": False, "use_safetensors": True}
    try:
        with quiet(), torch.random.fork_rng(devices=[]):
            module, found = maker.from_pretrained(source, output_loading_info=True, **options)
    except PellucidError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError) as error:
        raise CheckpointError(unreadable(source, local, error)) from error
    except ImportError as error:  # some architectures need a package of their own
        raise CapabilityError(f"{source} needs a package that is not installed ({error.name}); install it first.") from error
    check_weights(source, module, found)
    module = module if module.dtype == torch.float64 else module.float()  # half precision is for those who ask for it
    return cast(nn.Module, module.eval())


def _file(source: str, name: str) -> dict[str, Any]:
    """A JSON file of a folder or hub id."""
    path = Path(source) / name if Path(source).is_dir() else _fetched(source, name)
    if path is None or not path.is_file():
        raise CheckpointError(f"{source} has no {name}, which says how to read it; copy it from where the model comes from.")
    try:
        found = read_json(path)
    except DataError as error:
        raise CheckpointError(str(error)) from error
    if not isinstance(found, dict):
        raise CheckpointError(f"{path} holds no table of settings; copy it again.")
    return found


def _fetched(source: str, name: str) -> Path | None:
    from transformers.utils import cached_file

    try:
        with quiet():
            found = cached_file(source, name)
    except OSError:
        return None
    return None if found is None else Path(found)


def _normalisation(source: str, prepared: Mapping[str, Any], channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of pixels in [0, 1], of pixels that may be scaled otherwise before."""
    scale = _BYTE * float(prepared.get("rescale_factor", 1 / _BYTE)) if prepared.get("do_rescale", True) else _BYTE
    offset = 1.0 if prepared.get("rescale_offset", False) else 0.0
    if not prepared.get("do_normalize", True):
        return (offset / scale,) * channels, (1 / scale,) * channels
    mean, std = prepared.get("image_mean"), prepared.get("image_std")
    if not (isinstance(mean, list) and isinstance(std, list) and len(mean) == len(std) == channels):
        raise CheckpointError(f"{source} does not say mean and std of its {channels} channels in {_PREPROCESSING}; add them.")
    return tuple((float(m) + offset) / scale for m in mean), tuple(float(s) / scale for s in std)


def _size(source: str, classifier: nn.Module, prepared: Mapping[str, Any]) -> tuple[int, int]:
    """Height and width that the network reads: its own where it learnt positions, else what images are cut to."""
    own = getattr(classifier.config, "image_size", None)
    learnt = any("position" in name for name, _ in classifier.named_parameters())
    cropped = prepared.get("crop_size") if prepared.get("do_center_crop", True) else None
    for value in (own if learnt else None, cropped, prepared.get("size"), own):
        if isinstance(value, int):
            return value, value
        if isinstance(value, list | tuple) and len(value) == 2:
            return int(value[0]), int(value[1])
        if isinstance(value, dict) and {"height", "width"} <= value.keys():
            return int(value["height"]), int(value["width"])
        if isinstance(value, dict) and "shortest_edge" in value:
            return int(value["shortest_edge"]), int(value["shortest_edge"])
    raise CheckpointError(f"{source} does not say what size of image it reads; add `size` to its {_PREPROCESSING}.")
