"""Perturbation of signals: stretches of single leads are taken away, one at a time or in coalitions.

The formulas are those of images, with a stretch of a lead in place of a region.
"""

from __future__ import annotations

from dataclasses import dataclass

from pellucid.explainers.images.kernel_shap import RegionKernelShap
from pellucid.explainers.images.lime import RegionLime
from pellucid.explainers.images.occlusion import RegionOcclusion
from pellucid.registry import explainers
from pellucid.units import RegionKind


@explainers.register("occlusion_segment")
@dataclass(frozen=True)
class SegmentOcclusion(RegionOcclusion):
    """What the logit loses when a stretch of one lead goes, shared evenly among its samples.

    Cost: one forward pass a stretch, for all targets together.

    Args:
        regions: about how many stretches, of all leads together; they are of nearly equal length.
        filler: "mask", the mean of the lead, or "inpaint", the line between the samples around.

    Raises:
        PellucidError: no stretches.
    """

    unit: RegionKind = "segment"
    regions: int = 480
    modalities = ("signal",)


@explainers.register("lime_segment")
@dataclass(frozen=True)
class SegmentLime(RegionLime):
    """Slopes of a ridge regression of the logit on which stretches of leads are there, weighted by nearness to the signal.

    Samples, weights and fit are those of :class:`pellucid.explainers.lime.Lime`.

    Cost: `samples` + 1 forward passes and one more, for all targets together.
    """

    unit: RegionKind = "segment"
    regions: int = 96
    modalities = ("signal",)


@explainers.register("kernel_shap_segment")
@dataclass(frozen=True)
class SegmentKernelShap(RegionKernelShap):
    """What each stretch of a lead adds to the logit, averaged over all orders in which they could be put into a flat signal.

    Coalitions and fit are those of :class:`pellucid.explainers.kernel_shap.KernelShap`. Scores add up to f(x) - f(x') but for
    rounding, where x' is the signal with every sample replaced by the filler.

    Cost: `samples` + 2 forward passes, for all targets together.
    """

    unit: RegionKind = "segment"
    regions: int = 96
    modalities = ("signal",)
