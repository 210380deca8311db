"""An image classifier, opened for explanation: any network of PyTorch from pixels to logits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from pellucid.case import Case
from pellucid.errors import PellucidError
from pellucid.predictor import Batch, Filler, MapReading, Measured, Modality, PatchReading
from pellucid.predictors.forward import Forward
from pellucid.predictors.image_classifier import architectures, hub, masking, opened, vision_transformer
from pellucid.predictors.image_classifier.ensemble import members_of, places
from pellucid.predictors.image_classifier.fillers import as_masks, filling
from pellucid.predictors.image_classifier.frames import frames
from pellucid.predictors.image_classifier.inpainting import inpainted
from pellucid.predictors.image_classifier.masking import storing
from pellucid.predictors.manifest import Fields
from pellucid.predictors.network import as_like, passed, shifted, split_at_head
from pellucid.predictors.stored_network import StoredNetwork
from pellucid.registry import predictors
from pellucid.target import Target
from pellucid.units import PixelUnits


@predictors.register("image_classifier")
class ImageClassifier(StoredNetwork):
    """Any image classifier of PyTorch, single- or multi-label, of flat images or volumes.

    Features are pixels: rows are pixels in row-major order, columns are channels, both normalised. The network is always run in
    evaluation mode, whatever mode it is in, and is afterwards as it was.

    Args:
        module: takes B x channels x size to logits, B x labels.
        labels: names of the outputs, in order.
        exclusive: exactly one label is true (softmax over all); else every label is a question of its own (sigmoid).
        size: pixels that the network reads, (height, width) or (depth, height, width); images of another size are resampled.
        mean, std: of each channel, in [0, 1]: the network reads (pixel - mean) / std. As many as it has channels, 1 or 3.
        threshold: probability above which a label counts as predicted; where labels are exclusive the most probable one does.
        architecture: name by which :mod:`.architectures` makes the network anew; None for one of your own, which is not saved.
        about: what is known of the training; JSON values.

    Attributes:
        at_once: how many images are run together.
        maskers: mask networks trained for this model, by the name of their objective; what it predicts does not depend on them.
    """

    modality: ClassVar[Modality] = "image"
    kind: ClassVar[str] = "image_classifier"
    stored: ClassVar[Fields] = {
        "architecture": str,
        "exclusive": bool,
        "size": list,
        "mean": list,
        "std": list,
        "threshold": (int, float),
    }
    inputs: ClassVar[str] = "images"
    needs = "image"
    cites = "He et al. 2016 (classification with a convolutional network)"

    def __init__(
        self,
        module: nn.Module,
        labels: Sequence[str],
        *,
        exclusive: bool,
        size: Sequence[int],
        mean: Sequence[float] = (0.5,),
        std: Sequence[float] = (0.25,),
        threshold: float = 0.5,
        architecture: str | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        self.size = tuple(int(n) for n in size)
        self.maskers: dict[str, masking.Masker] = {}
        common: dict[str, Any] = {"threshold": threshold, "architecture": architecture, "about": about}
        super().__init__(module, labels, exclusive=exclusive, mean=mean, std=std, **common)
        _check_shape(self.size, self.mean, self.std)

    # Making, saving, loading

    @classmethod
    def build(
        cls,
        architecture: str,
        labels: Sequence[str],
        *,
        exclusive: bool,
        size: Sequence[int],
        channels: int,
        generator: torch.Generator,
    ) -> Self:
        """A model to be trained; `generator` draws its first weights.

        Raises:
            PellucidError: there is no such network, or it does not take such images.
            CapabilityError: the package that has it is not installed.
        """
        made = architectures.build(architecture, channels=channels, axes=len(size), labels=len(labels), generator=generator)
        mean, std = architectures.normalisation(architecture, channels)
        return cls(made, labels, exclusive=exclusive, size=size, mean=mean, std=std, architecture=architecture)

    @classmethod
    def from_transformers(
        cls, source: str | Path, device: str = "cpu", *, multi_label: bool | None = None, threshold: float = 0.5
    ) -> Self:
        """Open an image classifier that transformers saved: a folder, or a hub id ("org/name").

        Images are stretched to the size that the network reads, never cropped, and scaled as its preprocessor_config.json says.

        Args:
            multi_label: whether every label is a question of its own; None for what its configuration says.

        Raises:
            CheckpointError: there is none, it is no classifier of images, or its weights are incomplete or pickled.
        """
        found = hub.opened(str(source), multi_label)
        scale: dict[str, Any] = {"size": found.size, "mean": found.mean, "std": found.std, "threshold": threshold}
        about = {"source": str(source)}
        return cls(found.module, found.labels, exclusive=found.exclusive, about=about, **scale).to(device)

    @classmethod
    def _empty(cls, said: dict[str, Any]) -> nn.Module:
        shape = {"channels": len(said["mean"]), "axes": len(said["size"]), "labels": len(said["labels"])}
        return architectures.empty(said["architecture"], **shape)

    def _write_more(self, folder: Path) -> dict[str, Any]:
        return storing.write(self.maskers, folder, self.fingerprint)

    def _read_more(self, folder: Path, manifest: Mapping[str, Any]) -> None:
        self.maskers = storing.read(manifest.get("maskers"), folder, self.module, self.fingerprint)

    def parts(self) -> dict[str, nn.Module]:
        """The modules of the weights, each of which may have its own learning rate."""
        return split_at_head(members_of(self.module))

    @property
    def lacks(self) -> frozenset[str]:
        """Capabilities that this network does not have, and those of mask networks that were not trained for it."""
        return self._lacks_by_nature | masking.lacking(self)

    @cached_property
    def _lacks_by_nature(self) -> frozenset[str]:
        """Maps without convolutions, embeddings without a linear layer."""
        linear = any(isinstance(part, nn.Linear) for part in self.module.modules())
        patches = vision_transformer.can_be_read(self.module, self._sample())  # its only maps are made before it looks around
        missing = {"feature_maps": patches or not self.map_layers, "embeddings": not linear, "patch_attention": not patches}
        return frozenset(name for name, lacking in missing.items() if lacking)

    # Reading images

    @torch.no_grad()
    def encode(self, cases: Sequence[Case]) -> Batch:
        """Images at the network's resolution; units are its pixels.

        Raises:
            DataError: a case has no image, or one that does not fit.
        """
        data = self.normalised(frames(cases, self.size, len(self.mean)).to(self.device, self.dtype))
        return self.batch_of(cases, PixelUnits.of(self.size), data)

    def rows_of(self, read: Float[Tensor, "B D *S"]) -> Float[Tensor, "B L D"]:
        """Images as rows of pixels."""
        return read.flatten(2).transpose(1, 2)

    def inputs_of(self, rows: Float[Tensor, "B L D"]) -> Float[Tensor, "B D *S"]:
        """Rows of pixels as images."""
        images: Tensor = rows.transpose(1, 2).unflatten(2, self.size)
        return images

    def measured(self, batch: Batch, case: int) -> Measured:
        """Shades in [0, 1] but for rounding, channels first."""
        shades = self.denormalised(self.pixels(batch)[case : case + 1])[0]
        return Measured(shades, lambda versions: self.rows_of(self.normalised(versions)), "shade")

    # Scores

    def forward(self, batch: Batch, shift: Float[Tensor, "M R d"] | None = None) -> Forward:
        """All labels, differentiable with respect to the weights, the pixels and the shift of the pixels."""
        layer = self.map_layers[-1] if self.map_layers else None
        features = shifted(self.rows_of(self.pixels(batch)), shift)
        with opened.caught(self.module, () if layer is None else places(self.module, layer)) as maps:
            images = self.inputs_of(features)
            each = torch.stack([member(images) for member in members_of(self.module)])
        return passed(each.mean(0), features, each=each, maps=tuple(maps))

    def masked_scores(
        self, batch: Batch, case: int, keep: Float[Tensor, "P *S"], filler: Filler, targets: Sequence[Target]
    ) -> Float[Tensor, "P K"]:
        """Targets on versions of one image of which each pixel is removed in part."""
        pixels, fill = self.pixels(batch)[case], self._filling(batch, case, filler)
        blocks = []
        for start in range(0, len(keep), self.at_once):
            mask = keep[start : start + self.at_once, None].to(pixels)
            blocks.append(self.targeted(self.logits(fill + mask * (pixels - fill)).double(), targets))
        return torch.cat(blocks)

    # Gradients, maps and embeddings

    @cached_property
    def map_layers(self) -> tuple[str, ...]:
        """Names of the layers with feature maps, blocks of layers among them, in the order in which they are finished.

        Those of an ensemble are the layers of each of its members.
        """
        return opened.map_layers(opened.output_shapes(members_of(self.module)[0], self._sample()), len(self.size))

    @torch.enable_grad()
    def feature_maps(self, batch: Batch, targets: Sequence[Target], layer: str | None = None) -> list[MapReading]:
        """A layer's maps and their gradients: the trunk is run once, without a graph, and only what is behind is sent back.

        The maps of an ensemble are those of all its members, side by side: its logits are a mean of theirs, so that what a
        method adds up over maps is what it gives of each of them, added up.

        Raises:
            PellucidError: the network has no such layer, or its outputs do not depend on it.
        """
        name = self._layer(layer)
        given, maps = opened.with_layers(self.module, places(self.module, name), self.pixels(batch), cut=True)
        logits = opened.checked(given, len(batch), len(self.labels), self.inputs)
        if not logits.requires_grad:
            raise PellucidError(f"The network's outputs do not depend on the layer {name!r}; name another one with `layer`.")
        scores = self.targeted(logits, targets)
        last = len(targets) - 1
        back = [torch.cat(torch.autograd.grad(scores[:, k].sum(), maps, retain_graph=k < last), 1) for k in range(len(targets))]
        seen = torch.cat(maps, 1).detach()
        return [MapReading(seen[b], torch.stack([g[b] for g in back])) for b in range(len(batch))]

    def patch_attention(self, batch: Batch, targets: Sequence[Target]) -> Iterator[PatchReading]:
        """The attention of a vision transformer, one image after the other.

        Raises:
            CapabilityError: the network is none.
        """
        weights = self.targeted(torch.eye(len(self.labels), dtype=torch.float64, device=self.device), targets).T
        for case, pixels in enumerate(self.pixels(batch)):
            yield vision_transformer.read(self.module, pixels[None], weights, case)

    def embed(self, pixels: Float[Tensor, "B D *S"]) -> Float[Tensor, "B E"]:
        """What enters the last linear layer (of every member), differentiable with respect to the pixels."""
        return torch.cat([opened.entering(m, opened.last_linear(m), pixels) for m in members_of(self.module)], 1)

    # Mask networks

    def evidence_masks(
        self, batch: Batch, targets: Sequence[Target], areas: Sequence[float], network: str = "nemt", seed: int | None = None
    ) -> Float[Tensor, "B K A *S"]:
        """Masks of what decides each target, by a mask network that was trained for this model."""
        return masking.evidence_masks(self, batch, targets, areas, network, seed)

    def shapley_grids(self, batch: Batch, targets: Sequence[Target]) -> Float[Tensor, "B K *g"]:
        """Shapley values of the cells of a grid, by the network "fastshap"."""
        return masking.shapley_grids(self, batch, targets)

    def to(self, device: str | torch.device | None = None, dtype: torch.dtype | None = None) -> Self:
        """Move or convert the weights in place, those of the mask networks too."""
        for masker in self.maskers.values():
            masker.to(device=device, dtype=dtype)
        return super().to(device, dtype)

    # Shared pieces

    def _scale(self, like: Tensor) -> tuple[Tensor, Tensor]:
        shape = (-1, *[1] * len(self.size))
        return as_like(self.mean, like).view(shape), as_like(self.std, like).view(shape)

    def _sample(self) -> Float[Tensor, "1 D *S"]:
        """An image to try the network on."""
        return torch.zeros(1, len(self.mean), *self.size, device=self.device, dtype=self.dtype)

    def _layer(self, name: str | None) -> str:
        if name is None:
            return self.map_layers[-1]
        if name not in self.map_layers:
            raise PellucidError(
                f"The network has no layer {name!r} with feature maps; it has {', '.join(self.map_layers[-5:])}."
            )
        return name

    def _filling(self, batch: Batch, case: int, filler: Filler) -> Float[Tensor, "D *S"]:
        name = ("filling", case, filler)
        if name not in batch.memo:
            batch.memo[name] = filling(self.pixels(batch)[case], filler, batch.cases[case].id)
        fill: Tensor = batch.memo[name]
        return fill

    @torch.no_grad()
    def _versions(self, batch: Batch, case: int, keep: Bool[np.ndarray, "P U"], filler: Filler) -> Float[Tensor, "P D *S"]:
        pixels = self.pixels(batch)[case]
        mask = as_masks(keep, self.size, pixels)
        if filler == "inpaint":
            return inpainted(pixels, mask[:, 0] > 0, batch.cases[case].id)
        return torch.where(mask > 0, pixels, self._filling(batch, case, filler))


def _check_shape(size: tuple[int, ...], mean: tuple[float, ...], std: tuple[float, ...]) -> None:
    """Refuse what is no image.

    Raises:
        PellucidError: size or normalisation cannot be right.
    """
    if len(size) not in (2, 3) or min(size) < 1:
        raise PellucidError(f"The size {size} is none of an image; give (height, width) or (depth, height, width).")
    if len(mean) not in (1, 3) or len(mean) != len(std) or min(std) <= 0:
        raise PellucidError("Mean and std need one value a channel, of 1 or 3 channels, and std values above 0.")
