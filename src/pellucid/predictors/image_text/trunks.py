"""Networks of images under a tower: those known by name, and any vision model that transformers saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pellucid.errors import CapabilityError, CheckpointError, PellucidError, first_line
from pellucid.predictors.image_classifier import architectures, hub
from pellucid.predictors.image_text.images import beheaded, last_maps
from pellucid.predictors.running import drawing

_SPECIAL = 2  # tokens before the patches: of the class, of distillation; registers come on top


@dataclass(frozen=True, eq=False)
class Trunk:
    """A network whose maps become regions.

    Attributes:
        network: from pixels to anything; what it does behind `layer` is not used.
        layer: the part whose output are the maps.
        maps: how many maps that layer has.
        said: what makes it anew, as JSON values; see :func:`empty`.
    """

    network: nn.Module
    layer: str
    maps: int
    said: dict[str, Any]


def built(encoder: str, *, channels: int, size: Sequence[int], generator: torch.Generator) -> Trunk:
    """The network of a name with new weights, or with those that it learnt.

    Args:
        encoder: as :mod:`pellucid.predictors.image_classifier.architectures` knows it; or the folder or hub id of a vision
            model of transformers.
        channels: that the network reads.
        size: (height, width) of what it reads.
        generator: draws what is new; the global generator is left as it was.

    Raises:
        PellucidError: there is no such network, or it does not read images of that size.
        CheckpointError: there is no such vision model, or its weights are pickled or incomplete.
        CapabilityError: it makes no maps.
    """
    said = {"architecture": encoder, "channels": channels, "size": list(size)}
    if not is_of_transformers(encoder):
        return _of(architectures.build(encoder, channels=channels, axes=2, labels=1, generator=generator), said)
    model = _vision(encoder, hub.loaded(encoder, _Maker()))
    return _of_transformers(model, {**said, "config": hub.deciding(model.config.to_dict())})


def empty(folder: Path, said: Mapping[str, Any]) -> Trunk:
    """The network that `Trunk.said` describes, with weights of no meaning; nothing is fetched from anywhere.

    Raises:
        CheckpointError: it describes none.
    """
    if missing := [name for name in ("architecture", "channels", "size") if name not in said]:
        raise CheckpointError(f"{folder} does not describe an image-text model (without {missing[0]}); copy or train it again.")
    own = {name: said[name] for name in ("architecture", "channels", "size", "config") if name in said}
    if "config" in own:
        return _of_transformers(_described(folder, own["config"]), own)
    return _of(architectures.empty(own["architecture"], channels=own["channels"], axes=2, labels=1), own)


def scaling(encoder: str, channels: int) -> tuple[int, tuple[float, ...], tuple[float, ...]]:
    """How many channels a network reads of images that have so many, and mean and deviation that its first weights expect.

    Raises:
        CheckpointError: a model of transformers does not say it.
    """
    if is_of_transformers(encoder):
        return hub.scaling(encoder)
    return channels, *architectures.normalisation(encoder, channels)


def is_of_transformers(encoder: str) -> bool:
    """Whether a name is that of a folder or hub id."""
    return "/" in encoder or Path(encoder).is_dir()


class Patches(nn.Module):
    """A vision model of transformers as a network whose last layer with maps gives its patches or its last feature map.

    Args:
        model: of transformers, from `pixel_values` to `last_hidden_state`: maps, or tokens of which the last are the patches,
            row by row.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.maps = nn.Identity()

    def forward(self, pixels: Float[Tensor, "B D H W"]) -> Float[Tensor, "B E"]:
        states = self.model(pixel_values=pixels).last_hidden_state
        maps: Tensor = self.maps(states if states.ndim == 4 else self._laid(states, pixels.shape[2:]))
        return maps.mean((2, 3))

    def _laid(self, tokens: Float[Tensor, "B T E"], size: Sequence[int]) -> Float[Tensor, "B E h w"]:
        height, width = grid(self.model.config, size)
        special = tokens.shape[1] - height * width
        if not 0 <= special <= _SPECIAL + int(getattr(self.model.config, "num_register_tokens", 0) or 0):
            raise CapabilityError(
                f"{type(self.model).__name__} gives {tokens.shape[1]} tokens of an image of {height} x {width} patches; "
                "use a model whose tokens are patches."
            )
        patches: Tensor = tokens[:, special:].transpose(1, 2).unflatten(2, (height, width))
        return patches


def grid(config: Any, size: Sequence[int]) -> tuple[int, int]:
    """Patches along each side; those of a model of several stages (Swin) are merged two by two between them.

    Raises:
        CapabilityError: the model does not read an image in patches.
    """
    patch = getattr(config, "patch_size", None)
    if patch is None:
        raise CapabilityError(f"A {config.model_type} does not say the size of its patches; use another vision model.")
    sides = (patch, patch) if isinstance(patch, int) else tuple(patch)
    stages = len(getattr(config, "depths", None) or (1,))
    height, width = (_merged(-(-n // p) if stages > 1 else n // p, stages) for n, p in zip(size, sides, strict=True))
    return height, width


def _merged(patches: int, stages: int) -> int:
    for _ in range(stages - 1):
        patches = -(-patches // 2)  # an odd one out is filled up
    return patches


def _of(network: nn.Module, said: dict[str, Any]) -> Trunk:
    return Trunk(network, *beheaded(network, said["channels"], said["size"]), said)


def _of_transformers(model: nn.Module, said: dict[str, Any]) -> Trunk:
    """Refused where it cannot read images of that size."""
    network = Patches(model)
    try:
        return Trunk(network, *last_maps(network, said["channels"], said["size"]), said)
    except (ValueError, RuntimeError) as error:
        config: Any = model.config
        height, width = said["size"]
        raise PellucidError(
            f"{said['architecture']} learnt positions for images of {config.image_size} pixels and cannot read "
            f"{height} x {width} ones; prepare the data set with its size, or choose an encoder that reads any."
        ) from error


class _Maker:
    """What makes a vision model of a folder, without what only its own pooling needs and often lacks."""

    @staticmethod
    def from_pretrained(source: str, **options: Any) -> tuple[Any, dict[str, Any]]:
        from transformers import AutoModel

        model, found = AutoModel.from_pretrained(source, **options)
        return _unpooled(model), {**found, "missing_keys": [k for k in found["missing_keys"] if not k.startswith("pooler.")]}


def _unpooled(model: Any) -> Any:
    pooler = getattr(model, "pooler", None)
    if pooler is not None and any(True for _ in pooler.parameters()):
        model.pooler = None  # a pooler without weights is no burden, and some models cannot do without it
    return model


def _vision(source: str, model: Any) -> Any:
    if model.main_input_name != "pixel_values" or not hasattr(model.config, "num_channels"):
        raise CheckpointError(f"{source} holds a {type(model).__name__}, which reads no images alone; give a vision model.")
    return model.float()


def _described(folder: Path, config: Mapping[str, Any]) -> nn.Module:
    from transformers import CONFIG_MAPPING, AutoModel

    try:
        made = CONFIG_MAPPING[config["model_type"]].from_dict(dict(config))
        with drawing():
            return cast(nn.Module, _unpooled(AutoModel.from_config(made)).eval())
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{folder} does not describe a vision model ({first_line(error)}); copy or train it again."
        ) from error
