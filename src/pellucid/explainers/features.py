"""Perturbation of rows: measurements become the mean of the training cases, one at a time or in coalitions.

The formulas are those of text, with a measurement in place of a word.
"""

from __future__ import annotations

from dataclasses import dataclass

from pellucid.explainers.kernel_shap import KernelShap
from pellucid.explainers.lime import Lime
from pellucid.explainers.occlusion import Occlusion
from pellucid.explainers.spreading import Kind
from pellucid.registry import explainers


@explainers.register("occlusion_feature")
@dataclass(frozen=True)
class FeatureOcclusion(Occlusion):
    """What the logit loses when one measurement becomes the mean of the training cases: `f(x) - f(x with the mean there)`.

    Positive where the measurement speaks for the label, negative where it speaks against it.

    Cost: one perturbed version a measurement, for all targets together.
    """

    unit: Kind = "feature"
    modalities = ("table",)
    cites = "Zeiler and Fergus 2014; Robnik-Sikonja and Kononenko 2008 (single values of a row)"


@explainers.register("lime_feature")
@dataclass(frozen=True)
class FeatureLime(Lime):
    """Slopes of a ridge regression of the logit on which measurements are there, the others being their mean.

    Samples, weights and fit are those of :class:`pellucid.explainers.lime.Lime`.

    Cost: `samples` + 1 perturbed versions, for all targets together.
    """

    unit: Kind = "feature"
    modalities = ("table",)


@explainers.register("kernel_shap_feature")
@dataclass(frozen=True)
class FeatureKernelShap(KernelShap):
    """What each measurement adds to the logit, averaged over all orders in which they could be put into the mean row.

    Coalitions and fit are those of :class:`~pellucid.explainers.kernel_shap.KernelShap`, exact where all of the former fit into
    `samples` (eight measurements need 254). Scores add up to f(x) - f(x'), where x' is the mean of the training cases.

    Cost: `samples` + 2 perturbed versions, for all targets together.
    """

    unit: Kind = "feature"
    samples: int | None = None
    modalities = ("table",)
