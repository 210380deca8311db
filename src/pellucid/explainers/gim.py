"""GIM: gradients whose backward pass does not let attention repair itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pellucid.attribution import Attribution
from pellucid.errors import PellucidError
from pellucid.explainers.attention import attention_readings
from pellucid.explainers.base import Facts, attribute
from pellucid.explainers.products import Reduction, gim_products
from pellucid.predictor import Batch, Predictor, require
from pellucid.registry import explainers
from pellucid.target import Target


def check_temperature(temperature: float) -> None:
    """Refuse a softmax that is not one.

    Raises:
        PellucidError: the temperature is not positive.
    """
    if not temperature > 0:
        raise PellucidError(f"The temperature of GIM is {temperature}; it must be positive, such as 2.")


@explainers.register("gim")
@dataclass(frozen=True)
class Gim(Facts):
    """The difference to the reference times the modified gradient: `sum_d (x - x')_d * g~_d`.

    A softmax makes up for a token that is removed by attending to those like it, so that a gradient gives too little to each of
    several tokens that say the same. `g~` is a gradient sent back with softmaxes at a higher temperature, with the gradient of
    products shared among their factors, and with the scale of layer norms held; the forward pass is the model's own. x' is the
    note with every token masked (the authors' code takes a space instead).

    Cost: that of input x gradient, with attention written out.

    Args:
        temperature: of the softmaxes in the backward pass; 1 leaves them as they are.

    Raises:
        PellucidError: a temperature that is not positive.
    """

    temperature: float = 2.0
    signed = True
    needs = ("gim_gradients",)
    cites = "Edin et al. 2025 (GIM, arXiv 2505.17630)"
    name = "gim"

    def __post_init__(self) -> None:
        check_temperature(self.temperature)

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        found = gim_products(predictor, batch, targets, self.temperature, self.name)
        return [attribute(self, predictor, batch, i, targets, p.difference.sum) for i, p in enumerate(found)]


@explainers.register("attingim_signed", reduce="sum")
@explainers.register("attingim")
@dataclass(frozen=True)
class AttInGim(Facts):
    """Label attention times GIM: `A_i * || (x - x')_i * g~_i ||_2`, or with the signed sum.

    AttInGrad with the gradient of GIM; our own combination, with no published results.

    Cost: that of GIM, and nothing more where that was asked for as well.

    Args:
        reduce: "l2" (no sign) or "sum".
        temperature: as in GIM.

    Raises:
        PellucidError: a temperature that is not positive.
    """

    reduce: Reduction = "l2"
    temperature: float = 2.0
    needs = ("label_attention", "gim_gradients")
    cites = "Edin et al. 2024 (AttInGrad) with Edin et al. 2025 (GIM)"

    def __post_init__(self) -> None:
        check_temperature(self.temperature)

    @property
    def name(self) -> str:
        return "attingim" if self.reduce == "l2" else "attingim_signed"

    @property
    def signed(self) -> bool:  # type: ignore[override]
        return self.reduce == "sum"

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        require(predictor, self.needs, self.name)
        readings = attention_readings(predictor, batch, targets, self.name)
        found = gim_products(predictor, batch, targets, self.temperature, self.name)
        return [
            attribute(self, predictor, batch, i, targets, r.attention * p.difference.by(self.reduce)[:, : r.attention.shape[1]])
            for i, (r, p) in enumerate(zip(readings, found, strict=True))
        ]
