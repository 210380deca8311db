"""SmoothGrad: saliency of many noisy copies of the image, signal or row, averaged before its sign is dropped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.attribution import Attribution
from pellucid.errors import PellucidError
from pellucid.explainers.base import Facts, attribute
from pellucid.explainers.gradients import add, largest
from pellucid.predictor import Batch, Predictor
from pellucid.randomness import stream
from pellucid.registry import explainers
from pellucid.target import Target


@explainers.register("smoothgrad")
@dataclass(frozen=True)
class SmoothGrad(Facts):
    """The mean gradient of the logit over noisy copies of the image, then the largest absolute value over channels.

    Gaussian noise is drawn once a case for all targets, in pairs `x + n` and `x - n`: what the gradient has that is linear in
    the noise cancels within a pair.

    Cost: one forward pass a copy, and one backward pass a copy and target.

    Args:
        noise: standard deviation, in units of the features, which are pixels (samples, measurements) divided by the
            normalisation's deviation.
        samples: how many copies; an even number.
        seed: of the noise.
    """

    noise: float = 0.5
    samples: int = 32
    seed: int = 0
    stochastic = True
    modalities = ("image", "table", "signal")
    cites = "Smilkov et al. 2017, section 3.1; antithetic pairs: Hammersley and Morton 1956"
    name = "smoothgrad"

    def __post_init__(self) -> None:
        if self.samples < 2 or self.samples % 2:
            raise PellucidError(f"SmoothGrad draws its samples in pairs, so {self.samples} cannot be; give an even number.")
        if not self.noise >= 0:
            raise PellucidError(f"A noise of {self.noise} is no standard deviation; give 0 or more.")

    def __call__(self, predictor: Predictor, batch: Batch, targets: Sequence[Target]) -> list[Attribution]:
        x = predictor.features(batch)
        totals = torch.zeros((len(x), len(targets), *x.shape[1:]), dtype=torch.float64, device=x.device)
        for noise in self._noises(batch, x):
            for sign in (1, -1):
                add(totals, predictor.feature_gradients(batch, targets, x + sign * noise), 1 / self.samples)
        return [attribute(self, predictor, batch, i, targets, largest(total)) for i, total in enumerate(totals)]

    def _noises(self, batch: Batch, x: Float[Tensor, "B L D"]) -> Iterator[Float[Tensor, "B L D"]]:
        """One draw for each pair of copies."""
        streams = [stream(self.seed, "smoothgrad", case.id) for case in batch.cases]
        for _ in range(self.samples // 2):
            drawn = [torch.from_numpy(random.normal(0.0, self.noise, tuple(x.shape[1:]))) for random in streams]
            yield torch.stack(drawn).to(x)
